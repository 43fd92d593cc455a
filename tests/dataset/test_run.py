"""Whole builds, over Ray, on real pictures."""

import io
import json
import shutil
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from emocap.core.errors import UserError
from emocap.dataset.crashes import CrashWatch
from emocap.dataset.detect import FindFaces
from emocap.dataset.labels import LabelTable
from emocap.dataset.notices import notices
from emocap.dataset.readers.base import Input
from emocap.dataset.recipe import BuildRecipe, ResourcesRecipe, SourceRecipe, StageRecipe
from emocap.dataset.run import build
from emocap.dataset.sources import list_inputs
from emocap.dataset.statistics import describe
from emocap.demo import ANNOTATIONS
from emocap.io.parquet import write_table
from emocap.schema.shards import Reject, read_index, read_rejects, read_shard
from emocap.schema.verify import verify

pytestmark = pytest.mark.usefixtures("ray_session")


def recipe(**parts: Any) -> BuildRecipe:
    return BuildRecipe.model_validate({"faces": {"detector": "cascade", "size": 96}, **parts})


def rejected(out: Path) -> dict[str, str]:
    """Name of the source → stage and reason."""
    return {Path(row.source).name: f"{row.stage}: {row.reason}" for row in read_rejects(out / "rejects")}


def hashes(out: Path) -> dict[str, str]:
    shards = json.loads((out / "manifest.json").read_text())["shards"]
    return {shard["name"]: shard["sha256"] for shard in shards}


@pytest.fixture
def mess(tmp_path: Path, package_photos: dict[str, Path]) -> Path:
    """A folder as people have it: one face in every kind of file, and files that are not what they seem."""
    folder = tmp_path / "mess"
    folder.mkdir()
    face = Image.open(package_photos["astronaut"]).convert("RGB").crop((100, 0, 356, 256))
    face.save(folder / "plain.jpg", quality=95)
    face.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    face.convert("RGBA").save(folder / "rgba.png")
    face.quantize(255).save(folder / "palette.png")
    wide = np.asarray(face.convert("L")).astype(np.uint16) * 257
    Image.fromarray(wide).save(folder / "sixteen.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    face.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif, quality=95)
    shutil.copy(folder / "plain.jpg", folder / "a copy of plain.jpg")
    (folder / "cut.jpg").write_bytes((folder / "plain.jpg").read_bytes()[:5000])
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("I am no picture.")
    (folder / "gone.jpg").symlink_to(folder / "nothing.jpg")
    header = b"IHDR" + (40_000).to_bytes(4) + (40_000).to_bytes(4) + b"\x08\x02\0\0\0"
    rest = (folder / "rgba.png").read_bytes()[33:]
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + zlib.crc32(header).to_bytes(4) + rest)
    shutil.copy(package_photos["coffee"], folder / "coffee.png")
    (folder / "notes.txt").write_text("I am no picture either.")
    return folder


def test_every_file_is_used_or_counted_with_its_reason(mess: Path, tmp_path: Path) -> None:
    rows = "".join(f"{path.name},happiness\n" for path in mess.iterdir() if path.name != "coffee.png")
    (tmp_path / "labels.csv").write_text("path,emotion\n" + rows)
    out = tmp_path / "out"
    faces = {"detector": "cascade", "size": 96, "min_score": 10, "min_size": 60, "block": 4, "duplicates": None}
    source = {"path": str(mess), "labels": str(tmp_path / "labels.csv")}
    manifest = build(recipe(sources=[source], faces=faces, shards={"samples": 4}), out)
    assert rejected(out) == {
        "plain.jpg": "select: duplicate",
        "cut.jpg": "read: broken_image",
        "zero.jpg": "read: empty_file",
        "text.jpg": "read: not_an_image",
        "gone.jpg": "read: unreadable",
        "bomb.png": "read: too_many_pixels",
        "coffee.png": "faces: no_face",
    }
    used = {Path(row["source"]).name for row in read_index(out / "index").to_pylist()}
    assert used == {"a copy of plain.jpg", "cmyk.jpg", "rgba.png", "palette.png", "sixteen.png", "turned.jpg"}
    assert manifest["counts"]["inputs"] == 13
    assert manifest["counts"]["passed_over"] == {".txt": 1}
    assert notices(manifest) == [
        "labels.csv: 1 of 13 rows name no input, such as notes.txt",
        "labels.csv: 1 of 13 inputs have no row, such as coffee.png",
        "files passed over: 1 .txt",
    ]
    assert manifest["counts"]["samples"] == 6
    assert [shard["samples"] for shard in manifest["shards"]] == [4, 2]
    assert verify(out) == []
    assert "words per caption" in describe(out)
    for sample in (s for tar in sorted((out / "shards").glob("*.tar")) for s in read_shard(tar)):
        assert sample.record.captioner is not None
        assert sample.record.captioner.local_from == "prototype"
        pixels = np.asarray(Image.open(io.BytesIO(sample.jpeg)))
        assert pixels.shape == (96, 96, 3)
        assert pixels.std() > 20


