"""Replies that another model reads: the extractor, or else the judge."""

import re
from collections.abc import Sequence

from emocap.evaluate.generate.ask import Ask
from emocap.evaluate.generate.models import Response
from emocap.evaluate.generate.tasks.base import Answered


def said(response: Response) -> str | None:
    """A reply without thoughts: what is in its ``<answer>``, or behind its ``</think>``, where it has these."""
    if response.text is None:
        return None
    rest = response.text.rpartition("</think>")[2]
    answer = re.search(r"<answer>(.*?)(?:</answer>|\Z)", rest, re.DOTALL)
    return (answer[1] if answer else rest).strip()


def read_by_another(answered: Answered, places: Sequence[int], prompt: str, purpose: str) -> tuple[str, list[str]]:
    """The name of the reader, and what it makes of the replies at some places among the tested examples.

    prompt: with the place {reply}. Replies are kept under the card's name and the purpose. "" where the reader has no
    answer. Raises UserError where replies are to be read and there is no reader.
    """
    if not places:
        return "", []
    reader = answered.aids.need("extractor", answered.card)
    asks = [
        Ask(answered.tested[place].name, prompt.replace("{reply}", said(answered.firsts[place]) or ""))
        for place in places
    ]
    responses = reader.answer(asks, f"{answered.name}-{purpose}")
    return reader.name, [response.text or "" for response in responses]
