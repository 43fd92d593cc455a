"""What is seen and what is meant, after the Visual Room (arXiv 2505.23272): a protocol of our own.

The paper's is not public. Ours: each question about what is plainly to be seen is asked by itself, and then whether
sarcasm is meant. The gap is how often the second is wrong where all of the first were right: P(ŷ ≠ y | q = 1).
"""

import re
from collections import Counter
from functools import partial

import numpy as np

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.loading import ExampleNeeds
from emocap.evaluation import outcomes
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome, wanted
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill, filled
from emocap.llm.chat_models import Response
from emocap.llm.chat_request import ChatRequest
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import Statistic, Weighted

USUAL = ("gap", "perception_accuracy", "sarcasm_accuracy", "sarcasm_macro_f1")
"""What is reported where a card does not say it."""

SHORT = 3
"""Words of a right answer that is looked for in the reply; a judge compares longer ones."""
_JUDGE_TOKENS = 64
_SYSTEM = "You compare answers. You keep exactly to the form that is asked for."
_JUDGE = """\
A question about a picture, the right answer, and a reply. Does the reply say what the right answer says? Other words \
for the same do not matter, nor what it says besides, as long as nothing contradicts the right answer.

Write 1 or 0, within <score></score>, and nothing else: <score>1</score>

Question: {question}
Right answer: {answer}
Reply: {reply}"""


def questions(card: Card, example: Example) -> list[str]:
    """Those about what is to be seen, and last the card's prompt with the {text} that belongs to it."""
    assert card.generate
    seen = [filled(card.generate.perception, question=one.text) for one in example.perception]
    return [*seen, fill(card, text=example.text or "")]


def read(answered: TaskResponses) -> Outcome:
    """``gap``, the share of errors about sarcasm among the examples of which everything was seen right; accuracy of
    perception, the mean over examples of the share of questions that were answered right; accuracy and macro F1 of
    sarcasm.

    What is not answered, or cannot be read, is wrong: in perception that takes the example out of the gap, which is
    why the gap says little without it. Examples without questions about what is seen are in neither.
    """
    card, tested = answered.card, answered.tested
    right, judged = _perceived(answered)
    asked_N = np.array([len(one) > 0 for one in right])
    share_N = np.array([float(np.mean(one)) if one else np.nan for one in right])
    seen_N = asked_N & (np.nan_to_num(share_N) == 1)
    true = outcomes.labels_of(card, tested)
    replies = [responses[-1] for responses in answered.responses]
    meant = [None if reply.answer is None else sarcastic(reply.answer) for reply in replies]
    predicted = np.array([-1 if one is None else int(one) for one in meant])
    wrong_N = predicted != true
    true_NK, said_NK = (one[:, None] == np.arange(2) for one in (true, predicted))

    def macro_f1(weight_RN: Numbers) -> Numbers:
        return metrics.mean_f1(weight_RN @ (true_NK & said_NK), weight_RN @ true_NK, weight_RN @ said_NK)

    possible: dict[str, Statistic] = {
        "gap": Weighted(partial(metrics.mean_among, wrong_N, seen_N)),
        "perception_accuracy": Weighted(partial(metrics.mean_among, np.nan_to_num(share_N), asked_N)),
        "sarcasm_accuracy": Weighted(partial(metrics.mean_among, ~wrong_N, np.ones(len(tested), dtype=bool))),
        "sarcasm_macro_f1": Weighted(macro_f1),
    }
    names = list(card.classes)
    said = [None if place < 0 else names[place] for place in predicted.tolist()]
    return Outcome(
        answered.rows,
        {name: possible[name] for name in wanted(card, list(possible), USUAL)},
        [names[place] for place in true.tolist()],
        said,
        [None] * len(tested),
        {
            "all_seen_right": int(seen_N.sum()),
            "without_questions": int((~asked_N).sum()),
            "perception_read_by": judged,
            "unparsable": sum(
                reply.text is not None and one is None for reply, one in zip(replies, meant, strict=True)
            ),
            "chance": {"sarcasm_accuracy": 0.5},
            "prompts": _prompts(card),
        },
    )


def matches(reply: str, answer: str) -> bool:
    """Whether a reply gives a short answer. Our reading.

    Yes and no: see :func:`yes_or_no`. Others: its words stand in the reply one after the other, articles aside, and
    no "not" or "no" stands before them in the same clause. Upper and lower case are the same.
    """
    if (wanted := yes_or_no(answer)) is not None and len(_words(answer)) == 1:
        return yes_or_no(reply) == wanted
    phrase = _words(answer)
    if not phrase:
        return reply.strip(" .*").casefold() == answer.strip(" .*").casefold()
    for clause in re.split(r"[.,;:!?\n]|\bbut\b", reply.casefold().replace("n't", " not")):
        words = _words(clause)
        for place in range(len(words) - len(phrase) + 1):
            if words[place : place + len(phrase)] == phrase and not {"not", "no", "never"} & set(words[:place]):
                return True
    return False


