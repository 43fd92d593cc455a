"""What rows of results say, in words and small tables."""

# Tested in tests/reports/test_section.py.

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emocap.evaluation.display import TaskDisplay
from emocap.evaluation.registry import display_of, metric_display
from emocap.evaluation.results import MetricValue, ResultRow
from emocap.reports.leaderboard import Entry, Group, left_out
from emocap.reports.numbers import compact, fraction, metric_label
from emocap.reports.results import Measure

_LABELS = {
    "regularisation_c": "regularisation, C",
    "predictions_file": "file of predictions",
    "predictions_sha256": "file of predictions, SHA-256",
}
"""Key of details of protocols and files → its name on the page."""
_MATCHES = {
    "option": "the one option that it names",
    "one class": "the one class that it names",
    "description": "the class that a description is about",
    "string_match": "words of the right option, and none of the others",
}


@dataclass(frozen=True)
class TextTable:
    """A small table of texts; without rows it is not shown."""

    title: str
    head: list[str]
    rows: list[list[str]]


_NOTHING = TextTable("", [], [])


def all_metrics(group: Group) -> TextTable:
    """Every metric of every model, where there is more than the one that the bars show."""
    names = list(dict.fromkeys(name for entry in group.entries for name in entry.result.row.metrics))
    if len(names) < 2:
        return _NOTHING
    first = group.entries[0].result.row
    rows = [
        [
            metric_label(name),
            *(_short(entry.result.measure(name)) for entry in group.entries),
            _plain(first.chance_of(name)),
        ]
        for name in names
    ]
    return TextTable("All metrics", ["metric", *(entry.line.name for entry in group.entries), "chance"], rows)


def meanings(group: Group) -> list[tuple[str, str]]:
    """Metric → what it is, of those that need saying; what is true of several official ones is said once."""
    names = list(dict.fromkeys(name for entry in group.entries for name in entry.result.row.metrics))
    labels: dict[str, list[str]] = {}
    for display in map(metric_display, names):
        if display.meaning is not None:
            labels.setdefault(display.meaning, []).append(display.label)
    return [("official denominator" if len(own) > 1 else own[0], meaning) for meaning, own in labels.items()]


def units(group: Group) -> TextTable:
    """F1 of every action unit, where the rows have it."""
    entries = [entry for entry in group.entries if entry.result.row.f1]
    if not entries:
        return _NOTHING
    first = entries[0].result.row
    present = [str(count) for count in first.present] or [""] * len(first.labels)
    f1 = [dict(zip(entry.result.row.labels, entry.result.row.f1, strict=False)) for entry in entries]
    rows = [
        [label, count, *(_plain(own.get(label)) for own in f1)]
        for label, count in zip(first.labels, present, strict=False)
    ]
    return TextTable("F1 of every action unit", ["unit", "present", *(entry.line.name for entry in entries)], rows)


def counts(row: ResultRow) -> TextTable:
    """Examples per class and split, where there are classes."""
    splits = {split: numbers for split, numbers in row.counts.items() if numbers}
    if {label for numbers in splits.values() for label in numbers} <= {"unlabelled"}:
        return _NOTHING
    labels = dict.fromkeys([*row.labels, *(label for numbers in splits.values() for label in numbers)])
    rows = [
        [label, *(f"{numbers.get(label, 0):,}" for numbers in splits.values())]
        for label in labels
        if any(label in numbers for numbers in splits.values())
    ]
    return TextTable("Examples per class", ["class", *splits], rows)


def parts(entry: Entry, group: Group) -> TextTable:
    """Folds, or numbers of shots, that the number is made of."""
    results = entry.shots or sorted(entry.folds, key=lambda fold: str(fold.row.fold))
    if len(results) < 2:
        return _NOTHING
    names = list(group.entries[0].result.row.metrics)
    rows = [
        [str(one.row.shots if entry.shots else one.row.fold), *(_short(one.measure(name)) for name in names)]
        for one in results
    ]
    title, kind = ("Over shots", "shots") if entry.shots else ("Folds", "fold")
    return TextTable(title, [kind, *map(metric_label, names)], rows)


