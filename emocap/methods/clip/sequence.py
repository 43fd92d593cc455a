"""The endless sequence of samples that a seed defines, as numbers alone: it knows of no bytes, workers or ranks.

An epoch is laid out from its number, so that any place in the sequence can be asked for at once. Every dataset walks
through rounds of its own, in each of which it gives every sample once; a dataset alone, or several without weights,
give an epoch of every sample exactly once. Memory: three integers per sample.
"""

import functools
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def shares(sizes: Sequence[int], weights: Sequence[float], samples: int) -> list[int]:
    """How many of an epoch's ``samples`` come from each dataset: by weight, the largest remainders rounded up."""
    exact = np.array(weights, dtype=np.float64) / sum(weights) * samples
    whole = np.floor(exact).astype(np.int64)
    largest = np.argsort(whole - exact, kind="stable")[: samples - whole.sum()]
    whole[largest] += 1
    return [int(count) for count in whole]


class Order:
    """Which sample of which dataset stands at a place of the sequence.

    shards: for every dataset, how many samples each of its shards has; samples are numbered through them. share: how
    many samples of an epoch come from each dataset; they are spread evenly over it. shuffle: a round of a dataset
    takes its shards in random order, and shuffles this many consecutive samples at a time: reading stays near a few
    shards. resample: draw a dataset's samples with replacement instead.
    """

    def __init__(
        self, shards: Sequence[Sequence[int]], share: Sequence[int], shuffle: int, resample: bool, seed: int
    ) -> None:
        self._shards, self._share = [np.array(sizes, dtype=np.int64) for sizes in shards], np.array(share)
        self._shuffle, self._resample, self._seed = shuffle, resample, seed
        self._dataset_E, self._turn_E = _spread(share)
        # A batch can touch two rounds of every dataset, and the next one touches them again.
        self._round = functools.lru_cache(maxsize=2 * len(shards))(self._make_round)

    def places(self, first: int, last: int) -> tuple[Numbers, Numbers]:
        """Numbers of the datasets, and of the samples in them, at places ``first`` to ``last − 1``."""
        epoch_N, place_N = np.divmod(np.arange(first, last), len(self._dataset_E))
        dataset_N = self._dataset_E[place_N]
        taken_N = epoch_N * self._share[dataset_N] + self._turn_E[place_N]
        sample_N = np.empty_like(taken_N)
        for dataset in np.unique(dataset_N).tolist():
            here_N = dataset_N == dataset
            round_N = taken_N // self._shards[dataset].sum()
            for number in np.unique(round_N[here_N]).tolist():
                now_N = here_N & (round_N == number)
                order = self._round(dataset, number)
                sample_N[now_N] = order[taken_N[now_N] - number * len(order)]
        return dataset_N, sample_N

    def _make_round(self, dataset: int, number: int) -> Numbers:
        sizes = self._shards[dataset]
        total = int(sizes.sum())
        name = f"{self._seed}/{dataset}/{number}"
        if self._resample:
            return (_bits(f"{name}/samples", total) % np.uint64(total)).astype(np.int64)
        begin = sizes.cumsum() - sizes
        by_shard = np.argsort(_bits(f"{name}/shards", len(sizes)), kind="stable")
        walk = np.concatenate([np.arange(begin[shard], begin[shard] + sizes[shard]) for shard in by_shard])
        draw = _bits(f"{name}/samples", total)
        pool = np.arange(total) // self._shuffle
        return walk[np.lexsort((draw, pool))]


def _spread(share: Sequence[int]) -> tuple[Numbers, Numbers]:
    """The dataset of each place of an epoch, and how many of that dataset came before it.

    Dataset d's n samples belong at (k + ½) / n of the epoch, so a stretch of B samples holds B · n / E of them, give
    or take one per dataset.
    """
    belongs_E = np.concatenate([(np.arange(count) + 0.5) / max(count, 1) for count in share])
    order_E = np.argsort(belongs_E, kind="stable")
    dataset_E = np.repeat(np.arange(len(share)), share)[order_E]
    turn_E = np.concatenate([np.arange(count) for count in share])[order_E]
    return dataset_E, turn_E


def _bits(name: str, count: int) -> npt.NDArray[np.uint64]:
    """Random 64-bit numbers that depend on the name alone; numpy keeps the raw stream the same in every version."""
    seed = int.from_bytes(blake2b(name.encode(), digest_size=16).digest())
    return np.random.PCG64(seed).random_raw(count)
