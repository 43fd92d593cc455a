import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from emocap.metrics.intervals import interval
from emocap.metrics.wheel import resources
from emocap.metrics.wheel.coverage import coverage
from emocap.metrics.wheel.groups import Groups, groups
from emocap.metrics.wheel.lists import string_to_list
from emocap.metrics.wheel.overlaps import f_score, f_wheels, hit_rate, overlap, precision, recall, statistics
from emocap.metrics.wheel.resources import Wheels, load, small
from emocap.metrics.wheel.rewards import rewards
from emocap.metrics.wheel.sentiment import sign_f1, sign_of, signs
from tests.support import wheel_oracle

SMALL = Path(resources.__file__).parent / "small"
LEVELS: tuple[resources.Level, ...] = ("level1", "level2")
AUTHORS = {
    "MER2025": (0.28558872714552525, 0.2926943739711744, 0.2788383418456674, 0.16336619828726273),
    "MER2026": (0.2846067529599233, 0.2919045297760814, 0.277686771897386, 0.16373847678106943),
}
"""What their own code (MERTools @89120b7) gives for the released labels beside those of the next clip: F, precision
and recall at level 1, F at level 2."""
ODD = ["neutral", "", "悲伤", "naïve", "sad happy", "[", "123"]


@pytest.fixture(scope="module")
def wheels() -> Wheels:
    return small()


@pytest.fixture(scope="module")
def level1(wheels: Wheels) -> Groups:
    return groups(wheels)


