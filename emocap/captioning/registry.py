"""Which captioners there are."""

from emocap.captioning.base import CaptionerType
from emocap.core.registries import Registry

CAPTIONERS = Registry[CaptionerType]("captioner", "emocap.captioning.captioners", "CAPTIONER")
