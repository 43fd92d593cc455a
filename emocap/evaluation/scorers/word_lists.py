"""Words for emotions out of what a model wrote: a list as it stands, free text by another model."""

# Tested in tests/evaluation/tasks/test_open_vocabulary.py.

import re
from dataclasses import dataclass

from emocap.evaluation.scorers.extractor import read_by_another
from emocap.evaluation.task import TaskResponses
from emocap.llm.chat_models import Response
from emocap.metrics.wheel.lists import string_to_list

PROMPT = (
    "Below is what somebody wrote about a person. Which emotions does it say that this person clearly has? Answer "
    "with a list of the words for them, such as [happy, sad, angry], and nothing else; with [] if there are none.\n\n"
    "What was written: {reply}"
)
"""Ours; after the task that AffectGPT gives to Qwen2.5-7B-Instruct."""
_LIST = re.compile(r"\[[^\[\]]*\]")
_SHORT = 2
"""Words that a label without brackets may have: more may be a sentence."""


@dataclass(frozen=True)
class Words:
    """What was understood of the replies about some examples."""

    labels: list[list[str] | None]
    """Of each; None where there is no reply, or none that could be read."""
    read_by: dict[str, int]
    """How many replies were lists, and how many another model has read."""
    unparsable: int


def words(answered: TaskResponses) -> Words:
    """The labels that each reply names.

    Raises UserError where a reply is free text and there is neither an extractor nor a judge.
    """
    labels = [_labels(response) for response in answered.firsts]
    read_by = {"lists": sum(one is not None for one in labels)}
    free = [place for place, one in enumerate(answered.firsts) if labels[place] is None and one.answer]
    reader, texts = read_by_another(answered, free, PROMPT, "words")
    for place, text in zip(free, texts, strict=True):
        labels[place] = listed(text)
    if free:
        read_by[reader] = sum(labels[place] is not None for place in free)
    answers = sum(response.text is not None for response in answered.firsts)
    return Words(labels, read_by, answers - sum(read_by.values()))


def listed(text: str) -> list[str] | None:
    """The labels of a text that is a list; None for any other. Our reading.

    It is one where it has a single pair of brackets, or where it is one line of labels of up to two words with commas
    between them.
    """
    lists = _LIST.findall(text)
    if lists:
        return string_to_list(lists[0]) if len(lists) == 1 else None
    plain = text.strip().strip("`\"'").removesuffix(".")
    bare = string_to_list(plain)
    short = all(len(label.split()) <= _SHORT for label in bare)
    return bare if bare and short and not re.search(r"[\n.:;!?]", plain) else None


def _labels(response: Response) -> list[str] | None:
    """Of a reply that is a list, or of a prediction beside which labels stand under ``openset``."""
    if isinstance(beside := response.fields.get("openset"), str) and beside.strip():
        return string_to_list(beside)
    return None if response.answer is None else listed(response.answer)