def yes_or_no(reply: str) -> bool | None:
    """True for yes, False for no: the word that a reply begins with, or else the only one of the two that it has."""
    words = _words(reply)
    if (begun := _begun(words)) is not None:
        return begun
    found = {"yes", "no"} & set(words)
    return found == {"yes"} if len(found) == 1 else None


def sarcastic(reply: str) -> bool | None:
    """Whether a reply says that sarcasm is meant; None where it says neither. Our reading.

    A yes or a no that it begins with decides, then "sarcastic" or "sarcasm" with or without a "not" in the same
    clause before it, then a yes or no anywhere.
    """
    if (begun := _begun(_words(reply))) is not None:
        return begun
    found = set()
    for clause in re.split(r"[.,;:!?\n]|\bbut\b", reply.casefold().replace("n't", " not")):
        before, word, _ = re.sub(r"\bnon[- ]?(?=sarcas)", "not ", clause).partition("sarcas")
        if word:
            found.add(not {"not", "no", "never", "without"} & set(_words(before)))
    return found.pop() if len(found) == 1 else None if found else yes_or_no(reply)


def _begun(words: list[str]) -> bool | None:
    """Whether they begin with yes or no, and not with "yes or no"."""
    return words[0] == "yes" if words and words[0] in ("yes", "no") and words[1:2] != ["or"] else None


def _perceived(answered: TaskResponses) -> tuple[list[list[bool]], dict[str, int]]:
    """Of each example, whether each question was answered right; and how many were read by which means."""
    found = [[False] * len(example.perception) for example in answered.tested]
    means = Counter[str]()
    asked: list[tuple[int, int, ChatRequest]] = []
    for place, (example, responses) in enumerate(zip(answered.tested, answered.responses, strict=True)):
        for number, (question, response) in enumerate(zip(example.perception, responses, strict=False)):
            answer = question.options[question.answer]
            if response.answer is None:
                means["unanswered"] += 1
            elif len(_words(answer)) <= SHORT:
                means["match"] += 1
                found[place][number] = matches(response.answer, answer)
            else:
                asked.append((place, number, _judging(f"{example.name}#{number + 1}", question, response)))
    if asked:
        judge = answered.aids.need("judge", answered.card)
        replies = judge.answer([ask for _, _, ask in asked], f"{answered.name}-perception")
        for (place, number, _), reply in zip(asked, replies, strict=True):
            verdict = re.search(r"<score>\s*([01])\s*</score>", reply.answer or "")
            means["judge" if verdict else "judge_unparsable" if reply.text else "unjudged"] += 1
            found[place][number] = bool(verdict and verdict[1] == "1")
    return found, dict(means)


def _judging(key: str, question: Question, response: Response) -> ChatRequest:
    text = filled(_JUDGE, question=question.text, answer=question.options[question.answer], reply=str(response.answer))
    return ChatRequest(key, text, system=_SYSTEM, max_tokens=_JUDGE_TOKENS)


def _prompts(card: Card) -> dict[str, list[str]]:
    assert card.generate
    return {"perception": [card.generate.perception], "sarcasm": [card.generate.prompt], "judge": [_JUDGE]}


def _words(text: str) -> list[str]:
    """In small letters, without articles."""
    return [word for word in re.findall(r"\w+", text.casefold()) if word not in ("a", "an", "the")]


def _validate(card: Card) -> None:
    if len(card.classes) != 2:
        raise ValueError("classes: visual_room has two, what is meant as it is said and what is not, in this order")


TASK = Task(
    name="visual_room",
    needs=ExampleNeeds(lambda example: example.label is not None, classed=True),
    metrics=("gap", "perception_accuracy", "sarcasm_accuracy", "sarcasm_macro_f1"),
    generative=GenerativeTask(questions, read),
    validate=_validate,
    display=TaskDisplay(
        "visual_room",
        {"visual_room": "Seen and meant"},
        order=90,
        metrics={
            "gap": MetricDisplay(
                "gap",
                "how often sarcasm is misjudged where all that is to be seen was seen right",
                lower_is_better=True,
            ),
            "sarcasm_macro_f1": MetricDisplay("sarcasm macro F1"),
        },
    ),
)
