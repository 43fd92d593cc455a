"""The softmax loss of CLIP and InfoNCE."""

# Tested in tests/losses/test_contrast.py.

from emocap.losses.contrast import softmax
from emocap.losses.registry import Contrast

CONTRAST = Contrast("softmax", softmax)
