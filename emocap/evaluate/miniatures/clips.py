"""Miniatures of the video benchmarks: films and folders of frames, and the lists that name them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path

from PIL import Image, ImageEnhance

from emocap.evaluate.cards import Card
from emocap.evaluate.miniatures.faces import film, rising, save

PEOPLE = 3
FRAMES = 4
SIZE = 64
_LIKE = {
    "anxiety": "fear",
    "helplessness": "sadness",
    "disappointment": "sadness",
    "repression": "contempt",
    "negative": "disgust",
    "positive": "happiness",
}
"""What is drawn for classes that no prototype draws; other such classes are drawn neutral."""


def clip(label: str, name: str, person: int = 0) -> list[Image.Image]:
    """A clip of a class, of one of PEOPLE; its light and colour follow from its name, so that no two are the same."""
    digest = hashlib.sha256(name.encode()).digest()
    light, colour = (0.8 + 0.4 * int.from_bytes(digest[place : place + 2]) / 0xFFFF for place in (0, 2))
    first = label.split("_")[0]
    drawn = _drawn(_LIKE.get(first, first), person % PEOPLE)
    return [ImageEnhance.Color(ImageEnhance.Brightness(frame).enhance(light)).enhance(colour) for frame in drawn]


@lru_cache(maxsize=64)
def _drawn(emotion: str, person: int) -> Sequence[Image.Image]:
    """From neutral to the full expression; what lies between is blended, which is quicker than to draw it."""
    neutral, full = rising(person, emotion, 2, SIZE)
    return [Image.blend(neutral, full, step / (FRAMES - 1)) for step in range(FRAMES)]


def frames(images: Iterable[Image.Image], folder: Path, pattern: str = "{:05d}.jpg", first: int = 1) -> None:
    """Write a clip as numbered pictures, and beside them what a Mac leaves behind."""
    for number, image in enumerate(images, start=first):
        save(image, folder / pattern.format(number))
    (folder / f"._{pattern.format(first)}").write_bytes(b"\0\5\26\7")


def text(path: Path, lines: Iterable[str], encoding: str = "utf-8") -> None:
    """Write a list file with the line ends of Windows, as most of them have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\r\n" for line in lines), encoding=encoding, newline="")


def _folded(card: Card, each: int) -> Iterator[tuple[int, str, int]]:
    """Number from 1, class, and the fold of 1 to 5 in which it is tested, of so many clips a class and fold."""
    rounds = product(range(1, 6), range(each), card.classes)
    yield from ((number, label, fold) for number, (fold, _, label) in enumerate(rounds, start=1))


def dfew(card: Card, root: Path) -> None:
    """Folders of frames, and a csv with official numbers 1 to 7 per fold and half."""
    clips = list(_folded(card, 2))
    for number, label, _ in clips:
        frames(clip(label, f"{number}", number), root / f"Clip/jpg_256/{number:05d}")
    official = {label: code for code, label in enumerate(card.classes, start=1)}
    for fold, half in product(range(1, 6), ("train", "test")):
        rows = [f"{n:05d},{official[label]}" for n, label, tested in clips if (tested == fold) == (half == "test")]
        text(root / f"EmoLabel_DataSplit/{half}(single-labeled)/set_{fold}.csv", ["video_name,label", *rows])


def ferv39k(card: Card, root: Path) -> None:
    """Folders of frames by scene and emotion, and two lists parted by spaces."""
    scenes = ("Interview", "DailyLife", "Crime")
    for half, first in (("train", 1), ("test", 101)):
        lines = []
        for number, (label, one) in product(range(first, first + 3), card.classes.items()):
            emotion = (one.called or [label.capitalize()])[0]
            name = f"{scenes[number % 3]}/{emotion}/{number:04d}"
            frames(clip(label, name, number), root / "2_ClipsforFaceCrop" / name)
            lines.append(f"{name} {emotion}")
        text(root / f"4_setups/All_scenes/{half}_All.csv", lines)


def mafw(card: Card, root: Path) -> None:
    """Films, and lists per fold and half: without captions, and with them by tabs in GBK."""
    _mafw(card, root, "single", 2)


def mafw_compound(card: Card, root: Path) -> None:
    """The same with the compound classes."""
    _mafw(card, root, "compound", 1)


def _mafw(card: Card, root: Path, kind: str, each: int) -> None:
    clips = [(f"{number:05d}.mp4", label, tested) for number, label, tested in _folded(card, each)]
    for name, label, _ in clips:
        film(clip(label, name, int(name[:5])), root / "data/clips" / name)
    captions = "\t一个人看着对方。\tA person looks at the other."
    for fold, half in product(range(1, 6), ("train", "test")):
        rows = [f"{name} {label}" for name, label, tested in clips if (tested == fold) == (half == "test")]
        lists = root / "Train & Test Set" / kind
        text(lists / f"no_caption/set_{fold}/{half}.txt", rows)
        told = [row.replace(" ", "\t") + captions for row in rows]
        text(lists / f"with_caption/set_{fold}/{half}.txt", told, "gbk")


def afew(card: Card, root: Path) -> None:
    """Folders of extracted faces by half and emotion."""
    for half, number, label in product(("train", "validation"), range(1, 4), card.classes):
        name = f"AFEW_Face/{half}/{label.capitalize()}/{number}_1_{number * 40:09d}"
        frames(clip(label, name, number), root / name, "{:03d}.png")


def crema_d(card: Card, root: Path) -> None:
    """Films called by actor, sentence, emotion and level; the first actor of every fold."""
    for fold in card.split.people or []:
        for (label, one), (sentence, level) in product(card.classes.items(), (("DFA", "XX"), ("IEO", "HI"))):
            name = f"{fold[0]}_{sentence}_{one.called[0]}_{level}.flv"
            film(clip(label, name, int(fold[0])), root / "VideoFlash" / name)


def ravdess(card: Card, root: Path) -> None:
    """Films called by seven codes, once with sound (01) and once without (02); the first actor of every fold."""
    for fold in card.split.people or []:
        for (label, one), take, modality in product(card.classes.items(), ("01", "02"), ("01", "02")):
            name = f"Actor_{fold[0]}/{modality}-01-{one.called[0]}-01-01-{take}-{fold[0]}.mp4"
            film(clip(label, name[9:], int(fold[0])), root / name)


def enterface05(card: Card, root: Path) -> None:
    """Films in folders by person, emotion and sentence; the first person of every fold."""
    for subject in (fold[0] for fold in card.split.people or []):
        called = "12" if subject == "11" else subject  # as the official files of subject 11 are called
        for label, sentence in product(card.classes, (1, 2)):
            name = f"subject {subject}/{label}/sentence {sentence}/s{called}_{label[:2]}_{sentence}.avi"
            film(clip(label, name, int(subject)), root / name)


def caer(card: Card, root: Path) -> None:
    """Films in folders by split and emotion."""
    for split, number, (label, one) in product(("train", "validation", "test"), (1, 2), card.classes.items()):
        name = f"{split}/{(one.called or [label.capitalize()])[0]}/{number:04d}.avi"
        film(clip(label, name, number), root / name)


WRITERS = {
    "dfew": dfew,
    "ferv39k": ferv39k,
    "mafw": mafw,
    "mafw-compound": mafw_compound,
    "afew": afew,
    "crema-d": crema_d,
    "ravdess": ravdess,
    "enterface05": enterface05,
    "caer": caer,
}
