"""No captions: a build of crops and records alone."""

from emocap.captioning.base import CaptionerType

CAPTIONER = CaptionerType("none", None, title="nobody")
