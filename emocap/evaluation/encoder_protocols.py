"""Task and protocol → what is done: every one looks at the examples of its folds and gives outcomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap import metrics
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.benchmarks.splits import Fold, Rows
from emocap.core.errors import UserError
from emocap.core.numbers import finite
from emocap.encoders import Encoder, Matrix
from emocap.evaluation import outcomes
from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.protocols import fewshot, probe, rating, retrieval, zeroshot
from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.intervals import Weighted, of_mean

PROTOCOLS = ("zeroshot", "probe", "fewshot", "retrieval")
TAUGHT = ("probe", "fewshot")
"""Those that look at training pictures."""


@dataclass(frozen=True)
class Setting:
    """What a protocol has before it."""

    encoder: Encoder
    card: Card
    examples: Sequence[Example]
    folds: Sequence[Fold]
    """Measured together."""
    features: Mapping[str, npt.NDArray[np.float32]]
    """By name, of the examples that the protocol looks at."""
    shots: Sequence[int]
    seeds: int

    def matrix(self, rows: Rows) -> Matrix:
        """Rows × D."""
        return np.stack([self.features[self.examples[row].name] for row in rows])

    def groups(self, rows: Rows) -> list[str]:
        """Whom folds keep together."""
        return [self.examples[row].subject or self.examples[row].name for row in rows]

    @property
    def tested(self) -> Rows:
        """Rows that are tested in any of the folds, each once."""
        return np.unique(np.concatenate([fold.test for fold in self.folds]))


def _taught(setting: Setting, fold: Fold, protocol: str) -> tuple[Rows, Rows, Rows]:
    """Rows of train, val and test. Raises UserError where there is nobody to learn from."""
    if not len(fold.train):
        raise UserError(f"{setting.card.title} has no training pictures: --protocol {protocol} needs some")
    return fold.train, fold.val, fold.test


def _zeroshot(setting: Setting) -> list[Outcome]:
    card, rows = setting.card, setting.tested
    true, matrix = outcomes.labels_of(card, setting.examples)[rows], setting.matrix(rows)
    sentences, size = zeroshot.prompts(card), len(card.classes)
    logits = zeroshot.logits(setting.encoder, sentences, matrix)
    by_prompt: dict[str, Any] = {}
    variants = zeroshot.variants(card)
    for name, own in variants.items():
        told = zeroshot.logits(setting.encoder, own, matrix).argmax(1)
        counts = metrics.confusion(true, told, size)
        by_prompt[name] = {
            "uar": finite(float(metrics.uar(counts))),
            "war": finite(float(metrics.war(counts))),
        }
    told = {"prompts": sentences, "by_prompt": by_prompt}
    if zeroshot.DESCRIPTIONS in variants:
        told["descriptions"] = variants[zeroshot.DESCRIPTIONS]
    return [outcomes.classification(card, rows, true, logits.argmax(1), logits.max(1).astype(float), **told)]


def _probe(setting: Setting) -> list[Outcome]:
    card, labels = setting.card, outcomes.labels_of(setting.card, setting.examples)

    def uar(true: Labels, told: Labels) -> float:
        return float(metrics.uar(metrics.confusion(true, told, len(card.classes))))

    predicted, score, chosen = _probed(setting, labels, probe.classes, uar)
    rows = setting.tested
    told = {"regularisation_c": chosen}
    return [outcomes.classification(card, rows, labels[rows], predicted[rows], score[rows], **told)]


def _probed(
    setting: Setting, target: Labels, fit: Callable[..., probe.Probed], rate: Callable[[Labels, Labels], float]
) -> tuple[Labels, Numbers, Any]:
    """Predictions and scores, each of the shape of ``target``, and C: one number, or one for each fold."""
    predicted, score, chosen = np.zeros_like(target), np.zeros(target.shape), []
    for fold in setting.folds:
        train, val, test = _taught(setting, fold, "probe")
        known = (setting.matrix(val), target[val]) if len(val) else None
        probed = fit(setting.matrix(train), target[train], setting.groups(train), setting.matrix(test), rate, known)
        predicted[test], score[test] = probed.predicted, probed.score
        # Nothing is chosen where train is of one class.
        chosen.append(probed.c if np.isfinite(probed.c) else None)
    return predicted, score, chosen[0] if len(chosen) == 1 else chosen


def _fewshot(setting: Setting) -> list[Outcome]:
    card, size = setting.card, len(setting.card.classes)
    labels, rows = outcomes.labels_of(card, setting.examples), setting.tested
    found = []
    for shots in setting.shots:
        predicted, fewer = np.zeros((setting.seeds, len(labels)), dtype=np.int64), dict[str, int]()
        score, chosen = np.zeros((setting.seeds, len(labels))), []
        for fold in setting.folds:
            train, _, test = _taught(setting, fold, "fewshot")
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
        told = {
            **each[0].told,
            "confusion": np.sum([one.told["confusion"] for one in each], axis=0).tolist(),
            "seeds": setting.seeds,
            "regularisation_c": chosen,
            "fewer_examples": fewer,
        }
        first = each[0]
        found.append(Outcome(rows, first.statistics, first.true, first.predicted, first.score, told, spread, shots))
    return found


def _unit_zeroshot(setting: Setting) -> list[Outcome]:
    card, rows = setting.card, setting.tested
    margins = zeroshot.unit_margins(setting.encoder, card, setting.matrix(rows))
    pairs = zeroshot.unit_sentences(card)
    told = {"prompts": {f"{no}AU{n}": pair[side] for n, pair in pairs.items() for side, no in enumerate(("", "no "))}}
    true = outcomes.presence(card, setting.examples)[rows]
    return [outcomes.action_units(card, rows, true, (margins > 0).astype(np.int64), margins.astype(float), **told)]


def _unit_probe(setting: Setting) -> list[Outcome]:
    card, true = setting.card, outcomes.presence(setting.card, setting.examples)

    def mean_f1(true: Labels, told: Labels) -> float:
        hits, there, said = (true == 1) & (told == 1), true == 1, (told == 1) & (true >= 0)
        return float(np.nan_to_num(metrics.mean_f1(hits.sum(0), there.sum(0), said.sum(0))))

    predicted, score, chosen = _probed(setting, true, probe.units, mean_f1)
    rows = setting.tested
    told = {"regularisation_c": chosen}
    return [outcomes.action_units(card, rows, true[rows], predicted[rows], score[rows], **told)]


def _rating_probe(setting: Setting) -> list[Outcome]:
    card = setting.card
    table = [[(example.values or {}).get(name, np.nan) for name in card.ratings] for example in setting.examples]
    true = np.array(table, dtype=float)
    predicted, chosen = np.full_like(true, np.nan), []
    for fold in setting.folds:
        train, val, test = _taught(setting, fold, "probe")
        for scale, limits in enumerate(card.ratings.values()):
            kept, held = (part[~np.isnan(true[part, scale])] for part in (train, val))
            if not len(kept):
                raise UserError(f"{card.title}: nothing in train is rated for {list(card.ratings)[scale]}")
            known = (setting.matrix(held), true[held, scale]) if len(held) else None
            predicted[test, scale], alpha = rating.fit_predict(
                setting.matrix(kept), true[kept, scale], setting.groups(kept), setting.matrix(test), limits, known
            )
            chosen.append(alpha)
    rows = setting.tested
    return [outcomes.ratings(card, rows, true[rows], predicted[rows], regularisation_alpha=chosen)]


def _choice(setting: Setting) -> list[Outcome]:
    card, rows = setting.card, setting.tested
    examples = [setting.examples[row] for row in rows]
    questions = [example.question for example in examples if example.question]
    names = [example.name for example in examples]
    picked, cosine = zeroshot.choose(setting.encoder, card, names, questions, setting.matrix(rows))
    told = {"prompts": {"{option}": [p.replace("{c}", "{option}") for p in card.prompts or zeroshot.OPTION_PROMPTS]}}
    return [outcomes.choice(card, setting.examples, rows, picked, cosine.astype(float), **told)]


def _retrieval(setting: Setting) -> list[Outcome]:
    rows = setting.tested
    captions = [caption for row in rows if (caption := setting.examples[row].caption)]
    found = retrieval.measure(setting.encoder, captions, setting.matrix(rows))

    # Pictures are drawn anew, each with all its queries: sentences about one face are not independent.
    def recall(one: retrieval.Recall, place: int, weight_RN: Numbers) -> Numbers:
        return np.asarray((weight_RN @ one.hits_NK[:, place]) / (weight_RN @ one.queries_N))

    named = [(f"{one.name}_r{k}", one, place) for one in found for place, k in enumerate(retrieval.RANKS)]
    none = [None] * len(rows)
    return [
        Outcome(
            rows,
            {name: Weighted(partial(recall, one, place)) for name, one, place in named},
            none,
            none,
            none,
            {
                "queries": {one.name: int(one.queries_N.sum()) for one in found},
                "chance": {name: float(one.chance_K[place]) for name, one, place in named},
            },
        )
    ]


MEASURES: dict[tuple[str, str], Callable[[Setting], list[Outcome]]] = {
    ("emotion", "zeroshot"): _zeroshot,
    ("emotion", "probe"): _probe,
    ("emotion", "fewshot"): _fewshot,
    ("action_units", "zeroshot"): _unit_zeroshot,
    ("action_units", "probe"): _unit_probe,
    ("rating", "probe"): _rating_probe,
    ("choice", "zeroshot"): _choice,
    ("retrieval", "retrieval"): _retrieval,
}
