"""What the numbers of a task are called, how they are to be read, and how they are written."""

# Tested in tests/annotators/test_statistics.py.

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emocap.annotators.bootstrap import Certainty
from emocap.annotators.statistics import AgreementStatistics
from emocap.metrics.arrays import Numbers

OUR_BAE = "Our reading of BAE (2508.10393), whose formula could not be read"
_OUR_DIC = (
    "As add_frobenius in the code of QuMAB (2507.17653); that it is DIC (2503.15237, 2508.10393) is our inference"
)
_DIC_WORST = "Ours: DIC with κ = 0 for predictions that have none, as scikit-learn has it where one of two is constant"
_NO_PAIR = "no pair of annotators has a κ in both structures"
_FEW_PAIRS = "fewer than three pairs are known in both structures, or all of one are the same"


@dataclass(frozen=True)
class Kind:
    """A measure of a task."""

    name: str
    better: str
    """higher or lower; empty where neither is."""
    basis: str
    """Where its formula comes from."""
    undefined: str
    """Why it has no value where it has none."""


KINDS = {
    "alpha": Kind("Krippendorff's α", "", "Krippendorff (2011)", "no item has two labels, or all labels are the same"),
    "kappa_mean": Kind("mean κ of the pairs", "", "Cohen (1960), averaged as by Light (1971)", "no pair has a κ"),
    "dic": Kind("DIC", "lower", _OUR_DIC, _NO_PAIR),
    "dic_worst": Kind("DIC at worst", "lower", _DIC_WORST, "no pair of annotators has a κ of its labels"),
    "dic_corrected": Kind("DIC without noise", "lower", "Ours: √max(0, DIC² − noise²)", _NO_PAIR),
    "bae": Kind("BAE", "higher", OUR_BAE, "a map needs three annotators, known in both structures and not all alike"),
    "bae_spearman": Kind("BAE by Spearman's ρ", "higher", f"{OUR_BAE}; of pairs, without maps", _FEW_PAIRS),
    "bae_pearson": Kind("BAE by Pearson's r", "higher", f"{OUR_BAE}; of pairs, without maps", _FEW_PAIRS),
    "accuracy_mean": Kind("accuracy, mean over annotators", "higher", "QuMAB (2507.17653)", "no label is predicted"),
    "macro_f1_mean": Kind("macro F1, mean over annotators", "higher", "Ours, beside QuMAB's", "no label is predicted"),
    "weighted_f1_mean": Kind(
        "weighted F1, mean over annotators",
        "higher",
        "As the code of QuMAB (2507.17653): F1 of each label, weighted by how often it is given",
        "no label is predicted",
    ),
    "consensus": Kind("accuracy of the consensus", "higher", "QuMAB (2507.17653)", "no item has a majority of labels"),
}
_OF_PAIRS = {
    "kappa_mean": ("kappa",),
    "dic": ("difference",),
    "dic_worst": ("difference_worst",),
    "dic_corrected": ("difference",),
    "bae_spearman": ("truth_explained", "explained"),
    "bae_pearson": ("truth_explained", "explained"),
}
"""Measure → the structures that have to know a pair for it to count."""
_LANDIS_KOCH = ((0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair"), (0.0, "slight"))


def strength(kappa: float) -> str:
    """What Landis and Koch (1977) call a κ; what bounds a band above belongs to it."""
    return next((word for above, word in _LANDIS_KOCH if kappa > above), "poor")


def measures(statistics: AgreementStatistics, bootstrap: Certainty) -> list[dict[str, Any]]:
    """The scalars in words: key, name, value, low, high, shuffled, better, reading, basis; of DIC also its noise, and
    of what is over pairs how many there are and how many of them are masked.
    """
    value = {key: float(statistics.point[key]) for key in KINDS if key in statistics.point}
    if "explained" in statistics.point:
        value.setdefault("bae", math.nan)
    if "dic" in value:
        value["dic_corrected"] = float(np.sqrt(np.maximum(value["dic"] ** 2 - bootstrap.dic_noise**2, 0)))
    shuffled = statistics.shuffled()
    entries = []
    for key, kind in KINDS.items():
        if key not in value:
            continue
        reading = f"Undefined: {kind.undefined}"
        if not math.isnan(value[key]):
            beside = (
                f"; shuffled annotators: {shuffled[key]:.3f}" if math.isfinite(shuffled.get(key, math.nan)) else ""
            )
            reading = _reading(key, value[key], statistics, bootstrap) + beside
        entries.append(
            {
                "key": key,
                "name": kind.name,
                **bounded(value[key], bootstrap.interval.get(key, np.full(2, np.nan))),
                "shuffled": finite(shuffled.get(key, math.nan)),
                **({"noise": finite(bootstrap.dic_noise)} if key == "dic" else {}),
                **_pairs(key, statistics),
                "better": kind.better,
                "reading": reading,
                "basis": kind.basis,
            }
        )
    return entries


def _reading(key: str, value: float, statistics: AgreementStatistics, bootstrap: Certainty) -> str:
    if key == "alpha":
        bands = ((0.8, "Can be relied on"), (0.667, "Good for tentative conclusions"))
        verdict = next((words for least, words in bands if value >= least), "Too low for conclusions")
        return f"{verdict}, by Krippendorff's limits of 0.667 and 0.800"
    if key == "kappa_mean":
        return (
            f"{strength(value).capitalize()} agreement, in the words of Landis and Koch (1977){_some(statistics, key)}"
        )
    if key == "dic":
        masked = _some(statistics, key)
        beware = f"{masked}: not to be compared with a DIC of other pairs" if masked else ""
        noise = f"; equal structures, from so few items: {bootstrap.dic_noise:.3f}"
        return f"0: the model's annotators agree and differ as the people do{beware}{noise}"
    if key == "dic_worst":
        return "Does not fall where a model says the same of every item" + _some(statistics, key)
    if key == "dic_corrected":
        return "DIC less what it owes to the number of items"
    if key.startswith("bae"):
        return "1: explanations are alike where the people's labels are"
    if key == "consensus":
        return (
            "Share of items on which most predictions say what most labels say; "
            f"{statistics.consensus.without_truth:,} with tied labels are left out, "
            f"{statistics.consensus.undecided:,} with tied predictions are wrong"
        )
    return "Of what each annotator has labelled"


def _pairs(key: str, statistics: AgreementStatistics) -> dict[str, int]:
    """How many pairs there are, and how many are masked, since one of their structures does not know them."""
    if key not in _OF_PAIRS:
        return {}
    known_P = _known(statistics, key)
    return {"pairs": len(known_P), "masked_pairs": int((~known_P).sum())}


def _known(statistics: AgreementStatistics, key: str) -> npt.NDArray[np.bool_]:
    """P: the pairs of which a measure is."""
    return np.asarray(~np.isnan(np.stack([statistics.point[name] for name in _OF_PAIRS[key]])).any(0))


def _some(statistics: AgreementStatistics, key: str) -> str:
    """How many pairs are known, where it is not all of them."""
    known_P = _known(statistics, key)
    return "" if known_P.all() else f"; of {known_P.sum()} of {len(known_P)} pairs"


def bounded(value: float, interval_2: Numbers) -> dict[str, float | None]:
    """A number with its 95% interval, as JSON has it."""
    return {"value": finite(value), "low": finite(interval_2[0]), "high": finite(interval_2[1])}


def finite(value: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return float(value) if math.isfinite(value) else None
