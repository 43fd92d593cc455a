"""Which captioners there are."""

# Tested in tests/dataset/test_dataset_card.py.

from emocap.captioning.base import CaptionerType
from emocap.core.registries import Registry

CAPTIONERS = Registry[CaptionerType]("captioner", "emocap.captioning.captioners", "CAPTIONER")
