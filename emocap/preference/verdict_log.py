"""The book of a ranking: every judged pair on disk before it counts, so that the same command goes on from there."""

# Tested in tests/preference/test_run.py.

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError
from emocap.preference.pairs import SWAPPED, Judged, Pair, Verdict


class VerdictLog:
    """``pairs.jsonl``: a line per judged pair, in the order in which they were judged. Only ever appended to.

    A line says who was compared on which input, what was said of the two as they stand (``preference``) and, as it was
    said, of the two the other way round (``reversed_preference``), the replies, and the key of the pair: a pair whose
    descriptions have changed since has another one, and is judged again.
    """

    def __init__(self, path: Path, judge: str) -> None:
        """judge: all that decides about its verdicts. Raises UserError where the book is another's, or broken."""
        self._path, self._judge = path, judge
        self._lines: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(_whole_lines(path), start=1):
            try:
                row = json.loads(line)
                key, by = row["key"], row["judge"]
            except (ValueError, KeyError, TypeError):
                raise UserError(f"{path}, line {number} is damaged: take that line out, and go on") from None
            if by != judge:
                raise UserError(f"{path} has the verdicts of {by}, not of {judge}; choose another folder")
            self._lines[key] = row

    def __len__(self) -> int:
        return len(self._lines)

    def find(self, pair: Pair) -> Judged | None:
        """What was said of a pair, in the order in which it is asked for here; None where it is not in the book."""
        row = self._lines.get(pair.key)
        if row is None:
            return None
        verdict = _verdict(row, "")
        reverse = _verdict(row, "reversed_") if "reversed_preference" in row else None
        if (row["model1"], row["a1"]) == (pair.model1, _short(pair.a1)):
            return Judged(pair, verdict, reverse)
        if reverse is not None:
            return Judged(pair, reverse, verdict)
        return Judged(pair, replace(verdict, answer=SWAPPED[verdict.answer] if verdict.answer else None))

    def add(self, judged: Sequence[Judged]) -> None:
        """Write verdicts down; returns once they are on disk. Pairs without any answer are left to be asked again."""
        rows = [self._row(one) for one in judged if one.answers]
        if not rows:
            return
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
        self._lines |= {row["key"]: row for row in rows}

    def _row(self, judged: Judged) -> dict[str, Any]:
        pair = judged.pair
        row = {"name": pair.name, "model1": pair.model1, "model2": pair.model2, **_cells(judged.verdict, "")}
        if judged.reverse:
            row |= _cells(judged.reverse, "reversed_")
        return row | {"a1": _short(pair.a1), "judge": self._judge, "key": pair.key}


def _cells(verdict: Verdict, before: str) -> dict[str, Any]:
    columns = {"preference": verdict.answer, "reply": verdict.detail, "readable": verdict.readable}
    return {before + name: value for name, value in columns.items()}


def _verdict(row: dict[str, Any], before: str) -> Verdict:
    return Verdict(*(row[before + name] for name in ("preference", "reply", "readable")))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of a file, which need not exist; half a line at its end, which nobody has used, is cut off."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return content[:whole].splitlines()
