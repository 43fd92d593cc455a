from pathlib import Path

import pytest

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.aff_wild2 import AffWild2
from emocap.core.errors import UserError

EXPR = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"


def read(root: Path, task: str) -> list[Example]:
    return list(AffWild2.model_validate({"reader": "aff-wild2", "task": task}).read(root))


def annotate(root: Path, challenge: str, text: str, video: str = "video1", part: str = "Validation_Set") -> Path:
    """One video, and another in the other set, for both must be there."""
    for folder, name, content in ((part, video, text), ("Train_Set", "other", text.splitlines()[0] if text else "x")):
        path = root / challenge / folder / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))
    return root


def crops(root: Path, *names: str, video: str = "video1") -> Path:
    folder = root / "cropped_aligned" / video
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return root


def test_the_header_names_the_expressions(tmp_path: Path) -> None:
    """Another order of the names is another meaning of the numbers."""
    for header, label in ((EXPR, "Happiness"), ("Happy,Other,Fear,Sad,Angry", "Angry")):
        root = annotate(tmp_path / label, "EXPR_Classification_Challenge", f"{header}\n4\n")
        (example,) = read(root, "expr")
        assert example == Example(
            "cropped_aligned/video1/00001.jpg", example.media, ("test",), label=label, subject="video1"
        )


def test_what_is_not_annotated_or_has_no_crop_is_left_out(tmp_path: Path) -> None:
    """Line 2 is -1, frame 3 has no crop, lines 5 and 6 go on after the video's end."""
    annotate(tmp_path, "EXPR_Recognition_Challenge", f"\ufeff{EXPR}\r\n0\r\n-1\r\n1\r\n2\r\n3\r\n4\r\n")
    crops(tmp_path, "00001.jpg", "00002.jpg", "._00003.jpg", "00004.jpg")
    told = [(example.name[-9:], example.label) for example in read(tmp_path, "expr")]
    assert told == [("00001.jpg", "Neutral"), ("00004.jpg", "Disgust")]


def test_frames_of_a_video_without_any_crop_are_given(tmp_path: Path) -> None:
    annotate(tmp_path, "EXPR_Classification_Challenge", f"{EXPR}\n0\n1\n")
    assert len(read(tmp_path, "expr")) == 2


def test_the_header_names_the_units(tmp_path: Path) -> None:
    annotate(tmp_path / "annotations", "AU_Detection_Challenge", "AU12,AU1\n1,0\n-1,-1\n0,-1\n")
    first, third = read(tmp_path, "au")
    assert (first.name, first.units) == ("cropped_aligned/video1/00001.jpg", {12: 5.0, 1: 0.0})
    assert (third.name, third.units) == ("cropped_aligned/video1/00003.jpg", {12: 0.0})


def test_the_header_says_which_is_valence(tmp_path: Path) -> None:
    annotate(tmp_path, "VA_Estimation_Challenge", "arousal,valence\n0.602,-0.389\n-5,-5\n-5,0.1\n")
    (example,) = read(tmp_path, "va")
    assert example.values == {"valence": -0.389, "arousal": 0.602}


def test_sets_are_splits(tmp_path: Path) -> None:
    annotate(tmp_path, "VA_Estimation_Challenge", "valence,arousal\n0,0\n")
    (tmp_path / "VA_Estimation_Challenge/Train_Set/other.txt").write_text("valence,arousal\n1,-1\n")
    (tmp_path / "VA_Estimation_Challenge/Train_Set/._other.txt").write_bytes(b"\0\5\26\7")
    assert [(e.subject, e.splits) for e in read(tmp_path, "va")] == [("other", ("train",)), ("video1", ("test",))]


MULTI = "image,valence,arousal,expression,aus\n"


def multi_task(root: Path, *lines: str) -> Path:
    folder = root / "MTL_Challenge"
    folder.mkdir()
    (folder / "train_set.txt").write_text(MULTI + "a/00009.jpg,-5,-5,-1," + ",".join(["-1"] * 12) + "\n")
    (folder / "validation_set.txt").write_text(MULTI + "".join(f"{line}\n" for line in lines))
    return root


