from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emocap.methods.clip.sequence import Order, shares

SIZES = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=6), min_size=1, max_size=3)
SEEDS = st.integers(-5, 2**40)


def pairs(order: Order, first: int, last: int) -> list[tuple[int, int]]:
    dataset_N, sample_N = order.places(first, last)
    return list(zip(dataset_N.tolist(), sample_N.tolist(), strict=True))


def everything(sizes: list[list[int]]) -> list[tuple[int, int]]:
    return [(dataset, sample) for dataset, each in enumerate(sizes) for sample in range(sum(each))]


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS, st.integers(1, 30), st.integers(0, 4))
def test_an_epoch_has_every_sample_exactly_once(sizes: list[list[int]], seed: int, shuffle: int, epoch: int) -> None:
    share = [sum(each) for each in sizes]
    order = Order(sizes, share, shuffle, False, seed)
    assert sorted(pairs(order, epoch * sum(share), (epoch + 1) * sum(share))) == everything(sizes)


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS, st.integers(1, 30), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_readers_that_take_their_rows_see_every_sample_of_an_epoch_once(
    sizes: list[list[int]], seed: int, shuffle: int, ranks: int, workers: int, rows: int
) -> None:
    """Rank r takes its rows of every batch, its worker w every W-th of them, and there may be fewer shards."""
    total = sum(map(sum, sizes))
    batch = ranks * rows
    seen: dict[int, tuple[int, int]] = {}
    for rank in range(ranks):
        for worker in range(workers):
            order = Order(sizes, [sum(each) for each in sizes], shuffle, False, seed)
            for number in range(worker, -(-2 * total // batch), workers):
                first = number * batch + rank * rows
                for place, found in enumerate(pairs(order, first, first + rows), first):
                    assert place not in seen
                    seen[place] = found
    assert sorted(seen[place] for place in range(total)) == everything(sizes)
    assert sorted(seen[place] for place in range(total, 2 * total)) == everything(sizes)


@settings(max_examples=60, deadline=None)
@given(SIZES, SEEDS, st.booleans(), st.integers(0, 300), st.integers(0, 40))
def test_any_stretch_can_be_asked_for_alone(
    sizes: list[list[int]], seed: int, resample: bool, first: int, length: int
) -> None:
    def fresh() -> Order:
        return Order(sizes, [sum(each) for each in sizes], 7, resample, seed)

    assert pairs(fresh(), 0, first + length)[first:] == pairs(fresh(), first, first + length)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.lists(st.integers(1, 9), min_size=3, max_size=3), st.integers(30, 200), st.integers(0, 999), SEEDS)
def test_every_stretch_has_its_part_of_each_dataset(
    sizes: list[list[int]], weights: list[int], samples: int, first: int, seed: int
) -> None:
    weights = weights[: len(sizes)]
    share = shares([sum(each) for each in sizes], weights, samples)
    assert sum(share) == samples
    assert all(abs(count - samples * weight / sum(weights)) < 1 for count, weight in zip(share, weights, strict=True))
    order = Order(sizes, share, 10, False, seed)
    counts = Counter(dataset for dataset, _ in pairs(order, first, first + 25))
    for dataset, count in enumerate(share):
        assert abs(counts[dataset] - 25 * count / samples) <= 1 + len(share)
    # Whatever the pace, a dataset starts over only when all of it was seen.
    walked = Counter(pairs(order, 0, 5 * samples))
    for dataset, each in enumerate(sizes):
        often = [walked[dataset, sample] for sample in range(sum(each))]
        assert max(often) - min(often) <= 1


@settings(max_examples=30, deadline=None)
@given(SIZES, SEEDS)
def test_resampling_stays_within_the_samples(sizes: list[list[int]], seed: int) -> None:
    order = Order(sizes, [sum(each) for each in sizes], 10, True, seed)
    assert set(pairs(order, 0, 200)) <= set(everything(sizes))


def test_resampling_draws_with_replacement() -> None:
    order = Order([[500, 500]], [1000], 10, True, 0)
    distinct = len(set(pairs(order, 0, 1000)))
    assert distinct == pytest.approx(1000 * (1 - np.exp(-1)), abs=50)
    assert pairs(order, 0, 1000) != pairs(order, 1000, 2000)


def test_epochs_and_seeds_differ() -> None:
    order = Order([[50, 50]], [100], 30, False, 0)
    assert pairs(order, 0, 100) != pairs(order, 100, 200)
    assert pairs(order, 0, 100) != pairs(Order([[50, 50]], [100], 30, False, 1), 0, 100)


def test_samples_that_follow_each_other_come_from_few_shards_and_in_no_order() -> None:
    order = Order([[100] * 50], [5000], 500, False, 0)
    sample_N = order.places(0, 5000)[1]
    for pool_N in sample_N.reshape(10, 500):
        assert len(np.unique(pool_N // 100)) == 5
        assert abs(np.corrcoef(pool_N % 100, np.arange(500))[0, 1]) < 0.2


def test_the_sequence_of_a_seed_stays_what_it_is() -> None:
    """A run that goes on under a later version would otherwise see some samples twice."""
    order = Order([[4, 3], [5]], [7, 5], 4, False, 7)
    dataset_N, sample_N = order.places(0, 12)
    assert dataset_N.tolist() == [0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0]
    assert sample_N.tolist() == [0, 2, 1, 3, 2, 3, 1, 4, 0, 5, 4, 6]


def test_what_is_left_over_goes_to_the_largest_remainders() -> None:
    assert shares([1, 1, 1], [5, 3, 1], 10) == [6, 3, 1]  # of 5.6, 3.3 and 1.1
    assert shares([1, 1, 1], [1, 1, 1], 8) == [3, 3, 2]
