import itertools

import numpy as np
import pytest
from scipy.stats import binom

from emocap.preference.pairs import Answer, Judged, Pair, Verdict, every_pair
from emocap.preference.ranking import rank, ranks, wins_of


def judged(name: str, first: str, second: str, answer: Answer | None, turned: Answer | None = None) -> Judged:
    reverse = Verdict(turned) if turned else None
    return Judged(Pair(name, f"{first} says", f"{second} says", first, second), Verdict(answer), reverse)


def drawn(seed: int, captioners: int, inputs: int, spread: float) -> list[Judged]:
    """Strengths 0, 0.4, 0.8 ...; inputs that are hard for some, with three verdicts on each."""
    random = np.random.default_rng(seed)
    names = [f"d{place}" for place in range(captioners)]
    pairs = list(every_pair(names))
    told = []
    for number in range(inputs):
        good = 0.4 * np.arange(captioners) + spread * random.normal(size=captioners)
        for place in random.choice(len(pairs), 3, replace=False):
            first, second = (names.index(name) for name in pairs[place])
            won = random.random() < 1 / (1 + np.exp(good[second] - good[first]))
            told.append(judged(str(number), names[first], names[second], "a1" if won else "a2"))
    return told


def test_wins_ties_and_both_orders_by_hand() -> None:
    told = [
        judged("x", "a", "b", "a1"),
        judged("y", "b", "a", "same"),
        judged("z", "a", "b", "a2", "a1"),  # b both times
        judged("w", "a", "b", "a1", "a1"),  # whoever is first: a tie
        judged("v", "a", "b", "a1", "same"),  # three quarters
        judged("u", "a", "b", None),
        Judged(Pair("t", "one", "other"), Verdict("a1")),
    ]
    wins = wins_of(told, ["a", "b"])
    assert wins.tolist() == [[0, 2.75], [2.25, 0]]
    ranking = rank(told)
    assert ranking is not None
    assert [(one.name, one.won, one.compared) for one in ranking.entries] == [("a", 2.75, 5), ("b", 2.25, 5)]
    assert ranking.wins == [[0, 2.75], [2.25, 0]]
    assert ranking.inputs == 5
    assert ranking.entries[0].strength == pytest.approx(np.log(2.75 / 2.25) / 2)


def test_the_order_in_which_two_are_shown_does_not_matter() -> None:
    told = drawn(0, 4, 60, 0.5)
    turned = [
        judged(one.pair.name, str(one.pair.model2), str(one.pair.model1), "a2" if one.verdict.answer == "a1" else "a1")
        for one in told
    ]
    assert rank(told) == rank(turned)


def test_ranks_are_shared_by_equals() -> None:
    assert ranks(np.array([[1.0, 3.0, 1.0, -2.0], [0, 0, 0, 0]])).tolist() == [[2, 1, 2, 4], [1, 1, 1, 1]]
    told = [judged(str(n), a, b, "same") for n, (a, b) in enumerate(itertools.combinations("abc", 2))]
    ranking = rank(told)
    assert ranking is not None
    assert [one.rank for one in ranking.entries] == [1, 1, 1]
    assert [one.first for one in ranking.entries] == pytest.approx([1 / 3] * 3)


def test_a_bootstrap_draws_inputs_and_not_pairs() -> None:
    few = [judged(str(n), "a", "b", "a1" if n < 15 else "a2") for n in range(25)]
    # The same said four times of each input tells no more: the interval must not become narrower.
    often = [one for one in few for _ in range(4)]
    once, again = rank(few), rank(often)
    assert once is not None
    assert again is not None
    assert again.entries[0].low == pytest.approx(once.entries[0].low)
    assert again.entries[0].high == pytest.approx(once.entries[0].high)
    apart = rank([judged(f"{n}/{copy}", "a", "b", "a1" if n < 15 else "a2") for n in range(25) for copy in range(4)])
    assert apart is not None
    assert apart.entries[0].low is not None
    assert once.entries[0].low is not None
    assert apart.entries[0].low > once.entries[0].low + 0.05


@pytest.mark.slow
def test_intervals_hold_what_every_input_would_tell_about_nineteen_times_in_twenty() -> None:
    whole = rank(drawn(10_000, 4, 60_000, 1.0), rounds=0)
    assert whole is not None
    true = {one.name: one.strength for one in whole.entries}
    strength, place, every = 0, 0, 0
    for seed in range(60):
        ranking = rank(drawn(seed, 4, 120, 1.0), rounds=200, seed=seed)
        assert ranking is not None
        for one in ranking.entries:
            assert one.low is not None
            assert one.high is not None
            assert one.rank_low is not None
            assert one.rank_high is not None
            every += 1
            strength += one.low <= true[one.name] <= one.high
            place += one.rank_low <= 4 - int(one.name[1]) <= one.rank_high
    assert 0.89 <= strength / every <= 0.99
    assert place / every >= 0.93


def test_the_chance_of_being_first_adds_up() -> None:
    ranking = rank(drawn(1, 4, 40, 0.5))
    assert ranking is not None
    firsts = [one.first for one in ranking.entries if one.first is not None]
    assert sum(firsts) == pytest.approx(1)
    assert firsts[0] == max(firsts)
    assert ranking.rounds == 1000
    assert rank(drawn(1, 4, 40, 0.5)) == ranking


def test_an_unbeaten_describer_is_regularised_and_said_to_be() -> None:
    told = [judged(str(n), "a", "b", "a1") for n in range(8)] + [judged("9", "b", "c", "same")]
    ranking = rank(told)
    assert ranking is not None
    assert ranking.penalty > 0
    assert ranking.groups == []
    assert ranking.rounds_left_out > 0  # those without the only comparison of c
    assert ranking.rounds + ranking.rounds_left_out == 1000
    assert ranking.rounds_regularised == ranking.rounds


def test_groups_that_never_met_are_named() -> None:
    told = [judged("1", "a", "b", "a1"), judged("2", "b", "a", "a1"), judged("3", "d", "c", "a1")]
    ranking = rank(told)
    assert ranking is not None
    assert ranking.groups == [["a", "b"], ["c", "d"]]
    assert ranking.penalty > 0


def test_nobody_compared_is_no_ranking() -> None:
    assert rank([]) is None
    assert rank([judged("x", "a", "b", None)]) is None
    assert rank([Judged(Pair("x", "one", "other"), Verdict("a1"))]) is None


def test_of_two_describers_the_interval_is_that_of_a_binomial() -> None:
    ranking = rank([judged(str(n), "a", "b", "a1" if n < 240 else "a2") for n in range(400)])
    assert ranking is not None
    won = binom.ppf([0.025, 0.975], 400, 0.6) / 400
    ends = np.log(won / (1 - won)) / 2
    assert [ranking.entries[0].low, ranking.entries[0].high] == pytest.approx(ends, abs=0.006)


def test_one_input_says_nothing_of_how_certain_a_ranking_is() -> None:
    told = [judged("x", "a", "b", "a1"), judged("x", "b", "a", "a1"), judged("x", "b", "c", "a1")]
    ranking = rank(told)
    assert ranking is not None
    assert ranking.inputs == 1
    assert ranking.rounds == 0
    assert {(one.low, one.high, one.rank_low, one.first) for one in ranking.entries} == {(None, None, None, None)}


def test_without_rounds_there_are_no_intervals() -> None:
    ranking = rank(drawn(1, 3, 20, 0.5), rounds=0)
    assert ranking is not None
    assert {(one.low, one.rank_low, one.first) for one in ranking.entries} == {(None, None, None)}
