"""What rows of results tell in words and small tables."""

from dataclasses import dataclass
from typing import Any

from emocap.reports.board import Entry, Group
from emocap.reports.measures import called, fraction, meaning, number
from emocap.reports.results import Measure, Result

_SHOWN_APART = {
    *(
        "benchmark",
        "title",
        "task",
        "protocol",
        "fold",
        "shots",
        "model",
        "metrics",
        "headline",
        "chance",
        "published",
    ),
    *("labels", "confusion", "prompts", "counts", "counts_expected", "test_subjects", "subgroups", "predictions"),
    *("data", "paired", "f1", "present", "unknown", "media", "compound", "by_prompt", "descriptions"),
    *("questions", "unanswered", "unparsable", "cut_short", "match", "extractor", "judge", "temperature", "usage"),
}
"""Keys of a row that are no plain facts."""
_CALLED = {
    **{"model_sha256": "weights, SHA-256", "data_sha256": "data, SHA-256", "preprocess": "preprocessing"},
    **{"seconds": "seconds of work", "regularisation_c": "regularisation, C", "system": "system message"},
    **{"predictions_file": "file of predictions", "predictions_sha256": "file of predictions, SHA-256"},
    # Of models that write.
    **{"extractor_prompt": "what the extractor is asked", "without_clue": "without clues"},
    **{"wheel": "emotion wheels", "wheel_sha256": "emotion wheels, SHA-256", "ew_of_each_wheel": "EW of each wheel"},
    **{"wheel_is_the_authors": "emotion wheels are the authors'", "zero_left_out": "neutral clips, left out"},
    **{"skipped_by_each_wheel": "clips that each wheel skips", "replies_read_by": "replies that were read as or by"},
    **{"true_words_dropped": "true words that no wheel knows", "scored": "with scores that can be read"},
    **{"predicted_words_dropped": "words of replies that no wheel knows", "unjudged": "steps without scores, and why"},
    **{"no_odds": "replies that list neither word", "one_sided": "replies that list one word of the two"},
    **{
        "scores_unlike_steps": "with more or fewer scores than steps",
        "without_steps": "answers without steps, and why",
    },
}


@dataclass(frozen=True)
class Table:
    """A small table of texts."""

    title: str
    head: list[str]
    rows: list[list[str]]


def all_metrics(group: Group) -> Table:
    """Every measure of every model, where there is more than the one that the bars show."""
    names = list(dict.fromkeys(name for entry in group.entries for name in entry.shown.row["metrics"]))
    if len(names) < 2:
        return Table("", [], [])
    first = group.entries[0].shown
    chances = [Measure(chance) if (chance := first.chance(name)) is not None else None for name in names]
    rows = [
        [called(name), *(_short(entry.shown.measure(name)) for entry in group.entries), _short(chance)]
        for name, chance in zip(names, chances, strict=True)
    ]
    return Table("All metrics", ["metric", *(entry.line.name for entry in group.entries), "chance"], rows)


def meanings(group: Group) -> list[tuple[str, str]]:
    """Measure → what it is, of those that need saying; what is true of several official ones is said once."""
    names = list(dict.fromkeys(name for entry in group.entries for name in entry.shown.row["metrics"]))
    told: dict[str, list[str]] = {}
    for name in names:
        if (meant := meaning(name)) is not None:
            told.setdefault(meant, []).append(called(name))
    return [("official denominator" if len(some) > 1 else some[0], meant) for meant, some in told.items()]


def units(group: Group) -> Table:
    """F1 of every action unit, where the rows have it."""
    having = [entry for entry in group.entries if "f1" in entry.shown.row]
    if not having:
        return Table("", [], [])
    first = having[0].shown
    present = first.row.get("present") or [""] * len(first.labels)
    told = [dict(zip(entry.shown.labels, entry.shown.row["f1"], strict=False)) for entry in having]
    rows = [
        [label, str(count), *(_plain(f1.get(label)) for f1 in told)]
        for label, count in zip(first.labels, present, strict=False)
    ]
    return Table("F1 of every action unit", ["unit", "present", *(entry.line.name for entry in having)], rows)


def counts(result: Result) -> Table:
    """Examples per class and split, where there are classes."""
    splits = {split: found for split, found in (result.row.get("counts") or {}).items() if found}
    if {label for found in splits.values() for label in found} <= {"unlabelled"}:
        return Table("", [], [])
    labels = dict.fromkeys([*result.labels, *(label for found in splits.values() for label in found)])
    rows = [
        [label, *(f"{found.get(label, 0):,}" for found in splits.values())]
        for label in labels
        if any(label in found for found in splits.values())
    ]
    return Table("Examples per class", ["class", *splits], rows)


