"""Miniatures of Face-Human-Bench and FaceXBench."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from emocap.evaluate.cards import Card
from emocap.evaluate.layouts.facexbench import FaceXBench
from emocap.evaluate.miniatures.faces import face, picture, posed, save
from emocap.schema.facs import draw_units

_PEOPLE = 4
_BASIC = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
_COMPOUND = {
    "Happily Surprised": ("happiness", "surprise"),
    "Happily Disgusted": ("happiness", "disgust"),
    "Sadly Fearful": ("sadness", "fear"),
    "Sadly Angry": ("sadness", "anger"),
    "Sadly Surprised": ("sadness", "surprise"),
    "Fearfully Surprised": ("fear", "surprise"),
    "Angrily Disgusted": ("anger", "disgust"),
}
_WORDS = {"happiness": "happy", "sadness": "sad"}


def _face_human_bench(card: Card, root: Path) -> None:
    """14 basic questions, with a scene and with its face alone, and 14 about compound expressions."""
    half = root / "test"
    basic, compound = [], []
    for number in range(2 * len(_BASIC)):
        emotion = _BASIC[number % len(_BASIC)]
        shown = picture(face(number % _PEOPLE, emotion))
        scene = Image.new("RGB", (160, 128), "#6d7f8c")
        scene.paste(shown, (40, 20))
        paths = {v: f"eval_data/face/expression/basic/{v}/sample_{number:04d}.jpg" for v in ("original", "cropped")}
        save(scene, half / "output" / paths["original"])
        save(shown, half / "output" / paths["cropped"])
        options = _options(emotion.capitalize(), [one.capitalize() for one in _BASIC], number)
        basic.append(_entry("face_expression_basic", options, paths))
    for number in range(2 * len(_COMPOUND)):
        name = list(_COMPOUND)[number % len(_COMPOUND)]
        units = draw_units(dict.fromkeys(_COMPOUND[name], 0.5), 1.0, Random(f"miniature compound {number}"))
        path = f"eval_data/face/expression/compound/cropped/sample_{number:04d}.jpg"
        save(picture(posed(number % _PEOPLE, units)), half / "output" / path)
        options = _options(name, list(_COMPOUND), number)
        compound.append(_entry("face_expression_compound", options, {"cropped": path}))
    for kind, entries in (("basic", basic), ("compound", compound)):
        _dump({"data": entries}, half / "json" / "en" / f"face_expression_{kind}.json")


def _entry(kind: str, options: Sequence[str], paths: dict[str, str]) -> dict[str, Any]:
    question = "What is the facial expression of the person in this image?"
    return {
        "type": kind,
        "QA": {"question": question, "options": options, "answer": 0},
        "image": {"image_paths": paths, "source": {"dataset": "drawn", "labels": {"expression": options[0]}}},
    }


def _facexbench(card: Card, root: Path) -> None:
    """Fourteen questions in each file; AffectNet's are written in small letters, RAF-DB's are not."""
    assert isinstance(card.layout, FaceXBench)
    for place, file in enumerate(card.layout.files):
        words = [_WORDS.get(emotion, emotion) for emotion in _BASIC]
        words = [word.capitalize() for word in words] if file.startswith("rafdb") else words
        questions = {}
        for number in range(1, 2 * len(_BASIC) + 1):
            emotion = number % len(_BASIC)
            path = f"images/{file}/question_{number}.png"
            save(picture(face(number % _PEOPLE, _BASIC[emotion], take=place)), root / "benchmark" / path)
            options = _options(words[emotion], words, number)
            options = options[-(number % 4) :] + options[: -(number % 4)]
            questions[str(number)] = {
                "image_paths": [path],
                "question_text": "Which expression is the person showing in the image?",
                "options": options,
                "correct_answer_option": "ABCD"[options.index(words[emotion])],
                "answer": words[emotion],
            }
        _dump({"category": "attributes_expression", "questions": questions}, root / "benchmark" / f"{file}.json")


def _several(card: Card, root: Path) -> None:
    """Fourteen questions in each file about two to five pictures: which of them, or how many, show an emotion."""
    assert isinstance(card.layout, FaceXBench)
    for place, file in enumerate(card.layout.files):
        questions = {}
        for number in range(1, 2 * len(_BASIC) + 1):
            asked, size = _BASIC[number % len(_BASIC)], 2 + number % 4
            random = Random(f"miniature several {file} {number}")
            shown = [random.choice((asked, _BASIC[(number + other) % len(_BASIC)])) for other in range(1, size + 1)]
            paths = [f"images/{file}/question_{number}_{n}.png" for n in range(1, size + 1)]
            for path, emotion in zip(paths, shown, strict=True):
                save(picture(face(number % _PEOPLE, emotion, take=place)), root / "benchmark" / path)
            count = shown.count(asked)
            word = _WORDS.get(asked, asked)
            if number % 2:
                options: list[str | int] = [count, *random.sample([n for n in range(6) if n != count], 3)]
                question = f"How many images have a person with the expression '{word}'?"
            else:
                named = ["None of the images", "All of the images", *(f"Image {n}" for n in range(1, size + 1))]
                those = ", ".join(f"Image {n}" for n, emotion in enumerate(shown, start=1) if emotion == asked)
                answer = named[0] if not count else named[1] if count == size else those
                options = [answer, *random.sample([name for name in named if name != answer], 3)]
                question = f"Which images have a person with the expression '{word}'?"
            right = options[0]
            random.shuffle(options)
            questions[str(number)] = {
                "image_paths": paths,
                "question_text": question,
                "options": options,
                "correct_answer_option": "ABCD"[options.index(right)],
                "answer": right,
            }
        _dump({"category": "attributes_expression", "questions": questions}, root / "benchmark" / f"{file}.json")


def _options(right: str, others: Sequence[str], number: int) -> list[str]:
    """The right one first, and three others."""
    random = Random(f"miniature options {number}")
    return [right, *random.sample([one for one in others if one != right], 3)]


def _dump(content: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4), encoding="utf-8")


WRITERS: dict[str, Callable[[Card, Path], None]] = {
    "face-human-bench": _face_human_bench,
    "facexbench": _facexbench,
    "facexbench-multiple": _several,
}
