"""The build: list the inputs, then find, select and caption over Ray Data, resuming what an earlier run left."""

import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emocap import __version__, progress
from emocap.build.caption import CaptionShard
from emocap.build.find import FindFaces
from emocap.build.labels import read_table
from emocap.build.recipe import BuildRecipe, ResourcesRecipe
from emocap.build.select import select
from emocap.build.sources import Input, list_inputs
from emocap.errors import UserError
from emocap.faces import detectors
from emocap.recipes import difference, to_yaml
from emocap.shards import read_index, read_rejects, replacing, sha256, write_json, write_rejects, write_table

log = logging.getLogger(__name__)


def build(recipe: BuildRecipe, out: Path) -> dict[str, Any]:
    """Make the dataset of a recipe in ``out`` and return its manifest. The same ``out`` again resumes.

    Blocks of faces and shards that are done stay as they are. Raises UserError where ``out`` holds something else,
    where inputs changed since it was begun, or where a source, a label table or the detector's weights are missing.
    """
    inputs = list_inputs(recipe.sources)
    for source in recipe.sources:
        read_table(source)
    faces = recipe.faces
    detector = None if faces.detector == "given" else detectors.make(faces.detector, faces.weights, faces.min_score)
    _open_folder(recipe, inputs, out)
    if (out / "manifest.json").exists():
        log.info("%s is complete", out)
        manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        return manifest

    blocks = [inputs[i : i + faces.block] for i in range(0, len(inputs), faces.block)]
    with ray_session():
        _find(blocks, recipe, out)
        plan = select(out / "faces", recipe.shards.samples)
        write_rejects(out / "rejects" / "select.parquet", plan.rejects)
        captioned = recipe.captioner.backend != "none"
        if captioned:
            _caption(plan.shards, recipe.resources, out)
    manifest = _manifest(recipe, len(inputs), plan.faces, len(plan.shards) if captioned else 0, detector, out)
    write_json(out / "manifest.json", manifest)
    return manifest


def _open_folder(recipe: BuildRecipe, inputs: Sequence[Input], out: Path) -> None:
    """Begin a build folder, or make sure that the one there is the same build over the same inputs."""
    stored = out / "recipe.yaml"
    listed = out / "inputs.parquet"
    table = pa.Table.from_pylist([vars(item) for item in inputs])
    if stored.exists() and listed.exists():
        if change := difference(BuildRecipe, stored, recipe, ignore=("resources",)):
            raise UserError(f"{out} holds the result of another recipe ({change}); choose another --out")
        before = {(row["path"], row["source"]): row["bytes"] for row in pq.read_table(listed).to_pylist()}
        now = {(item.path, item.source): item.bytes for item in inputs}
        if changed := [path for path, _ in dict(before.items() ^ now.items())]:
            raise UserError(
                f"the inputs of {out} changed since it was begun ({len(changed)} of them, such as {changed[0]}); "
                "choose another --out"
            )
        return
    if out.exists() and any(not path.name.endswith(".tmp") for path in out.iterdir() if path != stored):
        raise UserError(f"{out} is not empty and not a build; choose another --out")
    with replacing(stored) as scratch:
        scratch.write_text(to_yaml(recipe), encoding="utf-8")
    write_table(listed, table)


def _find(blocks: Sequence[Sequence[Input]], recipe: BuildRecipe, out: Path) -> None:
    todo: list[dict[str, Any]] = [
        {
            "block": number,
            "paths": [item.path for item in block],
            "sources": [item.source for item in block],
            "bytes": [item.bytes for item in block],
        }
        for number, block in enumerate(blocks)
        if not (out / "faces" / f"faces-{number:06d}.parquet").exists()
    ]
    with progress.stage("finding faces", sum(map(len, blocks))) as stage:
        stage.advance(sum(map(len, blocks)) - sum(len(row["paths"]) for row in todo))
        for counts in _stream(FindFaces, (recipe, out.absolute()), todo, recipe.resources):
            stage.advance(counts["inputs"], faces=counts["faces"], rejected=counts["rejects"])


def _caption(shards: Sequence[dict[str, list[str]]], resources: ResourcesRecipe, out: Path) -> None:
    todo: list[dict[str, Any]] = [
        {"shard": number, "files": list(files), "keys": list(files.values())}
        for number, files in enumerate(shards)
        if not (out / "index" / f"emocap-{number:06d}.parquet").exists()
    ]
    total = sum(len(keys) for shard in shards for keys in shard.values())
    with progress.stage("writing captions", total) as stage:
        stage.advance(total - sum(len(keys) for row in todo for keys in row["keys"]))
        for counts in _stream(CaptionShard, (out.absolute(),), todo, resources):
            stage.advance(counts["faces"], samples=counts["samples"], rejected=counts["rejects"])


@contextlib.contextmanager
def ray_session() -> Iterator[None]:
    """A Ray session: the cluster that RAY_ADDRESS names, or this machine for as long as the block runs."""
    # Ray speaks of its own workings on stderr; what fails in a worker is raised here all the same.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    mine = not ray.is_initialized()
    if mine:
        address = os.environ.get("RAY_ADDRESS")
        with _silence():
            ray.init(
                address=address,
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_auto_log_stats = False
    try:
        yield
    finally:
        if mine:
            ray.shutdown()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches stderr while the block runs, not even from C++; exceptions pass."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _stream(
    worker: Callable[..., Any], arguments: tuple[Any, ...], rows: list[dict[str, Any]], resources: ResourcesRecipe
) -> Iterator[dict[str, Any]]:
    """Run a worker class over rows on Ray Data, a block per row, and yield its results as they come."""
    if not rows:
        return
    import ray

    workers = resources.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    dataset = ray.data.from_items([{"row": json.dumps(row)} for row in rows], override_num_blocks=len(rows)).map(
        _Parsed,  # type: ignore[arg-type]
        fn_constructor_args=(worker, arguments),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(workers, len(rows))),
        num_cpus=resources.cpus,
    )
    yield from dataset.iter_rows()


class _Parsed:
    """A worker behind rows of one JSON column: Arrow would guess types for nested lists, and differently per block."""

    def __init__(self, worker: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._worker = worker(*arguments)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._worker(json.loads(row["row"]))
        return result


def _manifest(
    recipe: BuildRecipe, inputs: int, faces: int, shards: int, detector: detectors.Detector | None, out: Path
) -> dict[str, Any]:
    names = [f"emocap-{number:06d}" for number in range(shards)]
    index = read_index(out / "index")
    samples = Counter(index.column("shard").to_pylist())
    rejects = Counter((reject.stage, reject.reason) for reject in read_rejects(out / "rejects"))
    packages = ("pillow", "opencv-python", "pyarrow", "ray", "insightface", "scikit-image")
    return {
        "emocap_build_version": 1,
        "counts": {
            "inputs": inputs,
            "faces": faces,
            "samples": sum(samples.values()),
            "rejects": [{"stage": s, "reason": r, "count": n} for (s, r), n in sorted(rejects.items())],
        },
        "shards": [
            {
                "name": name,
                "samples": samples[name],
                "bytes": (out / "shards" / f"{name}.tar").stat().st_size,
                "sha256": sha256(out / "shards" / f"{name}.tar"),
            }
            for name in names
        ],
        "detector": {"name": recipe.faces.detector, "licence": detector.licence if detector else None},
        "captioner": recipe.captioner.backend,
        "versions": {
            "emocap": __version__,
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in packages},
        },
    }
