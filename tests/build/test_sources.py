from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emocap.build.recipe import DrawnRecipe, SourceRecipe
from emocap.build.sources import Input, list_inputs, open_input
from emocap.errors import UserError
from emocap.faces.images import ImageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "deep/down/c.webp", "notes.txt", "deep/._a.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(path, "PNG")
    return tmp_path / "pictures"


def names(inputs: list[Input], root: Path) -> list[str]:
    return [Path(item.path).relative_to(root).as_posix() for item in inputs]


def test_a_folder_is_searched_to_its_bottom_in_order(folder: Path) -> None:
    assert names(list_inputs([SourceRecipe(path=str(folder))]), folder) == ["a.png", "b.JPG", "deep/down/c.webp"]


def test_globs_and_files(folder: Path) -> None:
    assert names(list_inputs([SourceRecipe(path=f"{folder}/*.png")]), folder) == ["a.png"]
    deep = names(list_inputs([SourceRecipe(path=f"{folder}/**/*.*")]), folder)
    assert deep == ["a.png", "b.JPG", "deep/down/c.webp"]
    assert names(list_inputs([SourceRecipe(path=str(folder / "notes.txt"))]), folder) == ["notes.txt"]


def test_sources_keep_their_order_and_number(folder: Path) -> None:
    drawn = SourceRecipe(drawn=DrawnRecipe(count=2, seed=7))
    inputs = list_inputs([drawn, SourceRecipe(path=f"{folder}/*.png")])
    assert [(item.path, item.source) for item in inputs[:2]] == [("drawn://7/0", 0), ("drawn://7/1", 0)]
    assert inputs[2].source == 1
    assert inputs[2].bytes == (folder / "a.png").stat().st_size


@pytest.mark.parametrize("path", ["nowhere", "nowhere/*.png"])
def test_what_is_not_there_is_told(path: str) -> None:
    with pytest.raises(UserError, match="nowhere"):
        list_inputs([SourceRecipe(path=path)])


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="no pictures in"):
        list_inputs([SourceRecipe(path=str(tmp_path))])


def test_a_link_to_nowhere_is_unreadable_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    source = SourceRecipe(path=str(tmp_path))
    (item,) = list_inputs([source])
    with pytest.raises(ImageError) as error:
        open_input(item, source, {}, 10**6)
    assert error.value.reason == "unreadable"


def test_an_opened_file_knows_its_labels_below_the_source(folder: Path) -> None:
    source = SourceRecipe(path=f"{folder}/**/*.webp", pattern=r"^deep/(?P<subject>\w+)/")
    (item,) = list_inputs([source])
    opened = open_input(item, source, {}, 10**6)
    assert opened.image.shape == (4, 4, 3)
    assert len(opened.sha256) == 64
    assert opened.known[0].labels.subject == "down"


def test_a_drawn_face_brings_its_truth() -> None:
    source = SourceRecipe(drawn=DrawnRecipe(count=3, people=2, size=64))
    (item, *_) = list_inputs([source])
    opened, again = (open_input(item, source, {}, 10**6) for _ in range(2))
    assert opened.sha256 == again.sha256
    (known,) = opened.known
    assert known.face is not None
    assert known.labels.emotion in (known.labels.emotions or {})
    assert known.labels.action_units is not None
    assert known.labels.subject