@pytest.mark.parametrize("detector", ["cascade", "insightface"])
def test_all_six_faces_of_t1_become_samples(
    detector: str, package_photos: dict[str, Path], tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    faces = {"detector": detector}
    if detector == "insightface":
        faces["weights"] = str(shared("models/scrfd"))
    sources = [{"path": str(path), "labels": str(ANNOTATIONS)} for path in package_photos.values()]
    build(recipe(sources=sources, faces=faces), tmp_path / "out")
    samples = [s for tar in (tmp_path / "out/shards").glob("*.tar") for s in read_shard(tar)]
    per_source = {name: sum(Path(s.record.source.path).stem == name for s in samples) for name in package_photos}
    assert per_source == {
        "t1": 6,
        "Tom_Hanks_54745": 1,
        "astronaut": 1,
        "coffee": 0,
        "chelsea": 0,
        "rocket": 0,
    }
    without = rejected(tmp_path / "out")
    assert [without[name] for name in ("coffee.png", "chelsea.png", "rocket.jpg")] == ["faces: no_face"] * 3
    for sample in samples:
        assert sample.record.captioner is not None
        assert sample.record.captioner.local_from == "annotation"


def test_labels_that_no_face_takes_are_counted(package_photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,x,y,emotion\nastronaut.png,225,118,happiness\nastronaut.png,5,5,fear\n")
    source = {"path": str(package_photos["astronaut"]), "labels": str(tmp_path / "labels.csv")}
    LabelTable.write(SourceRecipe.model_validate(source), tmp_path / "labels" / "0.sqlite")
    finder = FindFaces(recipe(sources=[source]), tmp_path, "run")
    inputs = list(list_inputs([SourceRecipe.model_validate(source)]))
    rejects: list[Reject] = []
    with CrashWatch(tmp_path / "watch", "run") as watch:
        samples = list(finder.find(inputs, watch, Counter(), lambda item, _=None: rejects.append(item)))
    assert [row.detail for row in rejects if row.reason == "labelled_face_not_found"] == [
        "labels at 5, 5 belong to no face"
    ]
    assert [sample.record.labels.emotion for sample in samples if sample.record.labels] == ["happiness"]


def test_without_a_captioner_it_stops_after_the_faces(package_photos: dict[str, Path], tmp_path: Path) -> None:
    source = {"path": str(package_photos["t1"])}
    manifest = build(recipe(sources=[source], captioner={"backend": "none"}), tmp_path / "out")
    assert manifest["counts"]["faces"] >= 6
    assert manifest["shards"] == []
    (tar,) = (tmp_path / "out/faces").glob("*.tar")
    assert all(sample.record.caption is None for sample in read_shard(tar))


def test_block_and_workers_change_nothing_in_the_shards(
    drawn_build: Path, drawn_recipe: BuildRecipe, tmp_path: Path
) -> None:
    changed = drawn_recipe.model_copy(
        update={
            "faces": drawn_recipe.faces.model_copy(update={"block": 7}),
            "resources": ResourcesRecipe(faces=StageRecipe(workers=1)),
        }
    )
    build(changed, tmp_path / "out")
    assert hashes(tmp_path / "out") == hashes(drawn_build)


def test_a_split_never_parts_a_person(drawn_build: Path) -> None:
    rows = read_index(drawn_build / "index").to_pylist()
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["subject"], set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert set().union(*sides.values()) == {"train", "test"}


def test_what_is_done_stays_and_the_rest_is_made_again(
    drawn_build: Path, drawn_recipe: BuildRecipe, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(drawn_build, out)
    kept = out / "shards" / "emocap-000000.tar"
    before = kept.stat().st_mtime_ns
    (out / "manifest.json").unlink()
    (out / "index" / "emocap-000001.parquet").unlink()  # its tar is there, but does not count
    (out / "faces" / "faces-000002.parquet").unlink()
    build(drawn_recipe, out)
    assert hashes(out) == hashes(drawn_build)
    assert kept.stat().st_mtime_ns == before
    assert verify(out) == []


def test_another_recipe_or_other_inputs_leave_a_build_alone(package_photos: dict[str, Path], tmp_path: Path) -> None:
    pictures, out = tmp_path / "pictures", tmp_path / "out"
    pictures.mkdir()
    shutil.copy(package_photos["astronaut"], pictures / "a.png")
    crops = {"captioner": {"backend": "none"}}
    mine = recipe(sources=[{"path": str(pictures)}], **crops)
    build(mine, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"holds the result of another recipe \(faces.size: 96 → 64\)"):
        build(recipe(sources=[{"path": str(pictures)}], faces={"detector": "cascade", "size": 64}, **crops), out)
    build(mine.model_copy(update={"resources": ResourcesRecipe(faces=StageRecipe(workers=1))}), out)
    shutil.copy(package_photos["coffee"], pictures / "b.png")
    with pytest.raises(
        UserError, match=r"the inputs of .* changed since it was begun \(the first of them is .*b\.png"
    ):
        build(mine, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_not_a_build_is_left_alone(package_photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is not empty and not a build"):
        build(recipe(sources=[{"path": str(package_photos["t1"])}]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_labels_that_changed_leave_a_build_alone(package_photos: dict[str, Path], tmp_path: Path) -> None:
    table, out = tmp_path / "labels.csv", tmp_path / "out"
    table.write_text("path,emotion\nastronaut.png,happiness\n")
    mine = recipe(sources=[{"path": str(package_photos["astronaut"]), "labels": str(table)}])
    build(mine, out)
    assert build(mine, out)["counts"]["samples"] == 1
    table.write_text("path,emotion\nastronaut.png,fear\n")
    with pytest.raises(UserError, match=r"labels\.csv changed since .* was begun"):
        build(mine, out)


def test_a_source_that_cannot_be_reached_stops_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise UserError("install the driver")

    monkeypatch.setattr("emocap.dataset.detect.read_input", away)
    LabelTable.write(SourceRecipe(path="a.jpg"), tmp_path / "labels" / "0.sqlite")
    finder = FindFaces(recipe(sources=[{"path": "a.jpg"}]), tmp_path, "run")
    with pytest.raises(UserError, match="install the driver"), CrashWatch(tmp_path / "watch", "run") as watch:
        list(finder.find([Input("a.jpg", 0, "picture", 9)], watch, Counter(), lambda item, _=None: None))


def test_the_first_rejects_of_a_reason_have_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "grey").save(tmp_path / "none.png")
    source = SourceRecipe(path=str(tmp_path / "none.png"))
    LabelTable.write(source, tmp_path / "labels" / "0.sqlite")
    item = {"block": 0, "path": str(tmp_path / "none.png"), "source": 0, "kind": "picture", "bytes": 9}
    write_table(tmp_path / "inputs.parquet", pa.Table.from_pylist(20 * [item]))
    finder = FindFaces(recipe(sources=[source.model_dump()]), tmp_path, "run")
    counts = finder({"block": 0}, lambda told: None)
    assert counts == {"inputs": 20, "frames": 20, "faces: no_face": 20}
    pictures = [row.jpeg for row in read_rejects(tmp_path / "rejects")]
    assert [picture is not None for picture in pictures] == 12 * [True] + 8 * [False]
