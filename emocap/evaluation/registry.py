"""Which tasks and protocols there are, and what cards, pages and comparisons ask of them."""

# Tested in tests/evaluation/test_runner.py.

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emocap.benchmarks import loading
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.core.registries import Registry
from emocap.evaluation.display import MetricDisplay, TaskDisplay, wheel_caveat
from emocap.evaluation.protocols.base import Protocol
from emocap.evaluation.results import is_official, without_official
from emocap.evaluation.task import Task

TASKS = Registry[Task]("task", "emocap.evaluation.tasks", "TASK")
PROTOCOLS = Registry[Protocol]("protocol", "emocap.evaluation.protocols", "PROTOCOL")
_SUITE = TaskDisplay("suite", {"suite": "Suites"}, caveat=wheel_caveat)
_OFFICIAL_MEANING = (
    "over what the benchmark's own script counts; the number without that word is over all that was asked"
)


def load_card(name: str, overrides: Sequence[str] = ()) -> Card:
    """A card, by its name or its YAML file, with ``dotted.key=value`` overrides, checked as its task asks.

    Raises UserError as :func:`emocap.core.recipes.load` does, for a task, protocol or metric that does not exist, and
    for what the task of the card lacks.
    """
    card = load(Card, "benchmarks", name, overrides)
    try:
        check_card(card)
    except (UserError, ValueError) as error:
        raise UserError(f"{name}: {error}") from None
    return card


def check_card(card: Card) -> None:
    """Raises UserError or ValueError where a card is not what its task and protocols ask for."""
    task = TASKS[card.task]
    for protocol in card.protocols:
        PROTOCOLS[protocol]
    for metric in card.metrics:
        if task.metrics and metric not in task.metrics:
            raise ValueError(f"metrics: {metric} is none of {card.task}, which has {', '.join(task.metrics)}")
    task.validate(card)


def read_examples(card: Card, data: Path) -> list[Example]:
    """All examples of a benchmark that its task measures; see :func:`emocap.benchmarks.loading.read`.

    Raises UserError for a card that is not what its task asks for, too.
    """
    try:
        check_card(card)
    except ValueError as error:
        raise UserError(f"{card.title}: {error}") from None
    return loading.read(card, data, TASKS[card.task].needs)


def protocols_of(card: Card) -> list[str]:
    """The protocols that measure a card, in their order."""
    task = TASKS[card.task]
    having = [
        protocol
        for protocol in sorted(PROTOCOLS, key=lambda protocol: protocol.order)
        if protocol.name in task.protocols or (protocol.generates and task.generative and card.generate)
    ]
    return [protocol.name for protocol in having if not card.protocols or protocol.name in card.protocols]


def encoder_protocols() -> list[str]:
    """Names of the protocols that measure encoders, in their order."""
    return [one.name for one in sorted(PROTOCOLS, key=lambda one: one.order) if not one.generates]


def display_of(task: str | None) -> TaskDisplay:
    """The display of a task; of one that has none a plain one, and of None that of suites over several tasks."""
    if task is None:
        return _SUITE
    return TASKS[task].display if task in TASKS else TaskDisplay(task, {task: task.replace("_", " ").capitalize()})


def displays() -> list[TaskDisplay]:
    """All of them, in the order of a page."""
    return sorted((task.display for task in TASKS), key=lambda display: display.order)


def metric_display(metric: str) -> MetricDisplay:
    """How a metric of any task is shown.

    ``accuracy_official`` is accuracy, official denominator; ``ccc_valence`` is valence: CCC; other unknown ones are
    shown by their names.
    """
    if is_official(metric):
        own = metric_display(without_official(metric))
        return replace(own, label=f"{own.label}, official denominator", meaning=_OFFICIAL_MEANING)
    for display in displays():
        if found := display.metrics.get(metric) or (display.derived(metric) if display.derived else None):
            return found
    measure, _, scale = metric.partition("_")
    for display in displays():
        if scale and (found := display.metrics.get(measure)):
            return replace(found, label=f"{scale}: {found.label}", meaning=None)
    return MetricDisplay(metric.replace("_", " "))
