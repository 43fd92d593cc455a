"""What a task has before it when it reads replies, and what it must give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Rows
from emocap.core.errors import UserError
from emocap.evaluation.outcomes import Outcome
from emocap.llm.chat_models import Model, Response
from emocap.metrics.wheel.resources import Wheels


@dataclass(frozen=True)
class Aids:
    """What is at hand beside the model that is measured."""

    extractor: Model | None = None
    """Brings free text into the form that is measured."""
    judge: Model | None = None
    wheels: Wheels | None = None
    """None: the small ones that come with emocap."""
    consulted: dict[str, str] = field(default_factory=dict)
    """Role → name of the model, of those that were needed."""

    def need(self, role: str, card: Card) -> Model:
        """The extractor (or, where there is none, the judge) or the judge. Raises UserError where there is neither."""
        found = (self.extractor or self.judge) if role == "extractor" else self.judge
        if found is None:
            raise UserError(f"{card.title}: what models write is read by another model: give --judge openai:NAME")
        self.consulted[role] = found.name
        return found


@dataclass(frozen=True)
class Answered:
    """The tested examples of a card, and what a model said of them."""

    name: str
    """Of the card; replies of aids go to ledgers that begin with it."""
    card: Card
    examples: Sequence[Example]
    rows: Rows
    """Places of the tested examples among all."""
    responses: Sequence[Sequence[Response]]
    """Of each tested example: a response to each of its questions."""
    aids: Aids

    @property
    def tested(self) -> list[Example]:
        """The examples that ``responses`` are about."""
        return [self.examples[row] for row in self.rows]

    @property
    def firsts(self) -> list[Response]:
        """Of each tested example the response to its first question."""
        return [responses[0] for responses in self.responses]


@dataclass(frozen=True)
class Task:
    """A way to ask and to read."""

    questions: Callable[[Card, Example], list[str]]
    """What an example is asked: one text or several."""
    read: Callable[[Answered], Outcome]
    """``told`` of the outcome has ``unparsable``: how many replies could not be read; those count as wrong."""
    odds: bool = False
    """Whether the odds of first words are needed."""
    judged: bool = False
    """Whether every reply is judged by another model, but for those of a file that has judgements beside them."""


def fill(card: Card, **places: str) -> str:
    """The card's prompt with its places filled; what a place holds is not looked at for places again."""
    assert card.generate
    return filled(card.generate.prompt, **places)


def filled(text: str, /, **places: str) -> str:
    """The same of any text."""
    parts: list[str] = []
    while text:
        hits = {text.find(f"{{{name}}}"): name for name in places if f"{{{name}}}" in text}
        if not hits:
            break
        at = min(hits)
        parts += [text[:at], places[hits[at]]]
        text = text[at + len(hits[at]) + 2 :]
    return "".join([*parts, text]).strip()
