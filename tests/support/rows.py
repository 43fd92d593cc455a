"""Rows of results on one level, for tests that look at many of their parts."""

from pathlib import Path
from typing import Any

from emocap.evaluation.results import FILE, ResultRow, read_results


def flat(row: ResultRow) -> dict[str, Any]:
    """The fields of a row, with those of its responses and its details beside them."""
    content: dict[str, Any] = row.model_dump(mode="json")
    responses, details = content.pop("responses"), content.pop("details")
    return {**content, **responses, **details}


def flat_rows(out: Path) -> list[dict[str, Any]]:
    """All rows of a folder of results."""
    return [flat(row) for row in read_results(out / FILE)]
