"""Files of what a model said before: one answer for each example, in the forms that benchmarks use."""

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from emocap.core.errors import UserError, few
from emocap.io.tables import table_of
from emocap.io.text import numbered_lines, text_of
from emocap.llm.chat_models import Response
from emocap.llm.chat_request import ChatRequest

IDS = ("name", "id", "video_id", "audio_path", "path", "filename")
TEXTS = (
    *("prediction", "answer_prediction", "model_response", "model_output", "response", "answer", "reason", "openset"),
    *("output", "text"),
)
"""Keys and columns that hold an example's name and what the model said; the first of each that is there counts."""
_KINDS = (".jsonl", ".json", ".csv", ".npz")


class Predictions:
    """A file, or a folder with a file per benchmark: ``mmar.jsonl``, ``ov-merd-plus.csv``.

    Rows of JSON lines, of a JSON list or of a CSV file with a header, with a name (see IDS) and a text (see TEXTS); or
    one JSON object, name → text or row or numbers; or the arrays of text of AffectGPT's ``-openset.npz``. Names are
    those of the examples, or end as no other example's does: ``03419`` and ``clips/03419.mp4`` for
    ``MAFW/video/03419.mp4``. The n-th question about one example is ``NAME#n``.
    """

    def __init__(self, place: Path, name: str | None = None) -> None:
        """name: as results call the model; None: the file's, without its ending."""
        self._place = place
        self.name = name or place.stem
        self.metadata: dict[str, Any] = {"predictions_file": place.name}
        if not place.exists():
            raise UserError(f"predictions: there is no {place}")

    def answer(self, asks: Sequence[ChatRequest], ledger: str) -> list[Response]:
        """See :class:`emocap.llm.chat_models.GenerativeModel`. ``ledger``: the benchmark's name.

        Raises UserError for a file that cannot be read or says nothing, and for names that are there twice or that no
        tested example bears.
        """
        path = self._path(ledger)
        self.metadata |= {"predictions_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        found = dict(_unique(path, _read(path)))
        if not any(_tells(response) for response in found.values()):
            raise UserError(f"{path}: no row says anything; it is sought under {', '.join(TEXTS)}")
        places = _places([ask.key for ask in asks], list(found))
        unknown = [name for name in found if name not in places]
        if unknown:
            raise UserError(f"{path}: {len(unknown):,} names are of no example that is tested: {few(unknown, 3)}")
        said = {places[name]: response for name, response in found.items()}
        return [said.get(ask.key, Response(None, "no_prediction", f"{path} has no row for it")) for ask in asks]

    def _path(self, benchmark: str) -> Path:
        if not self._place.is_dir():
            return self._place
        for kind in _KINDS:
            if (path := self._place / f"{benchmark}{kind}").is_file():
                return path
        raise UserError(f"predictions: {self._place} has no {benchmark}{', '.join(_KINDS[:-1])} or {_KINDS[-1]}")


def _tells(response: Response) -> bool:
    """Whether it has an answer, if an empty one, or the score of one."""
    return response.reason != "no_prediction" or "score" in response.fields


def _unique(path: Path, rows: Iterator[tuple[str, Response]]) -> Iterator[tuple[str, Response]]:
    seen: set[str] = set()
    for name, response in rows:
        if name in seen:
            raise UserError(f"{path}: {name} is there twice")
        seen.add(name)
        yield name, response


def _places(keys: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Name in the file → key of the question; names that fit none, or several, are left out."""
    exact = set(keys)
    ends = Counter(_end(key) for key in keys)
    by_end = {_end(key): key for key in keys if ends[_end(key)] == 1}
    counts = Counter(_end(name) for name in names)
    places = {}
    for name in names:
        if name in exact:
            places[name] = name
        elif counts[_end(name)] == 1 and _end(name) in by_end:
            places[name] = by_end[_end(name)]
    return places


def _end(name: str) -> str:
    """The last part of a path without its ending, with the number of the question."""
    path, sign, number = name.partition("#")
    return PurePosixPath(path.replace("\\", "/")).stem + sign + number


def _read(path: Path) -> Iterator[tuple[str, Response]]:
    match path.suffix.lower():
        case ".jsonl":
            for number, line in numbered_lines(path):
                yield _row(_json(line, f"{path}, line {number}"), f"{path}, line {number}")
        case ".json":
            content = _json(text_of(path), str(path))
            if isinstance(content, dict):
                for name, value in content.items():
                    yield name, _response(value)
            else:
                for number, row in enumerate(content if isinstance(content, list) else [content], start=1):
                    yield _row(row, f"{path}, entry {number}")
        case ".csv":
            for number, row in enumerate(table_of(path, []), start=1):
                yield _row({key: value for key, value in row.items() if key}, f"{path}, row {number}")
        case ".npz":
            yield from _arrays(path)
        case _:
            raise UserError(f"{path} is none of {', '.join(_KINDS)}")


def _arrays(path: Path) -> Iterator[tuple[str, Response]]:
    """The labels that AffectGPT's code writes: ``filenames`` and ``fileitems``, arrays of text."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pairs = zip(arrays["filenames"].tolist(), arrays["fileitems"].tolist(), strict=True)
            yield from ((str(name), _response({"openset": item})) for name, item in pairs)
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile):
        raise UserError(
            f"{path} holds Python objects, which reading would execute, or is no archive of filenames and fileitems; "
            "write it as JSON first, name → text"
        ) from None


def _json(text: str, where: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(record := dict(pairs)) < len(pairs):
            twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            raise UserError(f"{where}: {twice} is there twice")
        return record

    try:
        return json.loads(text, object_pairs_hook=once)
    except ValueError as error:
        raise UserError(f"{where} is not JSON: {error}") from None
    except RecursionError:
        raise UserError(f"{where} is JSON of too many levels") from None


def _row(row: Any, where: str) -> tuple[str, Response]:
    if not isinstance(row, Mapping):
        raise UserError(f"{where} is no row with a name and a text")
    name = next((row[key] for key in IDS if row.get(key) not in (None, "")), None)
    if name is None:
        raise UserError(f"{where} has no name; it is sought under {', '.join(IDS)}")
    return str(name), _response(row)


def _response(value: Any) -> Response:
    """From a text, a row, or numbers alone."""
    if isinstance(value, str):
        return Response(value) if value.strip() else Response(None, "empty", "the prediction is empty")
    if not isinstance(value, Mapping):
        return Response(json.dumps(value), fields={"value": value})
    # Beside choices, the answer is the right one: a row of the benchmark itself, which nobody has answered yet.
    held = [value[key] for key in TEXTS if value.get(key) is not None and not (key == "answer" and "choices" in value)]
    if not held:
        return Response(None, "no_prediction", "its row has no prediction", fields=dict(value))
    answer = next((one for one in held if one != ""), None)
    text = answer if isinstance(answer, str) or answer is None else json.dumps(answer, ensure_ascii=False)
    if text is None or not text.strip():
        return Response(None, "empty", "the prediction is empty", fields=dict(value))
    return Response(text, fields=dict(value))
