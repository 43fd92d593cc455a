"""How each task asks models that write, and reads what they write: one file per task."""

from emocap.evaluate.cards import Card
from emocap.evaluate.generate.tasks import choice, open_vocabulary, sentiment
from emocap.evaluate.generate.tasks.base import Aids, Answered, Task

__all__ = ["TASKS", "Aids", "Answered", "Task", "task_of"]

TASKS: dict[str, Task] = {
    "choice": choice.TASK,
    "open_vocabulary": open_vocabulary.TASK,
    "sentiment": sentiment.TASK,
}
"""Task of a card → how it is asked and read."""


def task_of(card: Card) -> Task | None:
    """How models that write are measured on a card; None where they are not."""
    return TASKS.get(card.task) if card.generate else None
