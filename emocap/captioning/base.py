"""From a face and what is known of it to a caption.

A captioner turns a sample's picture, its labels, or both into a :class:`emocap.schema.captions.Caption` and the record
of how it was made. ``annotations`` needs labels only: it words emotions and action units after a phrase book, so that
labelled collections become caption data for contrastive pretraining.
"""

# Tested in tests/captioning/test_annotations.py.

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emocap.captioning.recipe import CaptionerRecipe
from emocap.llm.reply_log import Usage
from emocap.schema.captions import Caption
from emocap.schema.samples import Captioned, Sample


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


class Captioner(Protocol):
    """Makes captions of faces; several threads may ask at the same time."""

    def caption(self, samples: Sequence[Sample], ledger: str) -> list[Outcome]:
        """An outcome for every sample, in their order. ``ledger``: the name under which replies are kept."""
        ...

    def usage(self) -> Usage:
        """What has been used so far."""
        ...


@dataclass(frozen=True)
class CaptionerType:
    """A kind of captioner, as the registry holds it; one for each file in ``emocap.captioning.captioners``."""

    name: str
    """What a recipe calls it: ``captioner.backend: openai``."""
    make: Callable[[CaptionerRecipe, Any, Mapping[str, str], Path], Captioner] | None
    """From a recipe, what ``prepare`` gave, API keys by the names of their variables, and the folder where replies are
    kept. None: there are no captions.
    """
    prepare: Callable[[CaptionerRecipe], Any] = lambda recipe: None
    """Reads on the driver what workers need, such as the file of a prompt. Raises UserError."""
    check: Callable[[CaptionerRecipe], None] = lambda recipe: None
    """Raises ValueError for a recipe that lacks what the captioner needs."""
    shards_in_hand: Callable[[CaptionerRecipe, int], int] | None = None
    """If one process must hold all limits: the number of shards that it works on at a time, by the faces per shard.
    None: any number of processes, a shard each.
    """
    describe: Callable[[CaptionerRecipe, Path], Mapping[str, Any]] = lambda recipe, replies: {}
    """What a manifest says of it, besides its name."""
    is_model: bool = False
    """Whether captions are written by a model."""
    from_labels: bool = False
    """Whether they say what the labels say."""
    title: str = ""
    """Who writes the captions, for cards of models; empty: the name."""
