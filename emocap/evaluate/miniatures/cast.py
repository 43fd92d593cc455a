"""Who is seen in the miniatures of stills: the same few people, drawn once for all cards that one process writes."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

from PIL import Image

from emocap.evaluate.miniatures.faces import face, picture, posed
from emocap.schema.facs import draw_units
from emocap.schema.samples import side

PEOPLE = {"train": (0, 1, 2), "val": (3, 4, 5), "test": (6, 7, 8)}
"""Nobody is in two splits."""
ALL = tuple(range(10))
"""For cards whose folds divide the people: ten, so that there can be ten folds."""


@cache
def shown(person: int, emotion: str, take: int = 0) -> Image.Image:
    """A person with an emotion, 96 x 96; another take is another picture of it."""
    return picture(face(person, emotion, take))


@cache
def blend(person: int, emotions: tuple[str, str]) -> Image.Image:
    """A person with action units of two emotions at once."""
    first, second = emotions
    units = draw_units({first: 0.5, second: 0.5}, 1.0, Random(f"miniature {person} {first} {second}"))
    return picture(posed(person, units))


@cache
def coded(person: int, codes: tuple[str, ...]) -> Image.Image:
    """A person with some action units, all strong, and nothing else."""
    return picture(posed(person, dict.fromkeys(codes, 4.0)))


def sequence(person: int, emotion: str, frames: int) -> list[Image.Image]:
    """From neutral to an emotion. One picture fades into the other, which is quicker than to draw every step."""
    first, last = shown(person, "neutral"), shown(person, emotion)
    return [Image.blend(first, last, step / (frames - 1)) for step in range(frames)]


def grey(image: Image.Image, size: int) -> Image.Image:
    """In shades of grey and so many pixels wide and high."""
    return image.convert("L").resize((size, size))


def everyone(labels: Sequence[str], split: str) -> Iterator[tuple[str, int]]:
    """Each label with each person of a split."""
    return itertools.product(labels, PEOPLE[split])


def names(form: str, test: float | None, count: int) -> dict[str, list[str]]:
    """Numbered names of which a hash sends ``count`` to train and as many to test; null: to test alone."""
    dealt: dict[str, list[str]] = {"train": [], "test": []} if test else {"test": []}
    for number in itertools.count(1):
        name = form.format(number)
        there = dealt[side(name, test) if test else "test"]
        if len(there) < count:
            there.append(name)
        elif all(len(listed) == count for listed in dealt.values()):
            return dealt
    raise AssertionError
