"""Builds made without a pipeline: drawn faces, captioned from their labels or as by a model."""

import functools
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from emocap import synthetic
from emocap.captioning import annotations
from emocap.core.files import sha256, write_json
from emocap.io.parquet import write_table
from emocap.schema.captions import Caption, LocalCaption
from emocap.schema.samples import Captioned, Face, Labels, Record, Sample, Source, make_key
from emocap.schema.shards import Reject, write_rejects, write_shard

REPLY = '{"global": "I <b>cannot</b> say", "local": []'
"""A reply that cannot be used: cut short, and with markup that a page must show as it is."""


@functools.cache
def faces() -> list[Sample]:
    """120 drawn faces of 48 pixels, with labels and without captions."""
    return [_face(index) for index in range(120)]


def _face(index: int) -> Sample:
    made = synthetic.sample(0, index, people=30, size=64)
    shown = made.expression
    buffer = io.BytesIO()
    Image.fromarray(made.image).resize((48, 48)).save(buffer, "JPEG")
    source = Source(path=f"drawn://0/{index}", sha256=f"{index:064x}"[::-1])
    record = Record(
        key=make_key(source, 0),
        source=source,
        face=Face(
            bbox=made.bbox,
            score=1.0,
            detector="given",
            crop=(0, 0, 64, 64),
            sharpness=100 + index,
            brightness=128,
            contrast=40,
        ),
        labels=Labels(
            emotion=max(shown.emotions, key=lambda name: shown.emotions[name]),
            emotions=shown.emotions,
            action_units=shown.action_units,
            intensity=shown.intensity,
        ),
    )
    return Sample(record, buffer.getvalue())


def labelled(out: Path) -> Path:
    """All 120 faces in three shards, captioned from their labels."""
    samples = []
    for face in faces():
        caption, how = annotations.caption(face.record.labels or Labels(), face.record.key)
        samples.append(Sample(face.record.model_copy(update={"caption": caption, "captioner": how}), face.jpeg))
    return _finish(out, samples, [], {"backend": "annotations"})


def divided(out: Path) -> Path:
    """The labelled faces under other keys, every third of them in the test half."""
    samples = []
    for place, face in enumerate(faces()):
        source = face.record.source.model_copy(update={"sha256": f"{place + 1000:064x}"[::-1]})
        labels = (face.record.labels or Labels()).model_copy(update={"split": "train" if place % 3 else "test"})
        caption, how = annotations.caption(labels, face.record.key)
        changed = {
            "key": make_key(source, 0),
            "source": source,
            "labels": labels,
            "caption": caption,
            "captioner": how,
        }
        samples.append(Sample(face.record.model_copy(update=changed), face.jpeg))
    return _finish(out, samples, [], {"backend": "annotations"})


def asked(out: Path, model: str, prompt: str = "emocap-1") -> Path:
    """The faces captioned as by a model; every fifth is rejected, the first of them with its reply."""
    samples: list[Sample] = []
    rejects: list[Reject] = []
    for place, face in enumerate(faces()):
        if place % 5 == 4:
            reply = REPLY if not rejects else None
            key, source = face.record.key, face.record.source.path
            rejects.append(Reject("caption", "schema", "local: at least 1 item", source, key, reply))
        else:
            samples.append(_captioned(face, model, prompt))
    count = len(samples)
    captioner = {
        "backend": "openai",
        "model": model,
        "prompt": prompt,
        "replies": count + 2 * len(rejects),
        "accepted": count,
        "prompt_tokens": 900 * count,
        "completion_tokens": 250 * count,
        "cost": 0.0005 * count,
        "budget": 5.0,
    }
    return _finish(out, samples, rejects, captioner, frames=480)


def _captioned(face: Sample, model: str, prompt: str) -> Sample:
    emotion = face.record.labels.emotion if face.record.labels else None
    caption = Caption(
        global_=f"{model} sees a face that shows {emotion} with moderate intensity.",
        local=[
            LocalCaption(region="eyes", text="The eyes are open and rest on the viewer.", action_units=["5"]),
            LocalCaption(region="mouth", text="The left mouth corner is pulled up.", action_units=["L12", "25"]),
            LocalCaption(region="chin", text="The chin is at rest."),
        ],
        summary=f"Eyes and mouth together suggest {emotion}.",
    )
    how = Captioned(backend="openai", model=model, prompt=prompt, prompt_tokens=900, completion_tokens=250)
    return Sample(face.record.model_copy(update={"caption": caption, "captioner": how}), face.jpeg)


def _finish(
    out: Path,
    samples: list[Sample],
    rejects: list[Reject],
    captioner: dict[str, Any],
    frames: int = 120,
) -> Path:
    write_shard(out / "faces" / "faces-000000.tar", out / "faces" / "faces-000000.parquet", faces())
    shards = []
    for number, begin in enumerate(range(0, len(samples), 50)):
        name, some = f"emocap-{number:06d}", samples[begin : begin + 50]
        tar = out / "shards" / f"{name}.tar"
        write_shard(tar, out / "index" / f"{name}.parquet", some)
        shards.append({"name": name, "samples": len(some), "bytes": tar.stat().st_size, "sha256": sha256(tar)})
    write_rejects(out / "rejects" / "captions.parquet", rejects)
    inputs = [{"path": face.record.source.path, "source": 0, "kind": "synthetic", "bytes": 0} for face in faces()]
    write_table(out / "inputs.parquet", pa.Table.from_pylist(inputs))
    (out / "recipe.yaml").write_text("faces:\n  size: 48\ncaptioner:\n  endpoints: []\n")
    counted = [{"stage": "caption", "reason": "schema", "count": len(rejects)}] if rejects else []
    found = {"inputs": 120, "frames": frames, "found": 120, "faces": 120}
    manifest: dict[str, Any] = {
        "counts": {**found, "samples": len(samples), "rejects": counted},
        "shards": shards,
        "detector": {"name": "given", "licence": None, "blocks": {}},
        "captioner": captioner,
        "versions": {"emocap": "0.1.0"},
    }
    write_json(out / "manifest.json", manifest)
    return out
