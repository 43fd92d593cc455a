"""Who says which of two descriptions is the better one."""

from collections.abc import Sequence
from typing import Any, Protocol

from emocap.preference.pairs import Pair, Verdict


class Judge(Protocol):
    """Anything that compares two descriptions."""

    @property
    def name(self) -> str:
        """All that decides about its verdicts, in words: verdicts under another name are not mixed with these."""
        ...

    @property
    def both_orders(self) -> bool:
        """Whether every pair is shown a second time with the second description first."""
        ...

    @property
    def told(self) -> dict[str, Any]:
        """What the result says of it beside its name, such as what asking has cost."""
        ...

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """A verdict on every pair, in their order; one without an answer where none is to be had.

        Raises UserError where it cannot go on; what it has said until then must not be lost on the way back.
        """
        ...
