"""What a task is: one object that says what a benchmark needs, how it is measured, and how results are shown."""

# Tested in tests/evaluation/tasks/test_action_units.py.

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.benchmarks.splits import Rows
from emocap.core.errors import UserError
from emocap.evaluation.display import TaskDisplay
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.protocols.base import Setting
from emocap.llm.chat_models import GenerativeModel, Response
from emocap.metrics.wheel.resources import Wheels


@dataclass(frozen=True)
class Graders:
    """What is at hand beside the model that is measured."""

    extractor: GenerativeModel | None = None
    """Brings free text into the form that is measured."""
    judge: GenerativeModel | None = None
    wheels: Wheels | None = None
    """None: the small ones that come with emocap."""
    consulted: dict[str, str] = field(default_factory=dict)
    """Role → name of the model, of those that were needed."""

    def need(self, role: str, card: Card) -> GenerativeModel:
        """The extractor (or, where there is none, the judge) or the judge. Raises UserError where there is neither."""
        found = (self.extractor or self.judge) if role == "extractor" else self.judge
        if found is None:
            raise UserError(f"{card.title}: another model must score the replies: set generation.judge=openai:NAME")
        self.consulted[role] = found.name
        return found


@dataclass(frozen=True)
class TaskResponses:
    """The tested examples of a card, and what a model said of them."""

    name: str
    """Of the card; replies of aids go to ledgers that begin with it."""
    card: Card
    examples: Sequence[Example]
    rows: Rows
    """Places of the tested examples among all."""
    responses: Sequence[Sequence[Response]]
    """Of each tested example: a response to each of its questions."""
    aids: Graders

    @property
    def tested(self) -> list[Example]:
        """The examples that ``responses`` are about."""
        return [self.examples[row] for row in self.rows]

    @property
    def firsts(self) -> list[Response]:
        """Of each tested example the response to its first question."""
        return [responses[0] for responses in self.responses]


@dataclass(frozen=True)
class GenerativeTask:
    """How generative models are asked, and how their replies are read."""

    questions: Callable[[Card, Example], list[str]]
    """What an example is asked: one text or several."""
    read: Callable[[TaskResponses], Outcome]
    """Its ``details`` has ``unparsable``: the number of replies that could not be read; they count as wrong."""
    first_token_logprobs: bool = False
    """Whether the log-probabilities of first tokens are needed."""
    judged: bool = False
    """Whether every reply is judged by another model, but for those of a file that has judgements beside them."""


@dataclass(frozen=True)
class Task:
    """A task, as the registry holds it; one for each file in ``emocap.evaluation.tasks``, as its ``TASK``."""

    name: str
    """What a card calls it: ``task: emotion``."""
    needs: ExampleNeeds
    """What an example must have to be measured."""
    display: TaskDisplay
    """How results are shown and compared."""
    metrics: Sequence[str] = ()
    """Those that a card may ask for."""
    protocols: Mapping[str, Callable[[Setting], list[Outcome]]] = field(default_factory=dict)
    """Name of a protocol for encoders → what it measures."""
    generative: GenerativeTask | None = None
    """None: generative models are not measured."""
    validate: Callable[[Card], None] = lambda card: None
    """Raises ValueError for a card that lacks what the task needs."""
    uses_wheels: bool = False
    """Whether emotion wheels are needed."""
    list_title: Callable[[Card], str] | None = None
    """What the list of benchmarks calls a card's task; None: its name."""


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
