"""The build: list the inputs, then find, select and caption over Ray Data, resuming what an earlier run left."""

import contextlib
import itertools
import logging
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from emocap.captioning.registry import CAPTIONERS
from emocap.core import progress
from emocap.core.errors import UserError
from emocap.core.files import replacing, sha256, write_json
from emocap.core.ray_session import ray_session
from emocap.core.recipes import difference, to_yaml
from emocap.dataset.caption import CaptionShard
from emocap.dataset.dataset_card import write_card
from emocap.dataset.detect import FindFaces
from emocap.dataset.display import Display
from emocap.dataset.labels import LabelTable
from emocap.dataset.listing import count_members, write_inputs
from emocap.dataset.manifest import make_manifest, read_manifest
from emocap.dataset.passed_over import PassedOver
from emocap.dataset.readers.base import Input
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.select import select
from emocap.dataset.sources import list_inputs
from emocap.dataset.stream import Row, stream
from emocap.faces.detection import make_detector
from emocap.io.parquet import read_counts
from emocap.llm.recipe import read_keys

log = logging.getLogger(__name__)

_MAY_CHANGE = (
    "resources",
    *(f"captioner.{key}" for key in ("endpoints", "tries", "deadline", "patience", "price", "budget")),
)
"""Keys of a recipe that may change from run to run: they say how the work is done, not what comes of it."""


def build(recipe: BuildRecipe, out: Path) -> dict[str, Any]:
    """Make the dataset of a recipe in ``out`` and return its manifest. The same ``out`` again resumes.

    Blocks of faces and shards that are done stay as they are. On a cluster, ``out`` and local sources must be folders
    that every node sees under the same path.

    Raises UserError where ``out`` holds something else, where inputs changed since it was begun, where a source, a
    label table, an API key or the detector's weights are missing, where a label table names none of the inputs or
    captions are to be made of labels that there are not, and where the budget is spent.
    """
    out = out.absolute()
    passed = PassedOver()
    inputs = list_inputs(recipe.sources, passed)
    keys = read_keys(recipe.captioner)
    # Fails early on missing or wrong weights; the driver itself may have no GPU.
    detector = make_detector(recipe.faces.model_copy(update={"device": "cpu"}))
    _open_folder(recipe, inputs, passed, out)
    if (out / "manifest.json").exists():
        log.info("%s is complete", out)
        if not (out / "README.md").exists():  # it was stopped between the two
            write_card(out)
        return read_manifest(out)

    with ray_session():
        with _timed("faces"):
            _find(recipe, out)
        count_members(recipe, out)
        if not (out / "selected.parquet").exists():
            with _timed("selection"):
                select(out, recipe.shards.samples, recipe.faces.duplicates)
        if CAPTIONERS[recipe.captioner.backend].make:
            with _timed("captions"):
                _caption(recipe, keys, out)
    manifest = make_manifest(recipe, detector, out)
    write_json(out / "manifest.json", manifest)
    write_card(out)
    return manifest


@contextlib.contextmanager
def _timed(what: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    log.info("%s took %.2f s", what, time.monotonic() - begun)


def _open_folder(recipe: BuildRecipe, inputs: Iterator[Input], passed: PassedOver, out: Path) -> None:
    """Begin a build folder, or make sure that the one there is the same build over the same inputs."""
    stored, listed = out / "recipe.yaml", out / "inputs.parquet"
    if stored.exists() and listed.exists():
        if change := difference(BuildRecipe, stored, recipe, ignore=_MAY_CHANGE):
            raise UserError(f"{out} holds the result of another recipe ({change}); choose another folder")
        now = ((item.path, item.source, item.bytes) for item in inputs)
        before = ((row["path"], row["source"], row["bytes"]) for row in _listed(out, ["path", "source", "bytes"]))
        for new, old in itertools.zip_longest(now, before):
            if new != old:
                which = (new or old or ("",))[0]
                raise UserError(
                    f"the inputs of {out} changed since it was begun (the first of them is {which}); "
                    "choose another folder"
                )
        _check_labels(recipe, out)
        return
    if out.exists() and any(not _ours(path) for path in out.iterdir()):
        raise UserError(f"{out} is not empty and not a build; choose another folder")
    for number, source in enumerate(recipe.sources):
        LabelTable.write(source, out / "labels" / f"{number}.sqlite")
    with replacing(stored) as scratch:
        scratch.write_text(to_yaml(recipe), encoding="utf-8")
    write_inputs(recipe, inputs, passed, out)


def _check_labels(recipe: BuildRecipe, out: Path) -> None:
    """Raises UserError where a label table is no longer what it was when the build was begun."""
    for number, source in enumerate(recipe.sources):
        if source.labels is None:
            continue
        again = out / "labels" / f"{number}.again.tmp"
        try:
            LabelTable.write(source, again)
            if sha256(again) != sha256(out / "labels" / f"{number}.sqlite"):
                raise UserError(f"{source.labels} changed since {out} was begun; choose another folder")
        finally:
            again.unlink(missing_ok=True)


def _ours(path: Path) -> bool:
    """Whether this is what a build leaves that was stopped before it had begun."""
    return path.name.endswith(".tmp") or path.name in ("recipe.yaml", "labels")


def _listed(out: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(out / "inputs.parquet").iter_batches(batch_size=10_000, columns=columns):
        yield from batch.to_pylist()


def _find(recipe: BuildRecipe, out: Path) -> None:
    total = pq.read_metadata(out / "inputs.parquet").num_rows
    with progress.stage("finding faces", total) as stage:
        display = Display(stage, "inputs", ("frames", "faces"))

        def todo() -> Iterator[Row]:
            for block, _ in itertools.groupby(_listed(out, ["block"]), key=lambda row: row["block"]):
                index = out / "faces" / f"faces-{block:06d}.parquet"
                if index.exists():
                    display.before(read_counts(index))
                else:
                    yield {"block": block}

        providers: set[str] = set()
        worker = (recipe, out, uuid.uuid4().hex)
        for counts in stream(FindFaces, worker, todo(), recipe.resources.faces, watch=display.live):
            display.done(counts)
            if new := {name for name in counts if name.startswith("on ")} - providers:
                log.info("the detector runs %s", ", ".join(new))
                providers |= new


def _caption(recipe: BuildRecipe, keys: dict[str, str], out: Path) -> None:
    captioner, resources = recipe.captioner, recipe.resources.captions
    kind, threads = CAPTIONERS[captioner.backend], 1
    if kind.shards_in_hand:
        resources = resources.model_copy(update={"workers": 1})
        threads = kind.shards_in_hand(captioner, recipe.shards.samples)
    selected = read_counts(out / "selected.parquet")
    with progress.stage("writing captions", selected["faces"]) as stage:
        display = Display(stage, "faces", ("samples",))

        def todo() -> Iterator[Row]:
            for shard in range(selected["shards"]):
                index = out / "index" / f"emocap-{shard:06d}.parquet"
                if index.exists():
                    display.before(read_counts(index))
                else:
                    yield {"shard": shard}

        worker = (captioner, kind.prepare(captioner), keys, out)
        for counts in stream(CaptionShard, worker, todo(), resources, threads, watch=display.live):
            display.done(counts)
