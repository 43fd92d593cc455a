"""README.md of a build folder: the dataset card that the Hugging Face Hub shows."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from emocap.captioning.registry import CAPTIONERS
from emocap.core.files import replacing
from emocap.dataset.sources import KINDS
from emocap.dataset.statistics import describe
from emocap.schema.shards import read_records

_TEMPLATE = Path(__file__).with_name("dataset_card.md")
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B")
_KINDS = {
    "picture": "photos",
    "video": "videos",
    "tar": "tars of pictures",
    "parquet": "Parquet files of pictures",
    "build": "files of faces of another build",
    "synthetic": "synthetic faces",
}
# Said beforehand: guessed from the first samples, a field that is empty in all of these could not be filled later.
_FEATURES = [
    {"name": "jpg", "dtype": "image"},
    {"name": "json", "dtype": "json"},
    {"name": "__key__", "dtype": "string"},
    {"name": "__url__", "dtype": "string"},
]


def write_card(folder: Path, licence: str = "unknown") -> Path:
    """Write ``README.md`` into a finished build folder and return its path. The same build gives the same card.

    Sources are named by kind and count, never by path. Reads every caption once.
    """
    from huggingface_hub import DatasetCard, DatasetCardData

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    captioner = manifest["captioner"]
    captioned = bool(manifest["shards"])
    tars = "shards/*.tar" if captioned else "faces/*.tar"
    pictures = manifest["counts"]["samples" if captioned else "found"]
    header = DatasetCardData(
        pretty_name=folder.resolve().name,
        license=licence,
        language=["en"],
        annotations_creators=["machine-generated"],
        task_categories=["image-to-text", "zero-shot-image-classification"],
        tags=["webdataset", "faces", "facial-expression", "emotion", "emocap"],
        size_categories=[size_category(pictures)],
        configs=[{"config_name": "default", "data_files": [{"split": "train", "path": tars}]}],
        dataset_info={"config_name": "default", "features": _FEATURES},
    )
    card = DatasetCard.from_template(
        header,
        template_path=str(_TEMPLATE),
        emocap=manifest["versions"]["emocap"],
        pictures=pictures,
        captioned=captioned,
        machine=captioner["backend"] in CAPTIONERS and CAPTIONERS[captioner["backend"]].is_model,
        facts=_facts(manifest, captioner, folder),
        rejects=manifest["counts"]["rejects"],
        measures=[{"name": m.name, "value": m.text(), "paper": m.paper} for m in describe(folder).values()],
        example=_example(folder),
        tars=tars,
        pattern=_braces(sorted(path.relative_to(folder).as_posix() for path in folder.glob(tars))),
    )
    path = folder / "README.md"
    with replacing(path) as scratch:
        scratch.write_text(str(card).rstrip() + "\n", encoding="utf-8")
    return path


def size_category(samples: int) -> str:
    """The Hub's word for how many samples there are: ``n<1K``, ``1K<n<10K`` and so on."""
    return next((name for power, name in enumerate(_SIZES, 3) if samples < 10**power), "10B<n<100B")


def _facts(manifest: dict[str, Any], captioner: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    counts, detector = manifest["counts"], manifest["detector"]
    kinds: Counter[str] = Counter()
    for batch in pq.ParquetFile(folder / "inputs.parquet").iter_batches(columns=["kind"]):
        kinds.update(batch["kind"].to_pylist())
    facts = [("sources", ", ".join(f"{count:,} {_title(kind)}" for kind, count in kinds.most_common()))]
    facts += [(name, f"{counts[name]:,}") for name in ("frames", "faces", "samples") if counts.get(name)]
    licence = f" ({detector['licence']})" if detector.get("licence") else ""
    facts.append(
        ("detector", {"given": "none: boxes came with the source"}.get(detector["name"], detector["name"] + licence))
    )
    facts.append(("captioner", captioner["backend"]))
    facts += [(name, str(captioner[name])) for name in ("model", "prompt") if captioner.get(name)]
    return facts


def _title(kind: str) -> str:
    """What the files of a kind of input are called."""
    return _KINDS.get(kind) or (KINDS[kind].title if kind in KINDS else "") or kind


def _example(folder: Path) -> str | None:
    for tar in sorted((folder / "shards").glob("*.tar")):
        for record in read_records(tar):
            if record.caption:
                caption = record.caption.model_dump(by_alias=True, exclude_none=True)
                return json.dumps(caption, indent=2, ensure_ascii=False)
    return None


def _braces(tars: Sequence[str]) -> str:
    """All tars as one pattern of WebDataset: ``shards/emocap-{000000..000041}.tar``."""
    if len(tars) < 2:
        return "".join(tars)
    stem, _, first = tars[0].removesuffix(".tar").rpartition("-")
    return f"{stem}-{{{first}..{tars[-1].removesuffix('.tar').rpartition('-')[2]}}}.tar"
