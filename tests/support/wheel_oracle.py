"""The metric once more, as slowly as its formulas are written (AffectGPT, siblings of the same tables)."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import openpyxl

Maps = tuple[dict[str, list[str]], dict[str, list[str]], list[dict[str, dict[str, str]]]]


def cells(folder: Path, stem: str) -> list[dict[str, str]]:
    if (path := folder / f"{stem}.csv").exists():
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    sheet = openpyxl.load_workbook(folder / f"{stem}.xlsx").worksheets[0]
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), (str(c) if c is not None else "" for c in row), strict=True)) for row in rows]


def divided(text: str) -> list[str]:
    text = text[1:] if text.startswith("[") else text
    text = text[:-1] if text.endswith("]") else text
    return [part.strip() for part in re.split("['\",]", text) if part.strip()]


def maps(folder: Path) -> Maps:
    format_mapping: dict[str, list[str]] = {}
    for row in cells(folder, "format"):
        for form in [*divided(row["format"]), row["name"]]:
            format_mapping.setdefault(form, []).append(row["name"])
    raw_mapping: dict[str, list[str]] = {}
    for row in cells(folder, "synonym"):
        for run in range(1, 9):
            word = row.get(f"word_run{run}", "").strip().lower()
            for synonym in [word, *divided(row.get(f"synonym_run{run}", ""))]:
                raw_mapping.setdefault(synonym.strip().lower(), []).append(word)
    wheels = []
    for number in range(1, 6):
        tree: dict[str, dict[str, list[str]]] = {}
        one = two = three = ""
        for row in cells(folder, f"wheel{number}"):
            one, two, three = row["level1"] or one, row["level2"] or two, row["level3"] or three
            inner, middle, outer = (word.lower().strip() for word in (one, two, three))
            tree.setdefault(inner, {}).setdefault(middle, []).append(outer)
        level1, level2 = {}, {}
        for inner in tree:
            level1[inner], level2[inner] = inner, sorted(tree[inner])[0]
            for middle in tree[inner]:
                level1[middle], level2[middle] = inner, middle
                for outer in tree[inner][middle]:
                    level1[outer], level2[outer] = inner, middle
        wheels.append({"level1": level1, "level2": level2})
    return format_mapping, raw_mapping, wheels


def place(maps: Maps, label: str, wheel: int, level: str) -> str | None:
    format_mapping, raw_mapping, wheels = maps
    if label not in format_mapping:
        return None
    raws = [raw for form in format_mapping[label] for raw in raw_mapping[form]]
    return next((wheels[wheel][level][raw] for raw in sorted(raws) if raw in wheels[wheel][level]), None)


def pair(maps: Maps, true: Sequence[str], told: Sequence[str], wheel: int, level: str) -> tuple[set[str], set[str]]:
    sets = [{place(maps, label.lower().strip(), wheel, level) for label in labels} - {None} for labels in (true, told)]
    return {word for word in sets[0] if word}, {word for word in sets[1] if word}


def scores(
    maps: Maps, true: Sequence[Sequence[str]], told: Sequence[Sequence[str]], level: str
) -> tuple[float, float, float, float, list[float]]:
    """F_s, mean precision, mean recall, hit rate, and the reward of each sample."""
    each, hit_rates = [], []
    own: list[list[float]] = [[] for _ in true]
    for wheel in range(5):
        precisions, recalls, hits = [], [], []
        for number, (labels, replies) in enumerate(zip(true, told, strict=True)):
            g, p = pair(maps, labels, replies, wheel, level)
            if not g:
                continue
            precision = len(g & p) / len(p) if p else 0.0
            recall = len(g & p) / len(g) if p else 0.0
            precisions.append(precision)
            recalls.append(recall)
            hits.append(len(g & p))
            own[number].append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
        p_mean, r_mean, hit = (sum(one) / len(one) if one else 0.0 for one in (precisions, recalls, hits))
        each.append((2 * p_mean * r_mean / (p_mean + r_mean) if p_mean + r_mean else 0.0, p_mean, r_mean))
        hit_rates.append(hit)
    f_s, p_s, r_s = (sum(one[part] for one in each) / 5 for part in range(3))
    return f_s, p_s, r_s, sum(hit_rates) / 5, [sum(one) / len(one) if one else 0.0 for one in own]
