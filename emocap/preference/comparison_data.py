"""Who is compared on what: captioners and their descriptions, from builds and from tables."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emocap.captioning.registry import CAPTIONERS
from emocap.core.errors import UserError
from emocap.metrics.wheel.lists import string_to_list
from emocap.preference.pairs import Pair, every_pair
from emocap.preference.tables import (
    DESCRIPTIONS,
    PAIRS,
    LeftOut,
    Preference,
    Tally,
    columns_of,
    read_descriptions,
    read_preferences,
    read_truth,
)
from emocap.schema.captions import Caption, named_emotions
from emocap.schema.samples import Labels, Sample
from emocap.schema.shards import read_index, read_sample, read_shard


@dataclass(frozen=True)
class Description:
    """What a captioner says of an input."""

    text: str
    emotions: tuple[str, ...]
    """The emotion words in it: those that the captioner named as such, else the families that the text names and does
    not negate."""


@dataclass
class ComparisonData:
    """Everything that is compared. Filled by :func:`gather` and not changed afterwards."""

    descriptions: dict[str, dict[str, Description]] = field(default_factory=dict)
    """Captioner → input → what is said of it; inputs in the order in which they came."""
    given: list[Preference] | None = None
    """Where a table of pairs was named: these are the pairs, and no others."""
    true: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Input → the emotions that the source labelled."""
    faces: dict[str, tuple[Path, int]] = field(default_factory=dict)
    """Input → the tar and the offset of its picture, where a build has it."""
    sources: dict[str, str] = field(default_factory=dict)
    """Captioner → the folder or the file that it came from."""
    left_out: list[LeftOut] = field(default_factory=list)

    def names(self) -> list[str]:
        """The inputs, each once."""
        if self.given:
            return list(dict.fromkeys(one.pair.name for one in self.given))
        return list(dict.fromkeys(name for descriptions in self.descriptions.values() for name in descriptions))

    def picture(self, name: str) -> Sample | None:
        """The face of an input, where a build has it."""
        place = self.faces.get(name)
        return read_sample(*place) if place else None

    def shared(self, first: str, second: str) -> Iterator[str]:
        """The inputs that two captioners have both described."""
        other = self.descriptions[second]
        return (name for name in self.descriptions[first] if name in other)

    def pair(self, name: str, first: str, second: str) -> Pair:
        """What two captioners say of an input."""
        return Pair(name, self.descriptions[first][name].text, self.descriptions[second][name].text, first, second)


def description_in(text: str) -> Description:
    """A description with the emotion families that it names and does not negate."""
    return Description(text, tuple(sorted(named_emotions(text))))


def gather(inputs: Sequence[Path], truth: Path | None = None) -> ComparisonData:
    """Everything in build folders, tables of descriptions, and at most one table of pairs.

    truth: a table of true labels, which count beside those of builds and before them. Raises UserError where an input
    is none of these, where there are no two captioners, or where they have no input in common.
    """
    data, tally = ComparisonData(), Tally()
    folders = [path for path in inputs if path.is_dir()]
    tables = [path for path in inputs if not path.is_dir()]
    for folder, name in zip(folders, _names(folders), strict=True):
        _add_build(data, folder, name, tally)
    for table in tables:
        columns = set(columns_of(table))
        if set(PAIRS) <= columns:
            if data.given is not None:
                raise UserError(f"{table} is a second table of pairs; join them into one")
            data.given = list(read_preferences(table, tally))
        elif set(DESCRIPTIONS) <= columns:
            _add_table(data, table, tally)
        else:
            raise UserError(
                f"{table} has the columns {', '.join(columns)}; descriptions need {', '.join(DESCRIPTIONS)}, pairs "
                f"{', '.join(PAIRS)}"
            )
    if truth is not None:
        data.true |= {name: tuple(string_to_list(labels)) for name, labels in read_truth(truth)}
    data.left_out = tally.listed()
    if data.given is None:
        _check(data)
    return data


def _check(data: ComparisonData) -> None:
    if len(data.descriptions) < 2:
        found = f"there is only {next(iter(data.descriptions))}" if data.descriptions else "there is none"
        raise UserError(f"a ranking needs two captioners or more, {found}; name more builds or tables")
    if not any(True for pair in every_pair(data.descriptions) for _ in data.shared(*pair)):
        raise UserError(
            f"{', '.join(data.descriptions)} describe no input in common; builds of the same faces have the same keys"
        )


def _names(folders: Sequence[Path]) -> list[str]:
    """What each build's captioner is called: by backend and model, or where two are the same, by folder."""
    called = [_captioner(folder) for folder in folders]
    paths = [folder.resolve() for folder in folders]
    names = []
    for name, path in zip(called, paths, strict=True):
        alike = [other for other, same in zip(paths, called, strict=True) if same == name]
        short = sum(other.name == path.name for other in alike) == 1
        names.append(name if len(alike) == 1 else path.name if short else "/".join(path.parts[-2:]))
    if doubled := next((name for name, count in Counter(names).items() if count > 1), None):
        raise UserError(f"two builds are called {doubled}; name each build once")
    return names


def _captioner(folder: Path) -> str:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} is not a finished build") from None
    except ValueError as error:
        raise UserError(f"{folder} is damaged: manifest.json is not JSON: {error}") from None
    how = manifest["captioner"]
    if how["backend"] in CAPTIONERS and CAPTIONERS[how["backend"]].make is None:
        raise UserError(f"{folder} has faces and no captions; build it with a captioner")
    return ":".join(filter(None, (how["backend"], how.get("model"))))


def _add_build(data: ComparisonData, folder: Path, name: str, tally: Tally) -> None:
    index = read_index(folder / "index").select(["key", "shard", "offset"]).to_pylist()
    for row in index:
        data.faces.setdefault(row["key"], (folder / "shards" / f"{row['shard']}.tar", row["offset"]))
    descriptions = data.descriptions.setdefault(name, {})
    data.sources[name] = str(folder)
    for tar in sorted((folder / "shards").glob("*.tar")):
        try:
            for sample in read_shard(tar):
                record = sample.record
                if record.caption is None:
                    tally.add("empty description", f"{folder}: {record.key} has no caption")
                    continue
                descriptions.setdefault(record.key, _of_caption(record.caption))
                if labelled := _labelled(record.labels):
                    data.true.setdefault(record.key, labelled)
        except ValueError as error:
            raise UserError(f"{folder} is damaged: {error}") from None


def _of_caption(caption: Caption) -> Description:
    named = caption.emotions or sorted(named_emotions(f"{caption.global_} {caption.summary}"))
    return Description(" ".join(caption.texts()), tuple(named))


def _labelled(labels: Labels | None) -> tuple[str, ...]:
    """The emotions that a source labelled, the strongest first."""
    if labels is None:
        return ()
    blend = labels.emotions or {}
    return tuple(sorted(blend, key=lambda name: -blend[name])) or ((labels.emotion,) if labels.emotion else ())


def _add_table(data: ComparisonData, path: Path, tally: Tally) -> None:
    for row in read_descriptions(path, tally):
        if data.sources.setdefault(row.model, str(path)) != str(path):
            raise UserError(f"{path}: {row.model} also is in {data.sources[row.model]}; rename one of the two")
        descriptions = (
            Description(row.text, tuple(string_to_list(row.emotions))) if row.emotions else description_in(row.text)
        )
        data.descriptions.setdefault(row.model, {})[row.name] = descriptions
