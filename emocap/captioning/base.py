"""From a face and what is known of it to a caption.

A captioner turns a sample's picture, its labels, or both into a :class:`emocap.schema.captions.Caption` and the record
of how it was made. ``annotations`` needs labels only: it words emotions and action units after a phrase book, so that
labelled collections become caption data for contrastive pretraining.
"""

from dataclasses import dataclass

from emocap.schema.captions import Caption
from emocap.schema.samples import Captioned


@dataclass(frozen=True)
class NoCaption:
    """Why a face got no caption: a reason for counting, a detail for reading, the raw reply where there was one."""

    reason: str
    detail: str
    text: str | None = None


Outcome = tuple[Caption, Captioned] | NoCaption
"""What a captioner makes of a face."""


class CaptionError(ValueError):
    """No caption can be made of a sample. The message is one clause that gives the reason, for a row of rejects."""
