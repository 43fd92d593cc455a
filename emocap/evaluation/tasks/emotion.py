"""One class of several: the one that a reply names."""

import re
from collections import Counter
from typing import Any

import numpy as np

from emocap import metrics
from emocap.benchmarks.cards import Card, ClassRecipe
from emocap.benchmarks.examples import Example
from emocap.benchmarks.loading import ExampleNeeds
from emocap.core.numbers import finite
from emocap.evaluation import outcomes
from emocap.evaluation.display import MetricDisplay, TaskDisplay
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.protocols.base import Setting, probe_folds, training_rows
from emocap.evaluation.results import ResultRow
from emocap.evaluation.scorers.references import beside
from emocap.evaluation.task import GenerativeTask, Task, TaskResponses, fill
from emocap.metrics.arrays import Labels
from emocap.metrics.intervals import of_mean

WORDS: dict[str, tuple[str, ...]] = {
    "neutral": ("neutrality", "neutrally", "calm", "calmness", "expressionless", "emotionless", "impassive"),
    "happiness": (
        *("happy", "happily", "joy", "joyful", "joyous", "cheerful", "cheerfulness", "glad", "gladness", "delight"),
        *("delighted", "amused", "amusement", "smiling"),
    ),
    "sadness": ("sad", "sadly", "sorrow", "sorrowful", "grief", "mournful", "melancholy", "unhappy", "unhappiness"),
    "surprise": ("surprised", "surprisedly", "astonished", "astonishment", "amazed", "amazement", "startled"),
    "fear": ("fearful", "fearfully", "afraid", "scared", "frightened", "fright", "terrified", "terror"),
    "anger": ("angry", "angrily", "mad", "furious", "fury", "rage", "enraged", "irate"),
    "disgust": ("disgusted", "disgustedly", "disgusting", "revulsion", "revolted", "repulsed", "repulsion"),
    "contempt": ("contemptuous", "contemptuously", "scorn", "scornful", "disdain", "disdainful"),
    "anxiety": ("anxious", "anxiously", "anxiousness", "worried", "worry", "nervous", "nervousness"),
    "helplessness": ("helpless", "helplessly", "powerless", "powerlessness"),
    "disappointment": ("disappointed", "disappointedly", "disappointing"),
    "calm": ("calmness", "calmly", "relaxed", "serene", "serenity"),
}
"""Class → its inflections and other words for it: ours. What a card's own class is called is that class alone."""

_NEGATION = (
    r"\b(?:no|not|nor|none|neither|never|nothing|without|cannot|hardly|barely|rather than|instead of)\b|n['’]t\b"
)
_CLAUSE = r"[.,;:!?()\n]|\b(?:but|however|although|though|while|whereas)\b"
_SENTENCE = r"(?<=[.!?])\s+"


def questions(card: Card, example: Example) -> list[str]:
    """The card's prompt, with the names of the classes in their order."""
    return [fill(card, classes=", ".join(card.classes))]


def read(answered: TaskResponses) -> Outcome:
    """UAR, WAR and F1 over everything that was asked: silence, and replies that name no class or several, are answers
    that are none of the classes.
    """
    card = answered.card
    assert card.generate
    reading = described if card.generate.match == "description" else named
    words, numbers = words_of(card), {name: number for number, name in enumerate(card.classes)}
    texts = [response.answer for response in answered.firsts]
    found = [None if text is None else reading(text, words) for text in texts]
    predicted = np.array([len(numbers) if name is None else numbers[name] for name in found], dtype=np.int64)
    true = outcomes.labels_of(card, answered.examples)[answered.rows]
    details = {
        "unparsable": sum(text is not None and name is None for text, name in zip(texts, found, strict=True)),
        "match": "description" if reading is described else "one class",
    }
    score = np.full(len(predicted), np.nan)
    return beside(outcomes.classification(card, answered.rows, true, predicted, score, **details), answered)