def parts(entry: Entry, group: Group) -> Table:
    """Folds, or shots, of which the number is made."""
    parts = entry.shots or sorted(entry.folds, key=lambda fold: str(fold.fold))
    if len(parts) < 2:
        return Table("", [], [])
    names = list(group.any_row.row["metrics"]) if group.any_row else []
    rows = [
        [str(part.shots if entry.shots else part.fold), *(_short(part.measure(name)) for name in names)]
        for part in parts
    ]
    kind = "shots" if entry.shots else "fold"
    return Table("Over shots" if entry.shots else "Folds", [kind, *(called(name) for name in names)], rows)


def subgroups(entry: Entry) -> list[Table]:
    """A table per attribute, such as gender."""
    tables = []
    for attribute, values in (entry.shown.row.get("subgroups") or {}).items():
        names = list(dict.fromkeys(name for found in values.values() for name in found.get("metrics", {})))
        rows = [
            [str(value), f"{found.get('n', 0):,}"]
            + [
                _short(Result({"metrics": found.get("metrics", {})}, entry.shown.folder).measure(name))
                for name in names
            ]
            for value, found in values.items()
        ]
        tables.append(Table(f"By {attribute}", [str(attribute), "n", *(called(name) for name in names)], rows))
    return tables


def by_prompt(entry: Entry) -> Table:
    """The measures of every template by itself."""
    told = entry.shown.row.get("by_prompt") or {}
    names = list(dict.fromkeys(name for found in told.values() for name in found))
    rows = [
        [str(prompt), *(_short(Result({"metrics": found}, entry.shown.folder).measure(name)) for name in names)]
        for prompt, found in told.items()
    ]
    return Table("By prompt", ["prompt", *(called(name) for name in names)], rows)


def paired(entry: Entry) -> Table:
    """The p of the tests against other models on the same examples."""
    told = entry.shown.row.get("paired") or {}
    rows = [[str(other), _plain(p.get("p") if isinstance(p, dict) else p)] for other, p in told.items()]
    return Table("Paired test", ["against", "p"], rows)


def prompts(row: dict[str, Any]) -> dict[str, list[str]]:
    """Class → sentences, as they were given to the model; a bare list stands under no class."""
    told = row.get("prompts") or {}
    found = {str(label): _flat(some) for label, some in (told if isinstance(told, dict) else {"": told}).items()}
    described = row.get("descriptions") or {}
    return found | {f"{label}, descriptions": _flat(some) for label, some in described.items()}


def _flat(told: Any) -> list[str]:
    if isinstance(told, dict):
        return [f"{key}: {text}" for key, some in told.items() for text in _flat(some)]
    return [text for some in told for text in _flat(some)] if isinstance(told, list) else [str(told)]


_MATCHES = {
    "option": "the one option that it names",
    "one class": "the one class that it names",
    "description": "the class that a description is about",
    "tokens": "words of the right option, and none of the others",
}


def asked(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Of a model that writes: what it was asked, what has no answer and why, and who read it; else nothing."""
    if "questions" not in row:
        return []
    told = [("questions asked", f"{row['questions']:,}"), ("unanswered", _unanswered(row.get("unanswered") or {}))]
    if (unparsable := row.get("unparsable")) is not None:
        told.append(("replies that could not be read", f"{unparsable:,}" if unparsable else "none"))
    if cut := row.get("cut_short"):
        told.append(("replies cut at their longest length", f"{cut:,}"))
    if match := row.get("match"):
        told.append(("what counts of a reply", _MATCHES.get(match, str(match))))
    told += [(role, str(row[role])) for role in ("extractor", "judge") if row.get(role)]
    if (temperature := row.get("temperature")) is not None:
        told.append(("temperature", f"{temperature:g}"))
    if usage := row.get("usage"):
        told.append(
            (
                "tokens, all runs into the folder",
                f"{usage.get('prompt_tokens', 0):,} in, {usage.get('completion_tokens', 0):,} out",
            )
        )
        if "cost" in usage:
            told.append(("cost, all runs into the folder", f"{usage['cost']:,.4f}".rstrip("0").rstrip(".")))
    return told


def _unanswered(reasons: dict[str, int]) -> str:
    """The number, and of every reason."""
    if not reasons:
        return "none"
    most = sorted(reasons.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in most)
    return f"{sum(reasons.values()):,}: {told}"


def others(row: dict[str, Any]) -> dict[str, str]:
    """Everything else that a row says, as texts."""
    told = {}
    for key, value in row.items():
        if key in _SHOWN_APART or value in (None, [], {}):
            continue
        items = [f"{name} {one}" for name, one in value.items()] if isinstance(value, dict) else value
        named = ", ".join(map(str, items)) if isinstance(items, list) else str(items)
        told[_CALLED.get(key, key.replace("_", " "))] = named
    return told


def _short(measure: Measure | None) -> str:
    if measure is None:
        return "–"
    return fraction(measure.value) + (f" ± {fraction(measure.sd)}" if measure.sd is not None else "")


def _plain(value: Any) -> str:
    found = number(value)
    return "–" if found is None else fraction(found)
