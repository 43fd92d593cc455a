"""What the numbers of a task are called, how they are to be read, and how they are written."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from emocap.evaluate.annotators.panel import Certainty, Panel
from emocap.evaluate.metrics import Numbers

OUR_BAE = "our reading of BAE (2508.10393): its formula could not be read"
_OUR_DIC = (
    "κ, the Frobenius norm and the masks are our reading of DIC (2503.15237, 2508.10393): the norm is unverified"
)


@dataclass(frozen=True)
class Kind:
    """A measure of a task."""

    name: str
    better: str
    """higher or lower; empty where neither is."""
    basis: str
    """Where its formula comes from."""


KINDS = {
    "alpha": Kind("Krippendorff's α", "", "Krippendorff (2011), by the coincidence matrix"),
    "kappa_mean": Kind("mean κ of the pairs", "", "Cohen's κ (1960), averaged as by Light (1971)"),
    "dic": Kind("DIC", "lower", _OUR_DIC),
    "dic_corrected": Kind("DIC without noise", "lower", "ours: √(DIC² − noise²), noise by resampling the items"),
    "bae": Kind("BAE", "higher", OUR_BAE),
    "bae_spearman": Kind("BAE by Spearman's ρ", "higher", f"{OUR_BAE}; of the distances of pairs, without maps"),
    "bae_pearson": Kind("BAE by Pearson's r", "higher", f"{OUR_BAE}; of the distances of pairs, without maps"),
    "accuracy_mean": Kind("accuracy, mean over annotators", "higher", "QuMAB (2507.17653)"),
    "macro_f1_mean": Kind("macro F1, mean over annotators", "higher", "QuMAB (2507.17653); macro is our reading"),
    "consensus": Kind("accuracy of the consensus", "higher", "QuMAB (2507.17653): majority of the predictions"),
}
_LANDIS_KOCH = ((0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair"), (0.0, "slight"))


def strength(kappa: float) -> str:
    """What Landis and Koch (1977) call a κ; what bounds a band above belongs to it."""
    return next((word for above, word in _LANDIS_KOCH if kappa > above), "poor")


def measures(panel: Panel, certainty: Certainty) -> list[dict[str, Any]]:
    """The scalars in words: key, name, value, low, high, shuffled, better, reading, basis."""
    value = {key: float(panel.point[key]) for key in KINDS if key in panel.point}
    if "explained" in panel.point:
        value.setdefault("bae", math.nan)
    if "dic" in value:
        value["dic_corrected"] = math.sqrt(max(0.0, value["dic"] ** 2 - certainty.dic_noise**2))
    shuffled = panel.shuffled()
    return [
        {
            "key": key,
            "name": kind.name,
            **bounded(value[key], certainty.interval.get(key, np.full(2, np.nan))),
            "shuffled": finite(shuffled.get(key, math.nan)),
            "better": kind.better,
            "reading": _undefined(key)
            if math.isnan(value[key])
            else _reading(key, value[key], shuffled.get(key, math.nan), panel, certainty),
            "basis": kind.basis,
        }
        for key, kind in KINDS.items()
        if key in value
    ]


def _undefined(key: str) -> str:
    return {
        "alpha": "undefined: no item has two labels, or all labels are the same",
        "kappa_mean": "undefined: no pair of annotators shares items on which both use two labels or more",
        "dic": "undefined: no pair of annotators has a κ in both structures",
        "dic_corrected": "undefined: no pair of annotators has a κ in both structures",
        "bae": "undefined: a map needs three annotators who are known in both structures and are not all alike",
        "bae_spearman": "undefined: it needs three pairs that are known in both structures and are not all alike",
        "bae_pearson": "undefined: it needs three pairs that are known in both structures and are not all alike",
    }.get(key, "undefined: nothing to compare")


def _reading(key: str, value: float, shuffled: float, panel: Panel, certainty: Certainty) -> str:
    beside = "" if math.isnan(shuffled) else f"; annotators in another order give {shuffled:.3f} on average"
    if key == "alpha":
        bands = ((0.8, "can be relied on"), (0.667, "allow tentative conclusions"))
        told = next((words for least, words in bands if value >= least), "allow no conclusions")
        return f"labels that {told}, by Krippendorff's limits of 0.667 and 0.800"
    if key == "kappa_mean":
        return f"{strength(value)} agreement, in the words of Landis and Koch (1977)"
    if key == "dic":
        truth_P, told_P = panel.structures(panel.point, "predicted")
        pairs, known = len(truth_P), int((~np.isnan(truth_P - told_P)).sum())
        some = "" if known == pairs else f"; of {known} of {pairs} pairs only: not to be compared with a DIC of others"
        return (
            "0: the model's annotators agree and differ as the people do; so few items alone would give "
            f"{certainty.dic_noise:.3f}{beside}{some}"
        )
    if key == "dic_corrected":
        return "what is left of DIC when that noise is taken out; of tables with more or fewer items it means the same"
    if key == "bae":
        return f"1: explanations are as alike as the people's labels, on maps of two dimensions{beside}"
    if key.startswith("bae_"):
        return "1: explanations are as alike as the people's labels; 0: nothing to do with each other"
    if key == "consensus":
        return (
            "share of items on which the majority of predictions is that of the labels; "
            f"left out: {panel.consensus.without_truth:,} with tied labels; "
            f"wrong: {panel.consensus.undecided:,} with tied predictions"
        )
    return "of what each annotator has labelled"


def bounded(value: float, interval_2: Numbers) -> dict[str, float | None]:
    """A number with its 95% interval, as JSON has it."""
    return {"value": finite(value), "low": finite(interval_2[0]), "high": finite(interval_2[1])}


def finite(value: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return float(value) if math.isfinite(value) else None
