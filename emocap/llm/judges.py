"""What a judge is: whatever says something about each of several things, such as which of two captions is better."""

# Tested in tests/preference/test_model_judge.py.

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item", contravariant=True)
Verdict = TypeVar("Verdict")


class Judge(Protocol[Item, Verdict]):
    """A model, people, or a rule that judges items."""

    @property
    def name(self) -> str:
        """All that decides about its verdicts, in words: verdicts under another name are not mixed with these."""
        ...

    @property
    def details(self) -> dict[str, Any]:
        """What a result says of it besides its name, such as what asking has cost."""
        ...

    def judge(self, items: Sequence[Item], /) -> list[Verdict]:
        """A verdict on every item, in their order.

        Raises UserError where it cannot go on; what it has said until then must not be lost on the way back.
        """
        ...
