"""How a page writes numbers and names of metrics; each number is rounded once, from its full precision."""

from emocap.core.numbers import compact, decimal
from emocap.evaluation.registry import metric_display

__all__ = ["compact", "decimal", "fraction", "hundredfold", "metric_label", "percent", "signed"]


def fraction(value: float, digits: int = 3) -> str:
    """As a page writes it: 0.628, with a true minus sign."""
    return decimal(value, digits).replace("-", "−")


def signed(value: float) -> str:
    """With two decimals, and a sign unless it is zero: +0.31."""
    return decimal(value, 2, sign=True).replace("-", "−")


def percent(value: float) -> str:
    """A fraction of 1 in whole percent: 63%."""
    return f"{decimal(value, 0, hundredfold=True)}%"


def hundredfold(metric: str, value: float) -> str:
    """As papers write it: × 100 with one decimal; in units of a scale as it is, with three."""
    return decimal(value, 3) if metric_display(metric).has_unit else decimal(value, 1, hundredfold=True)


def metric_label(metric: str) -> str:
    """What the field calls a metric."""
    return metric_display(metric).label
