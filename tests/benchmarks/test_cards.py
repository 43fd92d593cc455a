"""The cards of stills beside the published tables, typed here once more."""

import re
from pathlib import Path

import pytest

from emocap.benchmarks.cards import Card
from emocap.benchmarks.fixtures.static import WRITERS
from emocap.core.recipes import builtin, load
from emocap.evaluation.registry import read_examples

FIG_1E = {
    "raf-db": (62.8, 45.1, 39.6),
    "affectnet-7": (51.8, 38.2, 31.7),
    "affectnet-8": (43.3, 32.8, 27.5),
    "ferplus": (54.8, 44.3, 37.5),
    "sfew": (49.1, 27.7, 28.6),
    "ck-plus": (57.2, 46.0, 39.7),
    "jaffe": (54.1, 40.2, 36.6),
    "raf-db-compound": (32.5, 22.6, 19.8),
}
EXP_CLIP = {
    "raf-db": {"CLIP B/32": (34.97, 30.05), "Exp-CLIP L/14": (58.70, 65.37), "BLIP2 L/14": (43.78, 44.07)},
    "affectnet-7": {"CLIP B/32": (29.29, 29.29), "Exp-CLIP L/14": (44.27, 44.27), "BLIP2 L/14": (32.86, 32.87)},
    "affectnet-8": {"CLIP B/32": (25.53, 25.53), "Exp-CLIP L/14": (38.44, 38.43), "BLIP2 L/14": (28.53, 28.53)},
    "ferplus": {"CLIP B/32": (36.05, 33.89), "Exp-CLIP L/14": (48.28, 55.42), "BLIP2 L/14": (43.40, 48.14)},
}
CARDS = {name: load(Card, "benchmarks", name) for name in WRITERS}


@pytest.mark.parametrize("name", CARDS)
def test_what_was_read_from_the_figure_says_so(name: str) -> None:
    read = [one for one in CARDS[name].published if "Fig. 1e" in one.source]
    assert [(one.model, round(100 * one.metrics["uar"], 1)) for one in read] == list(
        zip(("EmoCapCLIP B/32", "FLIP", "Exp-CLIP"), FIG_1E.get(name, ()), strict=False)
    )
    assert {one.error for one in read} <= {0.003}


@pytest.mark.parametrize("name", EXP_CLIP)
def test_exp_clips_table_has_uar_before_war(name: str) -> None:
    table = {one.model: one.metrics for one in CARDS[name].published if "zengqunzhao/Exp-CLIP" in one.source}
    assert len(table) == 8
    for model, (uar, war) in EXP_CLIP[name].items():
        assert table[model] == pytest.approx({"uar": uar / 100, "war": war / 100})


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.task == "emotion"])
def test_classes_are_put_into_words_and_described(name: str) -> None:
    card = CARDS[name]
    basic = {"happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear", "contempt"}
    assert len(card.prompts) == 5
    assert all(one.words and one.descriptions for one in card.classes.values())
    for label, one in card.classes.items():
        assert one.words == [label] if label in basic else set(one.components) < basic and len(one.components) == 2
    assert card.licence
    assert card.homepage


def noted() -> list[tuple[str, str]]:
    """Card and ``key=value`` of every change that a note names, those in quotes with what space they have."""
    cards = [(path.stem, load(Card, "benchmarks", path.stem)) for path in builtin("benchmarks").glob("*.yaml")]
    pattern = re.compile(r"'((?:layout|split)\.\w+=[^']+)'|((?:layout|split)\.\w+=[^\s,;)]+)")
    return sorted((name, found[1] or found[2]) for name, card in cards for found in pattern.finditer(card.note))


def test_what_notes_say_can_be_changed_can_be() -> None:
    every = noted()
    assert len({name for name, _ in every}) >= 8
    for name, setting in every:
        others = [other for card, other in every if card == name and name == "afew"]
        changed = load(Card, "benchmarks", name, others or [setting])
        assert changed != load(Card, "benchmarks", name), setting


def test_videos_of_afew_are_read_as_its_note_says(tmp_path: Path) -> None:
    for name in ("Train_AFEW/Angry/000046280.avi", "Val_AFEW/Happy/000123.avi"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    card = load(Card, "benchmarks", "afew", [setting for name, setting in noted() if name == "afew"])
    assert [(example.splits, example.label) for example in read_examples(card, tmp_path)] == [
        (("train",), "anger"),
        (("test",), "happiness"),
    ]
