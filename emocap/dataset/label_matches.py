"""Which rows of a label table name no input, and which inputs no row names: counted, with examples of both."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from emocap.core.errors import UserError
from emocap.core.files import write_json
from emocap.dataset.label_paths import after_folder, loose, names_of, plain
from emocap.dataset.labels import LabelTable
from emocap.dataset.recipe import SourceRecipe
from emocap.dataset.sources import KINDS
from emocap.io.storage import place

_EXAMPLES = 3
_CANDIDATES = 10_000
"""Inputs without a row that are remembered, to find the ones that rows may have meant."""


class LabelMatches:
    """Sees the inputs of the sources that share a label table."""

    def __init__(self, name: str, sources: dict[int, SourceRecipe], out: Path) -> None:
        """sources: by their numbers in the recipe."""
        self._name = name
        self._tables = {number: LabelTable.open(out / "labels" / f"{number}.sqlite") for number in sources}
        self._places = {number: place(str(source.path)) for number, source in sources.items()}
        self._folders = sorted({one.folder() for one in self._places.values()})
        self._some = next(iter(self._tables.values()))
        self._named = bytearray(len(self._some))
        self._inputs = self._bare = 0
        self._examples: list[str] = []
        self._candidates: dict[str, str] = {}

    def see(self, source: int, path: str, member: str = "") -> None:
        """One input, by the number of its source and its path, or a member of it."""
        below, archive = self._places[source].below(path), ""
        if member:
            below, archive = member, below
        self._inputs += 1
        rows = self._tables[source].find(below, archive)
        for number, _ in rows:
            self._named[number - 1] = 1
        if rows:
            return
        self._bare += 1
        name = f"{archive}::{below}" if archive else below
        if len(self._examples) < _EXAMPLES:
            self._examples.append(name)
        if len(self._candidates) < _CANDIDATES:
            for spelling in names_of(below, archive):
                self._candidates.setdefault(loose(spelling), name)

    def result(self) -> dict[str, Any]:
        """For the manifest: how many rows and inputs there are, how many have no other side, and examples of these."""
        likely: dict[str, str] = {}
        others: list[str] = []
        for path, named in zip(self._some.paths(), self._named, strict=True):
            if not named and (other := self._meant(path)) and len(likely) < _EXAMPLES:
                likely[path] = other
            elif not named and len(others) < _EXAMPLES:
                others.append(path)
        shown = [*likely.items(), *((path, None) for path in others)][:_EXAMPLES]
        return {
            "table": self._name,
            "rows": len(self._named),
            "rows_without_input": self._named.count(0),
            "rows_examples": [{"path": path, "perhaps": other} for path, other in shown],
            "inputs": self._inputs,
            "inputs_without_row": self._bare,
            "inputs_examples": self._examples,
        }

    def _meant(self, path: str) -> str | None:
        """An input without a row that a row may mean: only case or suffix differs."""
        whole = plain(path)
        rests = (rest for folder in self._folders for rest in after_folder(whole, folder))
        return next(
            (self._candidates[loose(name)] for name in (whole, *rests) if loose(name) in self._candidates), None
        )


def tables(sources: Sequence[SourceRecipe], out: Path) -> dict[int, LabelMatches]:
    """What sees the inputs of each source that has a label table, by the source's number; sources may share one."""
    shared: dict[str, dict[int, SourceRecipe]] = {}
    for number, source in enumerate(sources):
        if source.labels is not None:
            shared.setdefault(source.labels, {})[number] = source
    return {
        number: one
        for name, some in shared.items()
        for one in [LabelMatches(PurePosixPath(name).name, some, out)]
        for number in some
    }


def refuse_strangers(result: dict[str, Any]) -> None:
    """Raises UserError where a table names none of the inputs."""
    if result["rows"] and result["rows_without_input"] == result["rows"]:
        there = f", and there is {result['inputs_examples'][0]}" if result["inputs_examples"] else ""
        raise UserError(
            f"{result['table']}: none of its {result['rows']:,} rows names an input; the first is "
            f"{_row(result['rows_examples'][0])}{there}; a path is that below the source's folder"
        )


def in_words(result: dict[str, Any]) -> list[str]:
    """In words, for the screen and the page; nothing where every row and every input has its other side."""
    lines = []
    if count := result["rows_without_input"]:
        some = ", ".join(map(_row, result["rows_examples"]))
        lines.append(f"{result['table']}: {count:,} of {result['rows']:,} rows name no input, such as {some}")
    if count := result["inputs_without_row"]:
        some = ", ".join(result["inputs_examples"])
        lines.append(f"{result['table']}: {count:,} of {result['inputs']:,} inputs have no row, such as {some}")
    return lines


def _row(example: dict[str, Any]) -> str:
    return f"{example['path']} (is it {example['perhaps']}?)" if example["perhaps"] else str(example["path"])


def count_members(sources: Sequence[SourceRecipe], out: Path) -> list[dict[str, Any]]:
    """The results where sources hold archives, whose members are known once faces have been looked for in them."""
    if not (matches := tables(sources, out)):
        return []
    listed = pq.ParquetFile(out / "inputs.parquet")
    archives: dict[str, list[int]] = {}
    for batch in listed.iter_batches(10_000, columns=["path", "source", "kind"]):
        for row in batch.to_pylist():
            if row["source"] in matches and KINDS[row["kind"]].has_members:
                archives.setdefault(row["path"], []).append(row["source"])
            elif row["source"] in matches:
                matches[row["source"]].see(row["source"], row["path"])
    for path in _distinct(_read_paths(out), out / "labels" / "seen.tmp"):
        archive, _, member = path.partition("::")
        for number in archives.get(archive, []) if member else []:
            matches[number].see(number, archive, member)
    return results(matches)


def results(matches: dict[int, LabelMatches]) -> list[dict[str, Any]]:
    """The result of every table once."""
    return [one.result() for one in dict.fromkeys(matches.values())]


def _read_paths(out: Path) -> Iterator[str]:
    """The path of every picture that was read: a face or a reject is left of each."""
    files = [*sorted((out / "faces").glob("*.parquet")), *sorted((out / "rejects").glob("faces-*.parquet"))]
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(10_000, columns=["source"]):
            yield from batch["source"].to_pylist()


def _distinct(paths: Iterator[str], scratch: Path) -> Iterator[str]:
    """Each path once, with those seen on disk and not in memory."""
    scratch.unlink(missing_ok=True)
    database = sqlite3.connect(scratch, isolation_level=None)
    try:
        database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; CREATE TABLE seen (path TEXT PRIMARY KEY);"
        )
        for path in paths:
            if database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (path,)).rowcount:
                yield path
    finally:
        database.close()
        scratch.unlink(missing_ok=True)


def keep(results: list[dict[str, Any]], out: Path) -> None:
    """Keep the results beside the tables."""
    write_json(out / "labels" / "matches.json", results)


def kept(out: Path) -> list[dict[str, Any]] | None:
    """The results that were kept; None where they are yet to be counted."""
    path = out / "labels" / "matches.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