def test_multi_task_lists_are_read_for_every_task(tmp_path: Path) -> None:
    multi_task(
        tmp_path,
        "b_left/00003.jpg,0.5,-0.25,4," + "1,0,0,0,0,0,0,0,0,0,1,0",
        "b_left/00004.jpg,-5,-5,7," + ",".join(["-1"] * 12),
        "b_left/00005.jpg,0.1,0.2,-1," + ",".join(["0"] * 12),
    )
    assert [(e.name, e.label, e.splits) for e in read(tmp_path, "expr")] == [
        ("cropped_aligned/b_left/00003.jpg", "4", ("test",)),
        ("cropped_aligned/b_left/00004.jpg", "7", ("test",)),
    ]
    assert [e.values for e in read(tmp_path, "va")] == [
        {"valence": 0.5, "arousal": -0.25},
        {"valence": 0.1, "arousal": 0.2},
    ]
    first, last = read(tmp_path, "au")
    assert [unit for unit, value in (first.units or {}).items() if value] == [1, 25]
    assert list(last.units or {}) == [1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26]
    crops(tmp_path, "00005.jpg", video="b_left")
    assert [e.name[-9:] for e in read(tmp_path, "au")] == ["00005.jpg"]


def test_multi_task_lines_of_another_width_are_told(tmp_path: Path) -> None:
    multi_task(tmp_path, "b/00003.jpg,0.5,-0.25,4,1,0")
    with pytest.raises(UserError, match="line 2: not a picture, valence, arousal, expression and 12 units"):
        read(tmp_path, "au")


@pytest.mark.parametrize(
    ("task", "challenge", "text", "told"),
    [
        ("expr", "EXPR_Classification_Challenge", "", "is empty"),
        ("expr", "EXPR_Classification_Challenge", "0\n1\n", "its first line does not name the expressions"),
        ("expr", "EXPR_Classification_Challenge", f"{EXPR}\n8\n", "line 2: '8' is none of the 8 expressions"),
        ("expr", "EXPR_Classification_Challenge", f"{EXPR}\n0\n\n1\n", "line 3: '' is none of the 8 expressions"),
        ("au", "AU_Detection_Challenge", "0,1\n0,1\n", "its first line does not name the units"),
        ("au", "AU_Detection_Challenge", "AU1,AU2\n0\n", "line 2: 1 codes, not 2"),
        ("au", "AU_Detection_Challenge", "AU1,AU2\n0,2\n", "line 2: AU2 is coded '2'"),
        ("va", "VA_Estimation_Challenge", "0,1\n0,1\n", "its first line is not valence,arousal"),
        ("va", "VA_Estimation_Challenge", "valence,arousal\n0,1.5\n", "line 2: '0,1.5' is not valence and arousal"),
        ("va", "VA_Estimation_Challenge", "valence,arousal\n0,nan\n", "line 2: '0,nan' is not valence and arousal"),
        ("va", "VA_Estimation_Challenge", "valence,arousal\n0\n", "line 2: '0' is not valence and arousal"),
    ],
)
def test_annotation_that_is_wrong_is_told(tmp_path: Path, task: str, challenge: str, text: str, told: str) -> None:
    annotate(tmp_path, challenge, text)
    (tmp_path / challenge / "Train_Set" / "other.txt").write_text(
        {"e": f"{EXPR}\n0\n", "a": "AU1\n0\n", "v": "valence,arousal\n0,0\n"}[task[0]]
    )
    with pytest.raises(UserError, match=told):
        read(tmp_path, task)


def test_missing_annotation_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nor a folder in it has EXPR_\*_Challenge or MTL_Challenge"):
        read(tmp_path, "expr")
    (tmp_path / "EXPR_Classification_Challenge" / "Train_Set").mkdir(parents=True)
    with pytest.raises(UserError, match="Train_Set has no annotation"):
        read(tmp_path, "expr")
