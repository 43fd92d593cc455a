"""Lists of clips: wrong ones are told, and the real excerpts of two sources agree by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.lists import Lists
from emocap.core.errors import UserError
from emocap.io.images import ImageError
from emocap.io.media import Film, Frames

Shared = Callable[[str], Path]
DFEW = ["Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear"]
ALPHABET = ["Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"]
NUMBERED = {"separator": "space", "media": ["clips/{clip}"]}


def lists(**parts: Any) -> Lists:
    return Lists.model_validate(
        {"reader": "lists", "test": "test.txt", "separator": "comma", "media": ["{clip}"], **parts}
    )


def labels(examples: list[Example]) -> dict[str, str | None]:
    return {example.name.rsplit("/", 1)[-1]: example.label for example in examples}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for clip in ("00001", "00002", "00003"):
        for number in (1, 2, 10):
            (tmp_path / clip).mkdir(exist_ok=True)
            Image.new("RGB", (8, 8)).save(tmp_path / clip / f"{number}.jpg")
        (tmp_path / clip / "._1.jpg").write_bytes(b"resource fork")
    (tmp_path / "test.txt").write_text("00001,Happy\n00002,Sad\n")
    return tmp_path


def test_frames_are_in_order_without_what_a_mac_leaves(root: Path) -> None:
    media = next(lists().read(root)).media
    assert isinstance(media, Frames)
    assert [path.name for path in media.paths] == ["1.jpg", "2.jpg", "10.jpg"]


@pytest.mark.parametrize(
    ("encoding", "text", "parts"),
    [
        ("utf-8-sig", "video_name,label\r\n00001,Happy\r\n00002,Sad\r\n", {"columns": ["video_name", "label"]}),
        ("utf-8-sig", "00001,Happy\n\n00002,Sad\n", {}),
        ("gb18030", "00001\tHappy\t一个男人\tA man\n00002\tSad\t大声讲话\tloudly\n", {"separator": "tab"}),
        ("utf-8", "00001 Happy\n00002 Sad \n", {"separator": "space"}),
        ("utf-8", "a clip 00001 Happy\n00002 Sad\n", {"separator": "space", "pattern": r"(?P<clip>\d{5})$"}),
        ("utf-8", "name,label\n00001 ,Happy \n00002,Sad\n", {"columns": ["name", "label"]}),
        ("utf-8", "00001,7\n00002,8\n", {"order": ["Happy", "Sad"], "first": 7}),
    ],
)
def test_the_forms_of_a_list(root: Path, encoding: str, text: str, parts: dict[str, Any]) -> None:
    (root / "test.txt").write_text(text, encoding=encoding)
    read = list(lists(**parts).read(root))
    assert [(e.name, e.label, e.splits) for e in read] == [
        ("00001", "Happy", ("test",)),
        ("00002", "Sad", ("test",)),
    ]


@pytest.mark.parametrize(
    ("text", "parts", "told"),
    [
        ("00001,1\n", {}, "line 1: the label is the number 1; .*layout.order"),
        ("00001,0\n", {"order": DFEW, "first": 1}, "the label 0 is not one of 1 to 7"),
        ("00001,7\n", {"order": DFEW}, "the label 7 is not one of 0 to 6"),
        ("00001,-1\n", {"order": DFEW}, "the label -1 is not one of 0 to 6"),
        ("00001 Happy\n", {}, "line 1: '00001 Happy' is not a clip and a label by comma"),
        ("00001,Happy\n00001,Sad\n", {}, "line 2: 00001 is Sad, and elsewhere in the lists Happy"),
        ("00001,Happy\n00001,Happy\n", {}, "line 2: 00001 is in test of the same fold already"),
        ("name,label\n00001,Happy\n", {"pattern": r"^(?P<clip>\d+)$"}, "line 1: 'name' is no clip"),
        ("name,label\n00001,Happy\n", {"columns": ["video_name", "label"]}, "no column video_name"),
    ],
)
def test_wrong_lists_are_told(root: Path, text: str, parts: dict[str, Any], told: str) -> None:
    (root / "test.txt").write_text(text)
    with pytest.raises(UserError, match=told):
        list(lists(**parts).read(root))


def test_a_clip_in_both_halves_of_a_fold_is_told(root: Path) -> None:
    (root / "train.txt").write_text("00002,Sad\n")
    with pytest.raises(UserError, match=r"test.txt, line 2: 00002 is in train of the same fold already"):
        list(lists(train="train.txt").read(root))


def test_a_missing_list_is_told(root: Path) -> None:
    with pytest.raises(UserError, match=r"train_1.txt: No such file"):
        list(lists(train="train_{fold}.txt").read(root))


def test_every_fold_has_its_split(root: Path) -> None:
    for fold, (tested, kept) in {1: ("00001", "00002"), 2: ("00003", "00001")}.items():
        (root / f"{fold}.txt").write_text(f"{tested},Sad\n")
        (root / f"train{fold}.txt").write_text(f"{kept},Sad\n")
    read = lists(test="{fold}.txt", train="train{fold}.txt", folds=2).read(root)
    assert {example.name: example.splits for example in read} == {
        "00001": ("test", "train"),
        "00002": ("train", ""),
        "00003": ("", "test"),
    }


def test_the_first_place_that_is_there_counts(root: Path) -> None:
    (root / "00002.mp4").write_bytes(b"a film")
    one, two = lists(media=["{clip}.mp4", "{clip:0>5}"]).read(root)
    assert isinstance(one.media, Frames)
    assert isinstance(two.media, Film)
    assert (one.name, two.name) == ("00001.mp4", "00002.mp4")


def test_an_empty_or_missing_folder_is_told_when_it_is_looked_at(root: Path) -> None:
    (root / "test.txt").write_text("00004,Sad\n00005,Sad\n")
    (root / "00004").mkdir()
    for example in lists().read(root):
        with pytest.raises(ImageError, match="without frames"):
            example.media.pictures(16)
        with pytest.raises(ImageError, match="without frames"):
            example.media.sha256()


@pytest.mark.parametrize(
    "parts",
    [
        {"media": []},
        {"media": ["{fold}"]},
        {"test": "{set}.csv"},
        {"pattern": "(unclosed"},
        {"pattern": "no clip"},
        {"pattern": "(?P<clip>.)(?P<other>.)"},
        {"columns": ["a", "b"], "separator": "space"},
        {"order": ["Happy", "happy"]},
    ],
)
def test_impossible_layouts_are_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        lists(**parts)


def _excerpt(shared: Shared, name: str, **parts: Any) -> list[Example]:
    path = shared(f"data/annotations/{name}")
    return list(lists(test=path.name, media=["{clip}"], **parts).read(path.parent))


@pytest.mark.parametrize("half", ["train", "test"])
def test_dfew_of_two_sources_agrees_by_name(shared: Shared, half: str) -> None:
    pattern = r"(?:^|/)(?P<clip>\d{5})$"
    there = labels(
        _excerpt(shared, f"mae-dfer/org__split01__{half}.csv", separator="space", pattern=pattern, order=DFEW)
    )
    name = f"s2d/EmoLabel_DataSplit__{half}(single-labeled)__{half}_set_1.csv"
    here = labels(_excerpt(shared, name, columns=("video_name", "label"), pattern=pattern, order=DFEW))
    both = set(here) & set(there)
    assert len(both) > 30
    assert {clip: here[clip] for clip in both} == {clip: there[clip] for clip in both}
    if half == "test":
        assert [here[clip] for clip in ("00001", "00002", "00006", "00060")] == ["Sad", "Neutral", "Angry", "Happy"]


SCENE = r"(?P<clip>[^/]+/(?P<label>[^/]+)/\d+)$"


def test_ferv39k_of_two_sources_in_two_orders_agrees_by_name(shared: Shared) -> None:
    theirs = _excerpt(shared, "mae-dfer/ferv39k__all_scenes__test.csv", separator="space", pattern=SCENE, order=DFEW)
    s2d = {"columns": ("path", "id"), "pattern": SCENE}
    ours = _excerpt(shared, "s2d/FERV39K__Annotation__test.csv", order=ALPHABET, **s2d)
    here, there = ({e.name: e.label for e in found} for found in (ours, theirs))
    both = set(here) & set(there)
    assert len(both) > 30
    assert {clip: here[clip] for clip in both} == {clip: there[clip] for clip in both}
    assert here["Interview/Happy/0118"] == "Happy"
    with pytest.raises(
        UserError, match=r"Interview/Happy/0118 says Happy, and the label 3 says Angry: layout.order is"
    ):
        _excerpt(shared, "s2d/FERV39K__Annotation__test.csv", order=DFEW, **s2d)


def test_mafw_by_number_and_by_name_agrees(shared: Shared) -> None:
    pattern = r"(?:^|/)(?P<clip>\d{5})(?:\.mp4)?$"
    named = labels(_excerpt(shared, "s2d/no_caption__set_1__test.txt", separator="space", pattern=pattern))
    order = [
        line.split("'")[1].lower()
        for line in shared("data/annotations/s2d/single__no_caption__id_to_calss.txt").read_text().splitlines()
    ]
    table = {"columns": ("video_name", "labels"), "pattern": pattern, "order": order}
    numbered = labels(_excerpt(shared, "s2d/no_caption__set_1__test.csv", **table))
    theirs = labels(
        _excerpt(shared, "mae-dfer/single__split01__test.csv", separator="space", pattern=pattern, order=["anger"])
    )
    for other in (numbered, theirs):
        both = set(named) & set(other)
        assert len(both) > 25
        assert {clip: other[clip] for clip in both} == {clip: named[clip] for clip in both}


ACTED = {
    "crema-d": (r"(?P<clip>(?P<subject>\d{4})_[A-Z]{3}_(?P<label>[A-Z]{3})_[A-Z]{2})$", "ANG DIS FEA HAP NEU SAD"),
    "ravdess": (
        r"Actor_(?P<subject>\d\d)/(?P<clip>02-01-(?P<label>\d\d)-[-\d]+)$",
        "01 02 03 04 05 06 07 08",
    ),
    "enterface": (
        r"(?P<clip>subject_(?P<subject>\d+)/(?P<label>[a-z]+)/.*)$",
        "anger disgust fear happiness sadness surprise",
    ),
}


@pytest.mark.parametrize("name", ACTED)
@pytest.mark.parametrize("half", ["train", "test"])
def test_numbers_agree_with_what_acted_clips_are_called(shared: Shared, name: str, half: str) -> None:
    pattern, order = ACTED[name]
    excerpt = f"mae-dfer/{name}__split01__{half}.csv"
    read = _excerpt(shared, excerpt, separator="space", pattern=pattern, order=order.split())
    assert len(read) == 40
    first = {"crema-d": 1001, "ravdess": 1, "enterface": 1}[name]
    size = {"crema-d": 18, "ravdess": 4, "enterface": 10}[name]
    in_first_fold = {first <= int(str(example.subject)) < first + size for example in read}
    assert in_first_fold == {half == "test"}
    with pytest.raises(UserError, match=r"layout.order is not the order of this list"):
        _excerpt(shared, excerpt, separator="space", pattern=pattern, order=order.split()[::-1])
