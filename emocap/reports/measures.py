"""What the field calls its measures and protocols, and how their numbers are written."""

import math
import re
from typing import Any

PROTOCOLS = {
    "zeroshot": "zero-shot",
    "retrieval": "retrieval",
    "probe": "linear probe",
    "fewshot": "few-shot",
    "finetuned": "fine-tuned",
    "generate": "generated text",
}
"""In the order of the page."""

_NAMES = {
    **{"uar": "UAR", "war": "WAR", "macro_f1": "macro F1", "uf1": "UF1", "f1": "F1", "map": "mAP"},
    **{"rouge_l": "ROUGE-L", "rege": "headline + ROUGE-L"},
    **{"ew": "EW", "ew_level2": "EW, level 2", "ew_precision": "EW precision", "ew_recall": "EW recall"},
    **{"sign_f1": "F1 of the sign", "eer": "EER", "eer_scored": "EER of what has a score"},
    **{"rec_s": "Rec-S", "rea_s": "Rea-S", "cot_s": "CoT-S", "sarcasm_macro_f1": "sarcasm macro F1"},
    **{"ccc": "CCC", "pcc": "PCC", "icc": "ICC", "rmse": "RMSE", "mae": "MAE", "mse": "MSE", "sagr": "SAGR"},
}
_MEANS = {
    "ew": "whether the reply's words for emotions and the true ones are in the same groups of five emotion wheels: F "
    "of mean precision and mean recall, mean over the wheels",
    "hit_rate": "how often the true emotion is among those of the reply, by groups of five emotion wheels; a longer "
    "list can only gain",
    "sign_f1": "F1 of whether the sentiment is positive, weighted by how frequent the sides are; no neutral clips",
    "rec_s": "a judge's score of the label that an answer ends with",
    "rea_s": "a judge's score of the steps before it, 0 where there are none",
    "cot_s": "half of Rec-S and half of Rea-S",
    "rubric_score": "of a right answer, the share of the rubric's points that a judge finds in the reasoning; of a "
    "wrong one 0",
    "gap": "how often sarcasm is misjudged where all that is to be seen was seen right",
    "eer": "the share of fake voices that pass where as many real ones are rejected",
    "eer_scored": "the same without recordings that have no score; in EER these count as the worst",
    "rouge_l": "how much of a reference text the reply has, word by word in its order",
    "grouped_accuracy": "the benchmark's own score: a mean of means over its subsets",
}
"""What measures of texts are, where the name does not say it."""
_OFFICIAL = "_official"


def called(metric: str) -> str:
    """``local_text_to_image_r5`` → local, text → image: R@5; ``ccc_valence`` → valence: CCC; ``accuracy_official`` →
    accuracy, official denominator.
    """
    if is_official(metric):
        return f"{called(metric.removesuffix(_OFFICIAL))}, official denominator"
    if found := re.fullmatch(r"(\w+?)_(image_to_text|text_to_image)_r(\d+)", metric):
        return f"{found[1]}, {found[2].replace('_to_', ' → ')}: R@{found[3]}"
    if metric in _NAMES:
        return _NAMES[metric]
    measure, _, scale = metric.partition("_")
    return f"{scale}: {_NAMES[measure]}" if measure in _NAMES else metric.replace("_", " ")


def meaning(metric: str) -> str | None:
    """What a measure of texts is, in a line; None for those that everybody knows."""
    if is_official(metric):
        return "over what the benchmark's own script counts; the number without that word is over all that was asked"
    return _MEANS.get(metric)


def is_official(metric: str) -> bool:
    """Whether it is over the examples that a benchmark's own script counts, which are not all that was asked."""
    return metric.endswith(_OFFICIAL)


def is_error(metric: str) -> bool:
    """Whether less is better."""
    return has_unit(metric) or metric == "gap" or metric.partition("_")[0] == "eer"


def has_unit(metric: str) -> bool:
    """Whether a measure has the unit of its scale and is no fraction."""
    return metric.partition("_")[0] in ("rmse", "mae", "mse")


def number(value: Any) -> float | None:
    """A finite number; None for anything else, such as the NaN of a class that nobody showed."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def fraction(value: float) -> str:
    """As the page writes it: 0.628, and a minus that is one."""
    return f"{value:.3f}".replace("-", "−") if round(value, 3) else "0.000"


def hundredfold(metric: str, value: float) -> str:
    """As papers write it: × 100 with one decimal; in units of a scale as they are."""
    text = f"{value:.3f}" if has_unit(metric) else f"{100 * value:.1f}"
    return text.removeprefix("-") if float(text) == 0 else text
