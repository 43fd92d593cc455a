"""The manifest of a build: what went in, what came out, and with which tools. It is written last."""

# Tested in tests/dataset/test_run.py.

import importlib.metadata
import json
import platform
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from emocap.captioning.registry import CAPTIONERS
from emocap.core.files import sha256
from emocap.core.version import __version__
from emocap.dataset import label_matches
from emocap.dataset.passed_over import PassedOver
from emocap.dataset.recipe import BuildRecipe
from emocap.faces.detectors.base import Detector
from emocap.io.parquet import read_counts

_PACKAGES = ("pillow", "opencv-python", "pyarrow", "ray", "insightface", "onnxruntime", "scikit-image", "av", "openai")


def make_manifest(recipe: BuildRecipe, detector: Detector | None, out: Path) -> dict[str, Any]:
    """The manifest of a build whose files are all there; reads them one after the other."""
    found = _sum(out / "faces")
    selected = read_counts(out / "selected.parquet")
    captioned = CAPTIONERS[recipe.captioner.backend].make is not None
    shards = [_shard(out, number) for number in range(selected["shards"] if captioned else 0)]
    return {
        "emocap_build_version": 2,
        "counts": {
            "inputs": found["inputs"],
            "frames": found["frames"],
            "found": found["faces"],
            "faces": selected["faces"],
            "samples": sum(shard["samples"] for shard in shards),
            "rejects": _rejects(out / "rejects"),
            "passed_over": dict(PassedOver.of_counts(read_counts(out / "inputs.parquet")).counts),
        },
        "labels": label_matches.kept(out) or [],
        "shards": shards,
        "detector": {
            "name": recipe.faces.detector,
            "licence": detector.licence if detector else None,
            "blocks": {name[3:]: count for name, count in found.items() if name.startswith("on ")},
        },
        "captioner": _captioner(recipe, out),
        "versions": {
            "emocap": __version__,
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in _PACKAGES},
        },
    }


def _sum(folder: Path) -> Counter[str]:
    total: Counter[str] = Counter()
    for path in folder.glob("*.parquet"):
        total.update(read_counts(path))
    return total


def _shard(out: Path, number: int) -> dict[str, Any]:
    name = f"emocap-{number:06d}"
    tar = out / "shards" / f"{name}.tar"
    samples = pq.read_metadata(out / "index" / f"{name}.parquet").num_rows
    return {"name": name, "samples": samples, "bytes": tar.stat().st_size, "sha256": sha256(tar)}


def _rejects(folder: Path) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str]] = Counter()
    for path in folder.glob("*.parquet"):
        for batch in pq.ParquetFile(path).iter_batches(columns=["stage", "reason"]):
            counts.update(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return [{"stage": s, "reason": r, "count": n} for (s, r), n in sorted(counts.items())]


def _captioner(recipe: BuildRecipe, out: Path) -> dict[str, Any]:
    captioner = recipe.captioner
    return {
        "backend": captioner.backend,
        **CAPTIONERS[captioner.backend].describe(captioner, out / "replies"),
    }


def read_manifest(out: Path) -> dict[str, Any]:
    """The manifest of a finished build."""
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return manifest
