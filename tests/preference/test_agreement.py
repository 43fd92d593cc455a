import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from emocap.preference.agreement import agreement, as_first, as_halves, consistency
from emocap.preference.pairs import ANSWERS, SWAPPED, Answer, Judged, Pair, Verdict


def verdicts(
    seed: int, pairs: int, rates: tuple[float, float, float] = (0.4, 0.35, 0.25)
) -> list[tuple[Judged, Answer]]:
    random = np.random.default_rng(seed)
    told = []
    for number in range(pairs):
        people = ANSWERS[random.choice(3, p=rates)]
        said = people if random.random() < 0.5 else ANSWERS[random.choice(3)]
        told.append((Judged(Pair(f"clip {number // 2}", "one", "other"), Verdict(said)), people))
    return told


def official(told: list[tuple[Judged, Answer]]) -> tuple[float, float]:
    """As MER2026's func_two_class_preference_metric does it: drop, fill in a1, ask scikit-learn."""
    true, said = [], []
    for judged, people in told:
        if people != "same":
            true.append(people)
            said.append("a1" if judged.verdict.answer == "same" else judged.verdict.answer)
    return float(f1_score(true, said, average="weighted")), float(accuracy_score(true, said))


@pytest.mark.parametrize("seed", range(5))
def test_waf_and_acc_are_those_of_scikit_learn(seed: int) -> None:
    told = verdicts(seed, 80)
    found = agreement(told)
    assert found is not None
    assert found.two_class is not None
    assert (found.two_class["waf"].value, found.two_class["acc"].value) == pytest.approx(official(told))
    true, said = [people for _, people in told], [judged.verdict.answer for judged, _ in told]
    assert found.three_class["waf"].value == pytest.approx(f1_score(true, said, average="weighted"))
    assert found.three_class["acc"].value == pytest.approx(accuracy_score(true, said))
    for rate in (*found.two_class.values(), *found.three_class.values()):
        assert rate.low < rate.value < rate.high
    counts = [[sum((p, s) == (row, column) for p, s in zip(true, said, strict=True)) for column in ANSWERS]
              for row in ANSWERS]  # fmt: skip
    assert found.confusion == counts
    assert found.decided == sum(people != "same" for people in true)
    assert found.same_rate == pytest.approx((counts[0][2] + counts[1][2]) / found.decided)


def test_a_judge_that_says_same_is_favoured_by_the_official_rule_where_a1_is_frequent() -> None:
    told = [(Judged(Pair(str(n), "x", "y"), Verdict("same")), "a1" if n < 8 else "a2") for n in range(10)]
    found = agreement([(judged, people) for judged, people in told])  # type: ignore[misc]
    assert found is not None
    assert found.two_class is not None
    assert found.two_class["acc"].value == pytest.approx(0.8)
    assert found.two_class["acc_half"].value == pytest.approx(0.5)
    assert found.same_rate == 1.0


def test_halves_are_the_mean_of_coin_tosses() -> None:
    told = verdicts(1, 4000)
    found = agreement(told)
    assert found is not None
    assert found.two_class is not None
    random = np.random.default_rng(0)
    tossed = [
        (
            Judged(judged.pair, Verdict(ANSWERS[random.integers(2)])) if judged.verdict.answer == "same" else judged,
            people,
        )
        for judged, people in told
    ]
    assert found.two_class["acc_half"].value == pytest.approx(official(tossed)[1], abs=0.02)
    assert found.two_class["waf_half"].value == pytest.approx(official(tossed)[0], abs=0.02)
    table = np.array([[5, 1, 2], [2, 6, 4], [9, 9, 9]])
    assert as_first(table).tolist() == [[7, 1], [6, 6]]
    assert as_halves(table).tolist() == [[6, 2], [4, 8]]


def test_only_what_both_have_said_counts() -> None:
    pair = Pair("x", "one", "other")
    assert agreement([(Judged(pair, Verdict(None)), "a1"), (Judged(pair, Verdict("a1")), None)]) is None
    tied = agreement([(Judged(pair, Verdict("a2")), "same")])
    assert tied is not None
    assert (tied.decided, tied.two_class, tied.same_rate) == (0, None, None)
    assert tied.three_class["acc"].value == 0.0


def test_swap_consistency_by_hand() -> None:
    def one(straight: Answer, turned: Answer | None) -> Judged:
        return Judged(Pair(straight + str(turned), "x", "y"), Verdict(straight), Verdict(turned) if turned else None)

    told = [one("a1", "a2"), one("a1", "a1"), one("same", "same"), one("a2", "same"), one("a2", None)]
    found = consistency(told)
    assert found is not None
    assert found.pairs == 4
    assert found.consistency.value == pytest.approx(2 / 4)
    # As it was said: a1, a2; a1, a1; same, same; a2, same.
    assert found.first is not None
    assert found.first.value == pytest.approx(3 / 5)
    assert consistency(told[-1:]) is None
    tied = consistency([one("same", "same")])
    assert tied is not None
    assert tied.first is None
    leaning = consistency([one("same", "a1")])
    assert leaning is not None
    assert leaning.first is not None
    assert leaning.first.value == 1


def test_swapped_twice_is_as_before() -> None:
    assert {SWAPPED[SWAPPED[answer]] for answer in ANSWERS} == set(ANSWERS)
    pair = Pair("x", "one", "other", "a", "b")
    assert pair.swapped() == Pair("x", "other", "one", "b", "a")
    assert pair.swapped().key == pair.key
    assert pair.swapped().swapped() == pair
    assert Pair("x", "one", "other", "b", "a").key != pair.key


def test_a_judge_who_does_not_look_has_the_rates_of_a_coin() -> None:
    random = np.random.default_rng(0)
    told = [
        Judged(Pair(str(n), "x", "y"), Verdict(ANSWERS[random.integers(2)]), Verdict(ANSWERS[random.integers(2)]))
        for n in range(3000)
    ]
    found = consistency(told)
    assert found is not None
    assert found.first is not None
    assert found.consistency.value == pytest.approx(0.5, abs=0.03)
    assert found.first.value == pytest.approx(0.5, abs=0.03)