def drawn(wheels: Wheels, count: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Label sets with repeated, unknown, capital and spaced words, some of them empty, some alike."""
    lot = random.Random(seed)
    forms = list(wheels.synonyms)

    def word() -> str:
        label = lot.choice(forms) if lot.random() < 0.8 else lot.choice(ODD)
        return lot.choice([label, label, label.upper(), f" {label} "])

    def labels() -> list[str]:
        some = [word() for _ in range(lot.choice([0, 1, 2, 3, 4, 6]))]
        return some + some[:1] * lot.randrange(2)

    true = [labels() for _ in range(count)]
    told = [lot.sample(one, lot.randint(0, len(one))) + labels() if lot.random() < 0.5 else labels() for one in true]
    return true, told


def compared(folder: Path, wheels: Wheels, count: int, seed: int) -> None:
    maps = wheel_oracle.maps(folder)
    true, told = drawn(wheels, count, seed)
    once = np.ones((1, count))
    for level in LEVELS:
        own = groups(wheels, level)
        found = overlap(own, true, told)
        *wanted, each = wheel_oracle.scores(maps, true, told, level)
        numbers = [float(one(found, once)[0]) for one in (f_score, precision, recall, hit_rate)]
        assert numbers == pytest.approx(wanted, abs=1e-12)
        assert rewards(own, true, told) == pytest.approx(each, abs=1e-12)
        assert 0.05 < wanted[0] < 0.95


@pytest.mark.parametrize("seed", range(20))
def test_the_numbers_are_those_of_the_formulas(wheels: Wheels, seed: int) -> None:
    compared(SMALL, wheels, 60, seed)


@pytest.mark.parametrize("seed", range(5))
def test_a_single_sample_is_as_the_formulas_have_it(wheels: Wheels, seed: int) -> None:
    maps = wheel_oracle.maps(SMALL)
    for labels, reply in zip(*drawn(wheels, 40, seed), strict=True):
        found = overlap(groups(wheels), [labels], [reply])
        *wanted, each = wheel_oracle.scores(maps, [labels], [reply], "level1")
        once = np.ones((1, 1))
        assert [float(one(found, once)[0]) for one in (f_score, precision, recall, hit_rate)] == pytest.approx(wanted)
        assert rewards(groups(wheels), [labels], [reply]) == pytest.approx(each)


def test_the_numbers_are_those_of_the_formulas_on_the_released_wheels(shared: Callable[[str], Path]) -> None:
    folder = shared("data/emotion_wheel/wheel1.xlsx").parent
    compared(folder, load(folder), 300, 0)


def test_the_numbers_are_those_of_the_authors_code(shared: Callable[[str], Path]) -> None:
    folder = shared("data/emotion_wheel/check-openset.csv").parent
    texts = [row["openset"] for row in wheel_oracle.cells(folder, "check-openset")]
    wheels, once = load(folder), np.ones((1, len(texts)))
    assert f_wheels(overlap(groups(wheels), texts, texts), once) == pytest.approx(np.ones((1, 5)))
    level1, level2 = (overlap(groups(wheels, level), texts, texts[1:] + texts[:1]) for level in LEVELS)
    numbers = [float(one(level1, once)[0]) for one in (f_score, precision, recall)]
    assert [*numbers, float(f_score(level2, once)[0])] == pytest.approx(AUTHORS[wheels.name], abs=1e-12)


def test_the_f_of_a_corpus_is_that_of_the_means(level1: Groups) -> None:
    # Precisions 1 and 1/2, recalls 1/2 and 1: p = r = 3/4, whereas the mean of the two F1 is 2/3.
    true, told = [["happy", "sad"], ["angry"]], [["happy"], ["angry", "afraid"]]
    found = overlap(level1, true, told)
    assert f_wheels(found, np.ones((1, 2)))[0, 0] == pytest.approx(0.75)
    assert found.f1_NW[:, 0] == pytest.approx([2 / 3, 2 / 3])


def test_samples_without_true_words_on_a_wheel_are_skipped_there(level1: Groups, wheels: Wheels) -> None:
    # curious is on two of the small wheels alone.
    on = np.array([wheels.place("curious", number) is not None for number in range(5)])
    assert 0 < on.sum() < 5
    found = overlap(level1, [["curious"], ["happy"], ["neutral"], []], [["happy"], ["happy"], ["happy"], ["happy"]])
    assert (found.counts_NW == np.array([on, [True] * 5, [False] * 5, [False] * 5])).all()
    assert rewards(level1, [["neutral"], ["happy"]], [["neutral"], ["happy"]]) == pytest.approx([0.0, 1.0])
    # One wheel that has no true word of anybody: its F is 0 and stays in the mean, as in MER2026.
    alone = overlap(level1, [["curious"]], [["curious"]])
    assert f_score(alone, np.ones((1, 1)))[0] == pytest.approx(on.mean())
    assert rewards(level1, [["curious"]], [["curious"]]) == pytest.approx([1.0])


def test_where_nothing_counts_everything_is_nought(level1: Groups) -> None:
    for true, told in [("", "happy"), ("neutral", "happy"), ("happy", ""), ("happy", "neutral")]:
        found = overlap(level1, [true], [told])
        for one in (f_score, precision, recall, hit_rate):
            assert one(found, np.ones((1, 1))) == pytest.approx([0.0])
    assert f_score(overlap(level1, [], []), np.ones((1, 0))) == pytest.approx([0.0])
    with pytest.raises(ValueError, match="1 samples with true words and 2"):
        overlap(level1, [["happy"]], [["happy"], ["sad"]])


def test_texts_and_lists_are_the_same(level1: Groups, wheels: Wheels) -> None:
    true, told = drawn(wheels, 50, 3)
    kept = [[[label for label in labels if label not in ("[", "")] for labels in side] for side in (true, told)]
    texts = [[str(labels) for labels in side] for side in kept]
    assert string_to_list(texts[0][0]) == [label.strip() for label in kept[0][0] if label.strip()]
    assert (rewards(level1, *kept) == rewards(level1, *texts)).all()
    assert rewards(level1, ["[happy]", "[happy]", None], [None, float("nan"), "[happy]"]) == pytest.approx([0, 0, 0])


def test_weights_are_how_often_a_sample_counts(wheels: Wheels) -> None:
    true, told = drawn(wheels, 40, 5)
    found = {level: overlap(groups(wheels, level), true, told) for level in LEVELS}
    weight_RN = np.random.default_rng(0).integers(0, 3, (6, 40)).astype(float)
    every = statistics(found["level1"], found["level2"])
    for weight_N, *values in zip(weight_RN, *(one.at(weight_RN) for one in every.values()), strict=True):
        again = [np.repeat(np.arange(40), weight_N.astype(int)).tolist()]
        more = {
            level: overlap(groups(wheels, level), [true[i] for i in again[0]], [told[i] for i in again[0]])
            for level in LEVELS
        }
        once = np.ones((1, len(again[0])))
        wanted = [float(one.at(once)[0]) for one in statistics(more["level1"], more["level2"]).values()]
        assert values == pytest.approx(wanted)
    low, high = interval(every["ew"], 40)
    assert low < every["ew"].at(np.ones((1, 40)))[0] < high


def test_the_hit_rate_of_one_label_is_how_often_it_is_among_the_predicted(level1: Groups) -> None:
    true = [["happy"], ["sad"], ["angry"], ["neutral"]]
    told = [["happy", "sad", "angry", "afraid"], ["gladness"], ["Anger"], ["neutral"]]
    # Found, not found, found, skipped; which wheels do not matter here.
    assert hit_rate(overlap(level1, true, told), np.ones((1, 4)))[0] == pytest.approx(2 / 3)


def test_coverage_counts_words_as_often_as_they_stand_there(level1: Groups, wheels: Wheels) -> None:
    labels = [["Happy", "neutral", "neutral "], "[curious, Neutral, 悲伤]", []]
    found = coverage(level1, labels)
    assert found.words == 6
    assert found.dropped == {"neutral": 3, "悲伤": 1}
    assert found.mapped == tuple(1 + (wheels.place("curious", number) is not None) for number in range(5))
    assert found.shares[0] == found.mapped[0] / 6
    assert coverage(level1, [[], ""]).shares == [None] * 5


@pytest.mark.parametrize("seed", range(10))
def test_the_f1_of_signs_is_scikit_learns(seed: int) -> None:
    lot = np.random.default_rng(seed)
    true = lot.choice([-3.0, -0.4, 0.0, 0.0, 0.2, 2.5], 60)
    told = lot.choice([-1, 0, 1], 60)
    weight_RN = lot.integers(0, 3, (4, 60)).astype(float)
    f1 = sign_f1(true, told)
    kept = true != 0
    wanted = partial(f1_score, true[kept] > 0, told[kept] > 0, average="weighted", zero_division=0)
    assert f1.at(np.ones((1, 60)))[0] == pytest.approx(wanted())
    assert f1.at(weight_RN) == pytest.approx([wanted(sample_weight=weight_N[kept]) for weight_N in weight_RN])
    low, high = interval(f1, 60)
    assert low < wanted() < high


def test_signs_of_odd_corpora() -> None:
    once = np.ones((1, 3))
    assert sign_f1(np.zeros(3), np.array([1, 0, -1])).at(once) == pytest.approx([0.0])
    assert sign_f1(np.ones(3), np.array([1, 1, 1])).at(once) == pytest.approx([1.0])
    assert sign_f1(np.ones(3), np.array([0, 0, -1])).at(once) == pytest.approx([0.0])
    with pytest.raises(ValueError, match="no number"):
        sign_f1(np.array([np.nan]), np.array([1]))


def test_a_reply_that_is_no_sentiment_counts_as_neutral() -> None:
    assert [sign_of(reply) for reply in ("Positive", " negative.\n", "neutral", "mixed", "")] == [1, -1, 0, None, None]
    assert signs(["positive", "mixed", "negative"]).tolist() == [1, 0, -1]
