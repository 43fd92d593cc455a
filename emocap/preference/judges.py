"""Who says which of two captions is the better one."""

# Tested in tests/preference/test_run.py.

from typing import Protocol

from emocap.llm import judges
from emocap.preference.pairs import Pair, Verdict


class Judge(judges.Judge[Pair, Verdict], Protocol):
    """Anything that compares two captions; a verdict without an answer where none is to be had."""

    @property
    def both_orders(self) -> bool:
        """Whether every pair is shown a second time with the second caption first."""
        ...
