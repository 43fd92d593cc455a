from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Question
from emocap.core.errors import UserError
from emocap.encoders import Encoder
from emocap.evaluation.protocols import zeroshot


def embedding(text: str) -> np.ndarray:
    vector = np.random.default_rng(list(text.encode())).normal(size=6)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def encoder() -> Encoder:
    """One that gives every text an embedding of its own."""

    def preprocess(image: Image.Image) -> torch.Tensor:
        raise NotImplementedError

    def texts(sentences: Sequence[str]) -> torch.Tensor:
        return torch.tensor(np.stack([embedding(text) for text in sentences]))

    return Encoder("toy", "0" * 64, preprocess, "none", lambda batch: batch, texts)


def card(**parts: Any) -> Card:
    base: dict[str, Any] = {"title": "T", "task": "emotion", "layout": {"reader": "build"}}
    return Card.model_validate({**base, **parts})


EMOTIONS = {
    "happiness": {"words": ["happy", "glad"], "descriptions": ["It smiles.", "Its eyes narrow."]},
    "sadness": {"words": ["sad"], "descriptions": ["It weeps."]},
}
PROMPTS = ["a {c} face", "{c}."]


def features(rows: int) -> np.ndarray:
    return 5 * np.random.default_rng(0).normal(size=(rows, 6)).astype(np.float32)


def mean_cosine(row: np.ndarray, sentences: Sequence[str]) -> float:
    return float(np.mean([embedding(text) @ row / np.linalg.norm(row) for text in sentences]))


def test_logits_of_all_prompts_and_words_are_averaged() -> None:
    emotions, rows = card(classes=EMOTIONS, prompts=PROMPTS), features(20)
    sentences = zeroshot.prompts(emotions)
    assert sentences["happiness"] == ["a happy face", "a glad face", "happy.", "glad."]
    wanted = [[mean_cosine(row, own) for own in sentences.values()] for row in rows]
    assert zeroshot.logits(encoder(), sentences, rows) == pytest.approx(np.array(wanted), abs=1e-6)


def test_each_prompt_and_the_descriptions_are_variants() -> None:
    variants = zeroshot.variants(card(classes=EMOTIONS, prompts=PROMPTS))
    assert list(variants) == [*PROMPTS, "descriptions"]
    assert variants["{c}."] == {"happiness": ["happy.", "glad."], "sadness": ["sad."]}
    assert variants["descriptions"]["happiness"] == ["It smiles.", "Its eyes narrow."]
    # Without templates the descriptions are all there is, and must be there.
    assert zeroshot.prompts(card(classes=EMOTIONS)) == variants["descriptions"]
    bare = {**EMOTIONS, "fear": ["afraid"]}
    assert list(zeroshot.variants(card(classes=bare, prompts=PROMPTS))) == PROMPTS
    with pytest.raises(UserError, match="no prompts, and no descriptions of fear"):
        zeroshot.prompts(card(classes=bare))


def test_a_compound_is_the_mean_of_its_parts() -> None:
    compound = card(
        classes={"sadly angry": {"components": ["sad", "angry"]}, "fear": ["afraid"]}, prompts=["a {c} face", "{c}"]
    )
    rows = features(5)
    part = [
        [np.mean([mean_cosine(row, [p.replace("{c}", w)]) for w in ("sad", "angry") for p in ("a {c} face", "{c}")])]
        for row in rows
    ]
    told = zeroshot.logits(encoder(), zeroshot.prompts(compound), rows)
    assert told[:, :1] == pytest.approx(np.array(part), abs=1e-6)


def test_a_class_without_words_is_told() -> None:
    sentences = zeroshot.prompts(card(classes={"a": ["b"], "fear": []}, prompts=PROMPTS))
    with pytest.raises(UserError, match="no words stand for fear"):
        zeroshot.logits(encoder(), sentences, features(2))


def test_a_unit_is_there_where_its_own_sentences_are_nearer() -> None:
    units, rows = card(task="action_units", action_units=[12, 4], prompts=["a face with {c}"]), features(30)
    told = zeroshot.unit_margins(encoder(), units, rows)
    for place, name in enumerate(("lip corner puller", "brow lowerer")):
        there, absent = f"a face with {name}", f"a face with no {name}"
        assert zeroshot.unit_sentences(units)[(12, 4)[place]] == ([there], [absent])
        wanted = [mean_cosine(row, [there]) - mean_cosine(row, [absent]) for row in rows]
        assert told[:, place] == pytest.approx(np.array(wanted), abs=1e-6)
    assert len(zeroshot.unit_sentences(card(task="action_units", action_units=[12]))[12][0]) == 3
    with pytest.raises(UserError, match="no name is known for action unit 99"):
        zeroshot.unit_sentences(card(task="action_units", action_units=[99]))


def test_the_nearest_option_is_chosen_wherever_it_stands() -> None:
    rows, options = features(40), ("joy", "grief", "rage", "awe")
    questions = [
        Question("Which?", tuple(np.random.default_rng(n).permutation(options).tolist()), 0) for n in range(40)
    ]
    names = [f"{n}" for n in range(40)]
    picked, cosine = zeroshot.choose(encoder(), card(task="multiple_choice", prompts=PROMPTS), names, questions, rows)
    for row, question, place, told in zip(rows, questions, picked, cosine, strict=True):
        wanted = [mean_cosine(row, [p.replace("{c}", option) for p in PROMPTS]) for option in question.options]
        assert place == np.argmax(wanted)
        assert told == pytest.approx(max(wanted), abs=1e-6)


def test_an_encoder_that_knows_nothing_is_right_one_time_in_four() -> None:
    """Stored answers may always be the first: where all options are alike, it must not help."""
    rows, names = np.ones((400, 6), dtype=np.float32), [f"{n}" for n in range(400)]
    blind = encoder()
    object.__setattr__(blind, "texts", lambda sentences: torch.ones(len(sentences), 6))
    questions = [Question("Which?", ("joy", "grief", "rage", "awe"), 0)] * 400
    picked, _ = zeroshot.choose(blind, card(task="multiple_choice"), names, questions, rows)
    assert 0.18 < (picked == 0).mean() < 0.32
    again, _ = zeroshot.choose(blind, card(task="multiple_choice"), names[::-1], questions, rows)
    assert (again[::-1] == picked).all()
