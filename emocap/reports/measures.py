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
    **{"ew": "EW", "ew_level2": "EW, level 2", "ew_precision": "EW precision", "ew_recall": "EW recall"},
    **{"sign_f1": "F1 of the sign"},
    **{"ccc": "CCC", "pcc": "PCC", "icc": "ICC", "rmse": "RMSE", "mae": "MAE", "mse": "MSE", "sagr": "SAGR"},
}


def called(metric: str) -> str:
    """``local_text_to_image_r5`` → local, text → image: R@5; ``ccc_valence`` → valence: CCC."""
    if found := re.fullmatch(r"(\w+?)_(image_to_text|text_to_image)_r(\d+)", metric):
        return f"{found[1]}, {found[2].replace('_to_', ' → ')}: R@{found[3]}"
    if metric in _NAMES:
        return _NAMES[metric]
    measure, _, scale = metric.partition("_")
    return f"{scale}: {_NAMES[measure]}" if measure in _NAMES else metric.replace("_", " ")


def is_error(metric: str) -> bool:
    """Whether less is better; such a measure has the unit of its scale and is no fraction."""
    return metric.partition("_")[0] in ("rmse", "mae", "mse")


def number(value: Any) -> float | None:
    """A finite number; None for anything else, such as the NaN of a class that nobody showed."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def fraction(value: float) -> str:
    """As the page writes it: 0.628, and a minus that is one."""
    return f"{value:.3f}".replace("-", "−") if round(value, 3) else "0.000"


def hundredfold(metric: str, value: float) -> str:
    """As papers write it: × 100 with one decimal; errors as they are."""
    text = f"{value:.3f}" if is_error(metric) else f"{100 * value:.1f}"
    return text.removeprefix("-") if float(text) == 0 else text