def subgroups(entry: Entry) -> list[TextTable]:
    """A table per attribute, such as gender."""
    tables = []
    for attribute, values in entry.result.row.subgroups.items():
        names = list(dict.fromkeys(name for subgroup in values.values() for name in subgroup.metrics))
        rows = [
            [value, f"{subgroup.n:,}", *(_plain(subgroup.metrics.get(name)) for name in names)]
            for value, subgroup in values.items()
        ]
        tables.append(TextTable(f"By {attribute}", [attribute, "n", *map(metric_label, names)], rows))
    return tables


def by_prompt(entry: Entry) -> TextTable:
    """The metrics of every template by itself."""
    templates = entry.result.row.by_prompt
    names = list(dict.fromkeys(name for metrics in templates.values() for name in metrics))
    rows = [[prompt, *(_plain(metrics.get(name)) for name in names)] for prompt, metrics in templates.items()]
    return TextTable("By prompt", ["prompt", *map(metric_label, names)], rows)


def paired(entry: Entry) -> TextTable:
    """The p of the tests against other models on the same examples."""
    rows = [[other, _plain(test.p)] for other, test in entry.result.row.paired.items()]
    return TextTable("Paired test", ["against", "p"], rows)


def prompts(row: ResultRow) -> dict[str, list[str]]:
    """Class → sentences, as they were given to the model."""
    found = {label: _flat(texts) for label, texts in row.prompts.items()}
    return found | {f"{label}, descriptions": texts for label, texts in row.descriptions.items()}


def _flat(texts: Any) -> list[str]:
    if isinstance(texts, dict):
        return [f"{key}: {text}" for key, inner in texts.items() for text in _flat(inner)]
    return [text for inner in texts for text in _flat(inner)] if isinstance(texts, list) else [str(texts)]


def responses(row: ResultRow) -> list[tuple[str, str]]:
    """Of a generative model: what it was asked, what has no reply and why, and which model read it; else nothing."""
    own = row.responses
    if not own.questions:
        return []
    facts = [("questions asked", f"{own.questions:,}"), ("unanswered", _unanswered(own.unanswered))]
    if own.unparsable is not None:
        facts.append(("replies that could not be read", f"{own.unparsable:,}" if own.unparsable else "none"))
    if own.cut_short:
        facts.append(("replies cut at their longest length", f"{own.cut_short:,}"))
    if own.match:
        facts.append(("what counts of a reply", _MATCHES.get(own.match, own.match)))
    facts += [(role, model) for role, model in (("extractor", own.extractor), ("judge", own.judge)) if model]
    if own.temperature is not None:
        facts.append(("temperature", f"{own.temperature:g}"))
    if own.usage:
        tokens = f"{own.usage.prompt_tokens:,} in, {own.usage.completion_tokens:,} out"
        facts.append(("tokens, all runs into the folder", tokens))
        if own.usage.cost is not None:
            facts.append(("cost, all runs into the folder", compact(own.usage.cost)))
    return facts


def _unanswered(reasons: Mapping[str, int]) -> str:
    """The number, and of every reason."""
    if not reasons:
        return "none"
    most = sorted(reasons.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in most)
    return f"{sum(reasons.values()):,}: {listed}"


def others(row: ResultRow) -> dict[str, str]:
    """Everything else that a row says: where it comes from, and its details."""
    display = display_of(row.task)
    named: dict[str, Any] = {
        "data, SHA-256": row.data_sha256,
        "versions": row.versions,
        "segments": row.segments,
        "pooling": row.pooling,
        "preprocessing": row.preprocess,
        "system message": row.system,
        "weights, SHA-256": row.model_sha256,
        "absent classes": row.absent_classes,
        "left out": left_out(row) or None,
        **{_detail_label(key, display): value for key, value in row.details.items()},
    }
    texts = {name: _text(value) for name, value in named.items() if value not in (None, [], {})}
    return texts | {"seconds of work": compact(row.seconds, 2)}


def _detail_label(key: str, display: TaskDisplay) -> str:
    return display.details.get(key) or _LABELS.get(key) or key.replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return compact(value) if isinstance(value, float) else str(value)


def _short(measure: Measure | None) -> str:
    if measure is None:
        return "–"
    return fraction(measure.value) + (f" ± {fraction(measure.sd)}" if measure.sd is not None else "")


def _plain(value: float | None) -> str:
    return _short(Measure.of(MetricValue(value=value)))
