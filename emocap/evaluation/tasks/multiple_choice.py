"""Questions with options: the one that a reply names."""

import re

import numpy as np

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example, Question
from emocap.benchmarks.loading import ExampleNeeds
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.protocols.base import Setting
from emocap.evaluation.scorers import string_match
from emocap.evaluation.scorers.choices import choice_outcome
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill


def questions(card: Card, example: Example) -> list[str]:
    """The question, with its options a line each, lettered (``A. happy``) or as they are."""
    assert example.question
    options = example.question.options
    return [fill(card, question=example.question.text, options=lettered(options), choices="\n".join(options))]


def lettered(options: tuple[str, ...]) -> str:
    """``A. happy``, a line each."""
    return "\n".join(f"{letter(place)}. {option}" for place, option in enumerate(options))


def letter(place: int) -> str:
    """0 → A."""
    return chr(ord("A") + place)


def read(answered: TaskResponses) -> Outcome:
    """Accuracy over all questions: silence, and replies that name no option or several, are wrong."""
    assert answered.card.generate
    if answered.card.generate.match == "string_match":
        return string_match.read(answered)
    asked = [example.question for example in answered.tested]
    texts = [response.answer for response in answered.firsts]
    picked = np.array([-1 if t is None or q is None else named(t, q) for t, q in zip(texts, asked, strict=True)])
    unparsable = sum(text is not None and place < 0 for text, place in zip(texts, picked.tolist(), strict=True))
    score = np.full(len(picked), np.nan)
    return choice_outcome(
        answered.card, answered.examples, answered.rows, picked, score, unparsable=unparsable, match="option"
    )


def named(text: str, question: Question) -> int:
    """The place of the option that a reply names; -1 where it names none, or several. Our reading.

    In turn: the whole reply is an option or its letter; it begins with a letter; it says "answer is" and a letter or
    an option; a single option's text stands in it; a single letter does, in parentheses or bold.
    """
    options = [option.casefold().strip() for option in question.options]
    last = letter(len(options) - 1)
    plain = text.strip().strip("*`\"'").rstrip(".").strip()
    if plain.casefold() in options:
        return options.index(plain.casefold())
    # A capital at the beginning of a sentence, as in "A smile", is no letter: a mark or the end must follow.
    if found := re.match(rf"[(\[*]*([A-{last}])(?:[)\].:,*]|\s*$)", plain):
        return ord(found[1]) - ord("A")
    after = re.findall(r"(?:answer|option|choice)\b\s*(?:is|:)?[\s:*(\"'\[]*([^\n]+)", text, re.IGNORECASE)
    for rest in reversed(after):
        # "A person" and "I think" begin with words.
        if found := re.match(rf"(?![AI]\s+[a-z])([A-{last}])\b", rest):
            return ord(found[1]) - ord("A")
        if len(hits := _within(rest, options)) == 1:
            return hits[0]
    if len(hits := _within(text, options)) == 1:
        return hits[0]
    letters = set(re.findall(rf"(?:\(|\*\*)([A-{last}])(?:\)|\*\*|\.)", text))
    return ord(letters.pop()) - ord("A") if len(letters) == 1 else -1


def _within(text: str, options: list[str]) -> list[int]:
    """Places of the options that stand in a text as whole words, without those that are part of a longer one there."""
    folded = text.casefold()
    spans = [
        (found.start(), found.end(), place)
        for place, option in enumerate(options)
        for found in re.finditer(rf"(?<!\w){re.escape(option)}(?!\w)", folded)
    ]
    inner = {
        (start, end, place)
        for start, end, place in spans
        if any(s <= start and end <= e and e - s > end - start for s, e, _ in spans)
    }
    return sorted({place for start, end, place in spans if (start, end, place) not in inner})


def _zeroshot(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.protocols import zeroshot

    card, rows = setting.card, setting.tested
    examples = [setting.examples[row] for row in rows]
    questions = [example.question for example in examples if example.question]
    names = [example.name for example in examples]
    picked, cosine = zeroshot.choose(setting.encoder, card, names, questions, setting.matrix(rows))
    prompts = {"{option}": [p.replace("{c}", "{option}") for p in card.prompts or zeroshot.OPTION_PROMPTS]}
    return [choice_outcome(card, setting.examples, rows, picked, cosine.astype(float), prompts=prompts)]


TASK = Task(
    name="multiple_choice",
    needs=ExampleNeeds(lambda example: example.question is not None),
    metrics=("accuracy", "grouped_accuracy", "rubric_score"),
    protocols={"zeroshot": _zeroshot},
    generative=GenerativeTask(questions, read),
    display=TaskDisplay(
        "multiple_choice",
        {"multiple_choice": "Multiple choice"},
        order=40,
        metrics={
            "rubric_score": MetricDisplay(
                "rubric score",
                "of a right answer, the share of the rubric's points that a judge finds in the reasoning; of a wrong "
                "one 0",
            ),
            "grouped_accuracy": MetricDisplay(
                "grouped accuracy", "the benchmark's own score: a mean of means over its subsets"
            ),
        },
        paired_test="mcnemar",
    ),
)
