"""ROUGE-L beside its formula."""

import re
from functools import lru_cache

import pytest

from emocap.evaluation.scorers.references import rouge_l

TEXTS = [
    "The face shows happiness: the corners of the mouth are up.",
    "The corners of the mouth are pulled up, and the face is happy!",
    "AU12 - lip corner puller",
    "up",
    "",
]


def slow(reference: str, reply: str) -> float:
    one, other = (re.sub(r"[^a-z0-9]+", " ", text.lower()).split() for text in (reference, reply))

    @lru_cache(None)
    def common(i: int, j: int) -> int:
        if i == len(one) or j == len(other):
            return 0
        if one[i] == other[j]:
            return 1 + common(i + 1, j + 1)
        return max(common(i + 1, j), common(i, j + 1))

    found = common(0, 0)
    return 2 * found / (len(one) + len(other)) if found else 0.0


@pytest.mark.parametrize("reference", TEXTS)
@pytest.mark.parametrize("reply", TEXTS)
def test_it_is_the_f_of_the_longest_common_subsequence(reference: str, reply: str) -> None:
    assert rouge_l(reference, reply) == pytest.approx(slow(reference, reply))