def words_of(card: Card) -> dict[str, str]:
    """Word, in small letters → class: its name, its ``words``, what the annotation calls it where that is a word, and
    WORDS. What two classes have in common is nobody's, unless it is the name of one.
    """
    found: dict[str, set[str]] = {}
    for name, one in card.classes.items():
        for word in _own(name, one):
            found.setdefault(word, set()).add(name)
    owned = {word: next(iter(names)) for word, names in found.items() if len(names) == 1}
    return owned | {_plain(name): name for name in card.classes}


def _own(name: str, one: ClassRecipe) -> set[str]:
    own = {_plain(word) for word in (name, *one.words, *one.aliases)}
    # Codes such as 3, HA and A01 are no words, and would be found in any text.
    own = {word for word in own if re.fullmatch(r"[a-z][a-z' -]{2,}", word)}
    alike = {word for base, words in WORDS.items() if own & {base, *words[:2]} for word in (base, *words)}
    return own | alike


def _plain(word: str) -> str:
    return re.sub(r"[_\s]+", " ", word.casefold()).strip()


def named(text: str, words: dict[str, str]) -> str | None:
    """The class that a reply names; None where it names none, several, or one that it denies. Our reading.

    "Not happy" denies, and is no other class either; "I am not sure, but happy" does not.
    """
    clauses = re.split(_CLAUSE, text.casefold())
    hits = [(found, bool(re.search(_NEGATION, clause))) for clause in clauses for found in _outcomes(clause, words)]
    if any(denied for _, denied in hits):
        return None
    names = {name for name, _ in hits}
    return names.pop() if len(names) == 1 else None


def described(text: str, words: dict[str, str]) -> str | None:
    """The class that a description in sentences is about, after EmoLA's evaluation (eval_FABA.py); with our words.

    Sentences with a negation are left out, where others remain. Then it is the class that the first sentence names
    first, or else the one that the others name most often, of equals the card's first. None where none is named, which
    EmoLA takes for happiness.
    """
    sentences = re.split(_SENTENCE, text.casefold().strip())
    first, *others = [one for one in sentences if not re.search(_NEGATION, one)] or sentences
    if hits := _outcomes(first, words):
        return hits[0]
    counted = Counter(name for sentence in others for name in _outcomes(sentence, words))
    order = list(dict.fromkeys(words.values()))
    return max(counted, key=lambda name: (counted[name], -order.index(name))) if counted else None


def _outcomes(text: str, words: dict[str, str]) -> list[str]:
    """The classes of the words that stand in a text, in their order; of overlapping ones the longest counts."""
    longest = sorted(words, key=len, reverse=True)
    pattern = "|".join(re.escape(word).replace(r"\ ", r"[\s_-]+") for word in longest)
    return [words[_plain(hit.replace("-", " "))] for hit in re.findall(rf"(?<![\w-])(?:{pattern})(?!\w)", text)]


