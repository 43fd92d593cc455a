"""The list of a build's inputs, and what can be said of them before any is read."""

# Tested in tests/dataset/test_run.py.

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from emocap.captioning.registry import CAPTIONERS
from emocap.core.errors import UserError
from emocap.dataset import label_matches
from emocap.dataset.passed_over import PassedOver
from emocap.dataset.readers.base import Input
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.sources import KINDS
from emocap.io.parquet import TableWriter

log = logging.getLogger(__name__)

_INPUTS_SCHEMA = pa.schema(
    [
        ("block", pa.int32()),
        ("path", pa.string()),
        ("source", pa.int32()),
        ("kind", pa.string()),
        ("bytes", pa.int64()),
    ]
)


def write_inputs(recipe: BuildRecipe, inputs: Iterator[Input], passed: PassedOver, out: Path) -> None:
    """Write ``inputs.parquet``, with what was passed over among its counts.

    The label tables lie in ``out`` already. Raises UserError where one of them names none of its inputs, and where
    captions are to be made of labels and no source can have any.
    """
    matches = label_matches.tables(recipe.sources, out)
    kinds: set[str] = set()
    waiting = set()
    with TableWriter(out / "inputs.parquet", _INPUTS_SCHEMA, rows_per_group=10_000) as table:
        for block, item in _blocks(inputs, recipe.faces.block):
            table.add({"block": block, **vars(item)})
            kinds.add(item.kind)
            if (one := matches.get(item.source)) and KINDS[item.kind].has_members:
                waiting.add(one)
            elif one:
                one.see(item.source, item.path)
        _check_captioner(recipe, kinds)
        found = {one: one.result() for one in dict.fromkeys(matches.values()) if one not in waiting}
        for result in found.values():
            label_matches.refuse_strangers(result)
        table.counts = passed.to_counts()
    if passed.counts:
        log.warning("passed over: %s", passed.in_words())
    _say(list(found.values()))
    if not waiting:
        label_matches.keep(list(found.values()), out)


def count_members(recipe: BuildRecipe, out: Path) -> None:
    """Once faces were looked for: which members of archives label tables name, where that is yet to be counted."""
    if label_matches.kept(out) is None:
        found = label_matches.count_members(recipe.sources, out)
        _say(found)
        label_matches.keep(found, out)


def _say(results: list[dict[str, Any]]) -> None:
    for result in results:
        for line in label_matches.in_words(result):
            log.warning("%s", line)


def _check_captioner(recipe: BuildRecipe, kinds: set[str]) -> None:
    named = any(source.labels or source.pattern for source in recipe.sources)
    if CAPTIONERS[recipe.captioner.backend].from_labels and not (named or any(KINDS[k].brings_labels for k in kinds)):
        raise UserError(
            f"captioner.backend: {recipe.captioner.backend} makes captions of labels, and no source has any; give a "
            "source labels (a table) or pattern (over paths), or choose the captioner none, which stops at the crops, "
            "or openai, a model that looks at them"
        )


def _blocks(inputs: Iterator[Input], size: int) -> Iterator[tuple[int, Input]]:
    """The number of its block for every input: ``size`` pictures are one, and whatever holds many is one by itself."""
    block, room = -1, 0
    for item in inputs:
        single = not KINDS[item.kind].holds_many
        if room == 0 or not single:
            block += 1
            room = size if single else 0
        if single:
            room -= 1
        yield block, item
