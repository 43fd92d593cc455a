from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.registry import read_examples


def touched(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


Seen = list[tuple[str, str | None, str | None]]


def seen(name: str, root: Path) -> Seen:
    return [
        (example.splits[0], example.label, example.subject)
        for example in read_examples(load(Card, "benchmarks", name), root)
    ]


@pytest.mark.parametrize(
    ("name", "paths", "expected"),
    [
        (
            "sfew",
            [
                "Train/Train_Aligned_Faces/Angry/a.png",
                "Val/Val_Aligned_Faces/Happy/b.png",
                "Test/Test_Aligned_Faces/c.png",
            ],
            [("train", "anger", None), ("test", "happiness", None)],
        ),
        ("jaffe", ["jaffedbase/KA.SU2.37.tiff"], [("test", "surprise", "KA")]),
        (
            "fer2013-folders",
            ["test/sad/PrivateTest_1.jpg", "train/neutral/Training_2.jpg"],
            [("test", "sadness", None), ("train", "neutral", None)],
        ),
        (
            "oulu-casia",
            [
                f"OriginalImg/{light}/P012/Anger/{frame:03d}.jpeg"
                for light in ("VL/Strong", "VL/Weak")
                for frame in range(20)
            ],
            [("test", "anger", "P012")] * 3,
        ),
        (
            "caer-s",
            ["test/Happy/0001.png", "train/Anger/0001.png"],
            [("test", "happiness", None), ("train", "anger", None)],
        ),
    ],
)
def test_paths_say_what_is_shown(tmp_path: Path, name: str, paths: list[str], expected: Seen) -> None:
    assert seen(name, touched(tmp_path, *paths)) == expected


def test_appledouble_files_are_no_pictures(tmp_path: Path) -> None:
    root = touched(tmp_path, "test/sad/1.jpg", "test/sad/._1.jpg", "test/._sad", "test/sad/.DS_Store")
    assert len(seen("fer2013-folders", root)) == 1
    root = touched(tmp_path, "KA.SU2.37.tiff", "._KA.SU2.37.tiff")
    assert len(seen("jaffe", root)) == 1


@pytest.mark.parametrize(
    ("name", "path", "label"),
    [
        ("sfew", "Val/Val_Aligned_Faces/Contempt/b.png", "Contempt"),
        ("jaffe", "KA.CO1.1.tiff", "CO"),
        ("fer2013-folders", "test/contempt/1.jpg", "contempt"),
        ("oulu-casia", "OriginalImg/VL/Strong/P001/Neutral/000.jpeg", "Neutral"),
        ("caer-s", "test/Angry/0001.png", "Angry"),
    ],
)
def test_a_folder_without_a_class_is_told(tmp_path: Path, name: str, path: str, label: str) -> None:
    with pytest.raises(UserError, match=rf"labels that the card has no class for: '{label}' \(1\)"):
        seen(name, touched(tmp_path, path))


def test_another_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file below .* has a path in which"):
        seen("sfew", touched(tmp_path, "angry/1.png"))
