"""The budget: what was spent, and what requests under way may still cost."""

# Tested in tests/captioning/captioners/test_openai.py.

import asyncio
import math

from emocap.core.errors import UserError
from emocap.llm.recipe import AskRecipe
from emocap.llm.reply_log import Reply

Tokens = tuple[int, int]
"""Tokens of a prompt and of its completion."""

_CORRECTION_TOKENS = 200
"""What the words around a faulty reply, shown to the model again, take at most."""


class BudgetSpent(UserError):
    """The next request might cost more than is left of the budget. All replies so far are in the ledgers."""


class Budget:
    """Money, spent and reserved. A request is sent only where the most that it may cost fits.

    To be used from one event loop.
    """

    def __init__(self, recipe: AskRecipe, where: str) -> None:
        """where: what stands before a key of the recipe in complaints."""
        self._where = where
        self._price = recipe.price
        self._budget = math.inf if recipe.budget is None else recipe.budget
        self._completion = recipe.max_tokens
        self._prompt = 0
        self._known = False
        self._spent = self._reserved = 0.0
        self._under_way = 0
        self._settled = asyncio.Event()

    def count(self, reply: Reply) -> None:
        """A reply has come, or is known from an earlier run."""
        self._spent += reply.cost
        # The largest prompt seen is what the next one may take; where none was counted the estimate serves on.
        self._prompt = max(self._prompt, reply.prompt_tokens)
        self._known = True

    def cost(self, tokens: Tokens) -> float:
        """The cost of a number of tokens."""
        return self._price.cost(*tokens) if self._price else 0.0

    def most(self, estimate: int, last: Reply | None) -> Tokens:
        """The most tokens that the next reply to a query may take.

        estimate: of its prompt, until a reply reports its usage. last: its latest, which goes along.
        """
        again = last.completion_tokens + _CORRECTION_TOKENS if last else 0
        return (self._prompt or estimate) + again, self._completion

    def allows(self, tokens: Tokens) -> bool:
        """Whether a request of at most this many tokens can be sent now."""
        if self._under_way and not self._known and math.isfinite(self._budget):
            return False  # the first reply tells what queries cost
        return self._spent + self._reserved + self.cost(tokens) <= self._budget

    def reserve(self, tokens: Tokens) -> None:
        """A request is sent."""
        self._under_way += 1
        self._reserved += self.cost(tokens)

    def release(self, tokens: Tokens) -> None:
        """That request has ended; its reply was counted, where there was one."""
        self._under_way -= 1
        self._reserved = self._reserved - self.cost(tokens) if self._under_way else 0.0
        self._settled.set()

    async def wait(self, tokens: Tokens) -> None:
        """Returns when a request under way has ended, which mostly takes less than it might.

        Raises BudgetSpent if nothing is under way, as no room for the tokens can come free then.
        """
        if not self._under_way:
            raise BudgetSpent(
                f"{self._spent:.4g} of {self._where}budget {self._budget:.4g} is spent, and the next reply may cost "
                f"up to {self.cost(tokens):.4g}; raise {self._where}budget and run the same command again"
            )
        self._settled.clear()
        await self._settled.wait()
