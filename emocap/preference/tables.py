"""CSV files of descriptions, of pairs that people have judged, and of true labels.

Descriptions: ``name,model,description``, and ``emotions`` where the captioner also named them (``[happy, relieved]``).
Pairs: ``name,a1,a2,preference`` as in EmoPrefer's ``preference_emoprefer.csv``; a ranking also needs to know who wrote
them. The columns of the official ``_with_modelnames.csv`` could not be seen: ``model1,model2`` and
``model_a1,model_a2`` are both read, ``model1`` being the author of ``a1`` (our reading). Of EmoPrefer-Data-V2 its
README says that it keeps what every annotator said, so that a pair may come several times: each is a comparison of its
own.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emocap.core.errors import UserError
from emocap.core.files import replacing
from emocap.io.tables import CsvForm, check_commas, open_table
from emocap.preference.pairs import ANSWERS, Answer, Pair

PAIRS = ("name", "a1", "a2")
DESCRIPTIONS = ("name", "model", "description")
TRUTH = ("name", "openset")
_MODELS = (("model1", "model2"), ("model_a1", "model_a2"))


@dataclass(frozen=True)
class Row:
    """A line of a table: where it is, for messages, and its cells without surrounding space."""

    where: str
    cells: dict[str, str]


@dataclass(frozen=True)
class Description:
    """What one captioner says of one input."""

    name: str
    model: str
    text: str
    emotions: str | None = None
    """As the table has them; None where it has no such column."""


@dataclass(frozen=True)
class Preference:
    """A pair, and what people say of it: None where they were not asked."""

    pair: Pair
    answer: Answer | None


@dataclass(frozen=True)
class LeftOut:
    """Rows or pairs that cannot be used for one reason."""

    reason: str
    count: int
    example: str
    """Where the first of them is."""


class Tally:
    """Counts what is left out, by reason, with the first example of each."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, reason: str, example: str) -> None:
        """One more."""
        count, first = self._found.get(reason, (0, example))
        self._found[reason] = count + 1, first

    def listed(self) -> list[LeftOut]:
        """All reasons, the most frequent first."""
        found = sorted(self._found.items(), key=lambda item: -item[1][0])
        return [LeftOut(reason, count, example) for reason, (count, example) in found]


def columns_of(path: Path) -> list[str]:
    """The header of a CSV file. Raises UserError where there is none that can be read."""
    return _table(path)[0]


def read_descriptions(path: Path, tally: Tally) -> Iterator[Description]:
    """Every description of a table; empty ones are counted. Raises UserError for a second one by the same captioner of
    the same input, and for whatever makes the file unreadable.
    """
    seen: dict[tuple[str, str], str] = {}
    for row in _rows(path, DESCRIPTIONS):
        name, model = _filled(row, "name"), _filled(row, "model")
        if (before := seen.setdefault((name, model), row.where)) != row.where:
            raise UserError(f"{row.where}: {model} has described {name} in {before} already; keep one of the two")
        if row.cells["description"]:
            yield Description(name, model, row.cells["description"], row.cells.get("emotions"))
        else:
            tally.add("empty description", f"{row.where}: {model} of {name}")


def read_preferences(path: Path, tally: Tally) -> Iterator[Preference]:
    """Every pair of a table. Empty descriptions and models that are paired with themselves are counted and left out;
    repeated pairs are counted and given. Raises UserError for a preference that is none, half of a pair of models, and
    for whatever makes the file unreadable.
    """
    columns = columns_of(path)
    models = next((pair for pair in _MODELS if set(pair) <= set(columns)), None)
    if models is None and (found := [name for pair in _MODELS for name in pair if name in columns]):
        raise UserError(f"{path} has the column {found[0]} without its other half; there are {', '.join(columns)}")
    seen = set()
    for row in _rows(path, PAIRS):
        first, second = (_filled(row, column) for column in models) if models else (None, None)
        pair = Pair(_filled(row, "name"), row.cells["a1"], row.cells["a2"], first, second)
        answer = _preference(row)
        if first is not None and first == second:
            tally.add("a model paired with itself", f"{row.where}: {first}")
        elif not (pair.a1 and pair.a2):
            tally.add("empty description", f"{row.where}: {'a2' if pair.a1 else 'a1'} of {pair.name}")
        else:
            if pair.key in seen:
                tally.add("repeated pair, counted again", f"{row.where}: {pair.name}")
            seen.add(pair.key)
            yield Preference(pair, answer)


def read_truth(path: Path) -> Iterator[tuple[str, str]]:
    """Input and its true labels, as in OV-MERD's ``name,openset``. Raises UserError for an input that is there twice,
    and for whatever makes the file unreadable.
    """
    seen: dict[str, str] = {}
    for row in _rows(path, TRUTH):
        name = _filled(row, "name")
        if (before := seen.setdefault(name, row.where)) != row.where:
            raise UserError(f"{row.where}: {name} has labels in {before} already; keep one of the two")
        yield name, row.cells["openset"]


def write_unjudged(path: Path, pairs: Sequence[Pair]) -> None:
    """Write pairs for people to judge: the column ``preference`` is empty and waits for a1, a2 or same."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*PAIRS, *_MODELS[0], "preference"])
    for pair in pairs:
        table.writerow([pair.name, pair.a1, pair.a2, pair.model1, pair.model2, ""])
    with replacing(path) as scratch:
        scratch.write_text(text.getvalue(), encoding="utf-8")


def _preference(row: Row) -> Answer | None:
    said = row.cells.get("preference", "").lower()
    if not said:
        return None
    for answer in ANSWERS:
        if said == answer:
            return answer
    raise UserError(f"{row.where}: the preference {row.cells['preference']!r} is not one of {', '.join(ANSWERS)}")


def _filled(row: Row, column: str) -> str:
    if not row.cells[column]:
        raise UserError(f"{row.where}: the column {column} is empty")
    return row.cells[column]


def _rows(path: Path, needed: Sequence[str]) -> Iterator[Row]:
    header, lines = _table(path)
    if missing := [name for name in needed if name not in header]:
        raise UserError(f"{path} has no column {', '.join(missing)}; there are {', '.join(header)}")
    for where, cells in lines:
        if len(cells) != len(header):
            raise UserError(f"{where}: {len(cells)} values, the header has {len(header)}; is a quote missing?")
        yield Row(where, dict(zip(header, cells, strict=True)))


def _table(path: Path) -> tuple[list[str], Iterator[tuple[str, list[str]]]]:
    """The header, and where each row with anything in it ends, and its cells."""
    table = open_table(path, CsvForm(strict=True))
    header = [name.strip() for name in table.columns]
    if not any(header):
        raise UserError(f"{path} is empty; its first line must name the columns")
    check_commas(path, header)
    if doubled := next((name for name in header if header.count(name) > 1), None):
        raise UserError(f"{path} has two columns that are called {doubled!r}")
    stripped = ((f"{path}, {row.where}", [cell.strip() for cell in row.cells]) for row in table.rows)
    return header, ((where, cells) for where, cells in stripped if any(cells))
