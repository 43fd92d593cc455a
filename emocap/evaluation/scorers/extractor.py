"""Replies that another model reads: the extractor, or else the judge."""

# Tested in tests/evaluation/tasks/test_open_vocabulary.py.

from collections.abc import Sequence

from emocap.evaluation.task import TaskResponses, filled
from emocap.llm.chat_request import ChatRequest


def read_by_another(
    answered: TaskResponses, unread: Sequence[int], prompt: str, purpose: str
) -> tuple[str, list[str]]:
    """The name of the reader, and what it makes of the replies at some places among the tested examples.

    prompt: with the place {reply}. Replies are kept under the card's name and the purpose. "" where the reader has no
    answer. Raises UserError where replies are to be read and there is no reader.
    """
    if not unread:
        return "", []
    reader = answered.aids.need("extractor", answered.card)
    asks = [
        ChatRequest(answered.tested[place].name, filled(prompt, reply=answered.firsts[place].answer or ""))
        for place in unread
    ]
    responses = reader.answer(asks, f"{answered.name}-{purpose}")
    return reader.name, [response.answer or "" for response in responses]
