"""No captions: a build of crops and records alone."""

# Tested in tests/dataset/test_run.py.

from emocap.captioning.base import CaptionerType

CAPTIONER = CaptionerType("none", None, title="nobody")
