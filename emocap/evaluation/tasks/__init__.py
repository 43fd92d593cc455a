"""How each task asks models that write, and reads what they write: one file per task."""

from emocap.benchmarks.cards import Card
from emocap.evaluation.task import Aids, Answered, Task
from emocap.evaluation.tasks import (
    action_units,
    choice,
    emotion,
    open_vocabulary,
    reasoning,
    sentiment,
    spoofing,
    visual_room,
)

__all__ = ["TASKS", "Aids", "Answered", "Task", "task_of"]

TASKS: dict[str, Task] = {
    "emotion": emotion.TASK,
    "action_units": action_units.TASK,
    "choice": choice.TASK,
    "open_vocabulary": open_vocabulary.TASK,
    "sentiment": sentiment.TASK,
    "spoofing": spoofing.TASK,
    "reasoning": reasoning.TASK,
    "two_tiers": visual_room.TASK,
}
"""Task of a card → how it is asked and read."""


def task_of(card: Card) -> Task | None:
    """How models that write are measured on a card; None where they are not."""
    return TASKS.get(card.task) if card.generate else None
