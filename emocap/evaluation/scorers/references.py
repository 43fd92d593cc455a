"""How near a reply is to a text that counts as right."""

import dataclasses

import numpy as np

from emocap.evaluation.outcomes import Outcome
from emocap.evaluation.task import TaskResponses
from emocap.metrics.arrays import Numbers
from emocap.metrics.intervals import Weighted


def rouge_l(reference: str, reply: str) -> float:
    """F of the longest common subsequence of words (Lin, 2004), as rouge-score has it, without stemming."""
    from rouge_score.rouge_scorer import RougeScorer

    return float(RougeScorer(["rougeL"]).score(reference, reply)["rougeL"].fmeasure)


def beside(outcome: Outcome, answered: TaskResponses) -> Outcome:
    """An outcome with ``rouge_l`` over the examples that have a reference, silence being 0, and with ``rege``, the sum
    of that and its headline: FABA-Bench's S_ge and S_rege = S_re + S_ge. As it is where nothing has a reference.
    """
    references = [example.reference for example in answered.tested]
    if not any(references):
        return outcome
    having = np.array([bool(reference) for reference in references])
    pairs = zip(references, answered.firsts, strict=True)
    score = np.array([rouge_l(one, reply.answer) if one and reply.answer else 0.0 for one, reply in pairs])
    headline = next(iter(outcome.statistics.values()))

    def mean(weight_RN: Numbers) -> Numbers:
        total_R = weight_RN @ having
        return np.asarray(np.divide(weight_RN @ score, total_R, out=np.full(len(total_R), np.nan), where=total_R > 0))

    def both(weight_RN: Numbers) -> Numbers:
        return headline.at(weight_RN) + mean(weight_RN)

    more = {"rouge_l": Weighted(mean), "rege": Weighted(both)}
    return dataclasses.replace(outcome, statistics={**outcome.statistics, **more})