def _zeroshot(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.protocols import zeroshot

    card, rows = setting.card, setting.tested
    true, matrix = outcomes.labels_of(card, setting.examples)[rows], setting.matrix(rows)
    sentences, size = zeroshot.prompts(card), len(card.classes)
    logits = zeroshot.logits(setting.encoder, sentences, matrix)
    by_prompt: dict[str, Any] = {}
    variants = zeroshot.variants(card)
    for name, own in variants.items():
        predicted = zeroshot.logits(setting.encoder, own, matrix).argmax(1)
        counts = metrics.confusion(true, predicted, size)
        by_prompt[name] = {
            "uar": finite(float(metrics.uar(counts))),
            "war": finite(float(metrics.war(counts))),
        }
    details = {"prompts": sentences, "by_prompt": by_prompt}
    if zeroshot.DESCRIPTIONS in variants:
        details["descriptions"] = variants[zeroshot.DESCRIPTIONS]
    return [outcomes.classification(card, rows, true, logits.argmax(1), logits.max(1).astype(float), **details)]


def _probe(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.linear import probe

    card, labels = setting.card, outcomes.labels_of(setting.card, setting.examples)

    def uar(true: Labels, predicted: Labels) -> float:
        return float(metrics.uar(metrics.confusion(true, predicted, len(card.classes))))

    predicted, score, chosen = probe_folds(setting, labels, probe.classes, uar)
    rows = setting.tested
    details = {"regularisation_c": chosen}
    return [outcomes.classification(card, rows, labels[rows], predicted[rows], score[rows], **details)]


def _fewshot(setting: Setting) -> list[Outcome]:
    from emocap.evaluation.linear import fewshot

    card, size = setting.card, len(setting.card.classes)
    labels, rows = outcomes.labels_of(card, setting.examples), setting.tested
    found = []
    for shots in setting.shots:
        predicted, fewer = np.zeros((setting.seeds, len(labels)), dtype=np.int64), dict[str, int]()
        score, chosen = np.zeros((setting.seeds, len(labels))), []
        for fold in setting.folds:
            train, _, test = training_rows(setting, fold, "fewshot")
            taught, matrix = setting.matrix(train), setting.matrix(test)
            for seed in range(setting.seeds):
                shot = fewshot.fit(taught, labels[train], size, shots, matrix, seed)
                predicted[seed, test], score[seed, test] = shot.predicted, shot.score
                chosen.append(shot.c)
            counts = np.bincount(labels[train], minlength=size)
            fewer |= {name: int(n) for name, n in zip(card.classes, counts, strict=True) if n < shots}
        each = [
            outcomes.classification(card, rows, labels[rows], predicted[seed, rows], score[seed, rows])
            for seed in range(setting.seeds)
        ]
        one_1N, spread = np.ones((1, len(rows))), {}
        for name in each[0].statistics:
            values = np.array([one.statistics[name].at(one_1N)[0] for one in each])
            low, high = of_mean(values)
            spread[name] = {"value": float(values.mean()), "low": low, "high": high, "sd": float(values.std(ddof=1))}
        details = {
            **each[0].details,
            "confusion": np.sum([one.details["confusion"] for one in each], axis=0).tolist(),
            "seeds": setting.seeds,
            "regularisation_c": chosen,
            "fewer_examples": fewer,
        }
        first = each[0]
        found.append(Outcome(rows, first.statistics, first.true, first.predicted, first.score, details, spread, shots))
    return found


def _emotion_section(row: ResultRow) -> str:
    if row.compound:
        return "compound"
    return {"pictures": "static", "clips": "dynamic"}.get(row.media, "emotion")


def _validate(card: Card) -> None:
    if len(card.classes) < 2:
        raise ValueError("classes: an emotion benchmark has at least two")


TASK = Task(
    name="emotion",
    needs=ExampleNeeds(lambda example: example.label is not None, classed=True, every_class_tested=True),
    metrics=("uar", "war", "macro_f1", "uf1", "accuracy", "rouge_l", "rege"),
    protocols={"zeroshot": _zeroshot, "probe": _probe, "fewshot": _fewshot},
    generative=GenerativeTask(questions, read),
    validate=_validate,
    list_title=lambda card: f"{len(card.classes)} emotions",
    display=TaskDisplay(
        "emotion",
        {
            "static": "Emotion, static",
            "dynamic": "Emotion, dynamic",
            "emotion": "Emotion",
            "compound": "Compound emotions",
        },
        order=10,
        section_of=_emotion_section,
        metrics={
            "uar": MetricDisplay("UAR"),
            "war": MetricDisplay("WAR"),
            "macro_f1": MetricDisplay("macro F1"),
            "uf1": MetricDisplay("UF1"),
            "rouge_l": MetricDisplay(
                "ROUGE-L", "how much of a reference text the reply has, word by word in its order"
            ),
            "rege": MetricDisplay("headline + ROUGE-L"),
        },
        paired_test="uar_bootstrap",
    ),
)
