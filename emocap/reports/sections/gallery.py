"""Faces with their captions: some of every build, and the faces that several builds share, once with all captions."""

# Tested in tests/reports/sections/test_builds.py.

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emocap.captioning.registry import CAPTIONERS
from emocap.reports.build_index import evenly, shared_keys
from emocap.reports.pictures import thumbnail
from emocap.reports.section import Page, Part, Section, asset, template
from emocap.reports.sections.builds import BuildSummary
from emocap.schema.captions import Caption
from emocap.schema.facs import UNITS, letter, split_code
from emocap.schema.samples import Record, Sample

_CARDS = 240
_SIDE = 192


@dataclass(frozen=True)
class FaceCaption:
    """The caption that one build has of a face."""

    build: str
    by: str
    """Model and prompt, or the backend."""
    caption: Caption | None
    units: list[tuple[str, str]]
    """Such as AU12, and "C: lip corner puller"."""
    prototype: bool
    """Whether the local part was drawn from the emotion's prototype."""


@dataclass(frozen=True)
class FaceCard:
    """A face."""

    key: str
    picture: str
    """data: URL."""
    record: Record
    where: str
    """File name, and the time in a video."""
    emotion: str
    regions: str
    """Described by any of the captions; separated by spaces."""
    versions: list[FaceCaption]


@dataclass(frozen=True)
class Gallery:
    """All cards of a page, and what can be chosen among them."""

    shared: int
    """How many faces are in two builds or more."""
    compared: list[FaceCard]
    cards: list[FaceCard]
    emotions: list[str]
    regions: list[str]
    builds: list[str]


def read_gallery(builds: Sequence[BuildSummary]) -> Gallery:
    """Up to 240 faces, spread evenly over builds and shards, the same ones every time; half of them are faces that
    several builds share, where there are any.
    """
    tables = [build.rows for build in builds]
    shared = shared_keys(tables)
    chosen = [shared[place] for place in evenly(len(shared), _CARDS // 2)]
    found = [rows.find(chosen) for rows in tables]
    compared = [
        _card([(b, b.rows.sample(places[key])) for b, places in zip(builds, found, strict=True) if key in places])
        for key in chosen
    ]
    seen = set(shared)
    cards = []
    for build in builds:
        for row in build.rows.spread((_CARDS // 2 if shared else _CARDS) // len(builds)):
            if row["key"] not in seen:
                seen.add(row["key"])
                cards.append(_card([(build, build.rows.sample(row))]))
    every = [*compared, *cards]
    regions = {region for card in every for region in card.regions.split()}
    return Gallery(
        shared=len(shared),
        compared=compared,
        cards=cards,
        emotions=sorted({card.emotion for card in every}),
        regions=sorted(regions),
        builds=list(dict.fromkeys(version.build for card in every for version in card.versions)),
    )


def _card(alike: Sequence[tuple[BuildSummary, Sample]]) -> FaceCard:
    sample = alike[0][1]
    record = sample.record
    versions = [_version(build, some.record) for build, some in alike]
    described = [v.caption for v in versions if v.caption]
    seconds = record.source.time_ms / 1000
    return FaceCard(
        key=record.key,
        picture=thumbnail(sample.jpeg, _SIDE),
        record=record,
        where=Path(record.source.path).name + (f" at {seconds:.1f} s" if seconds else ""),
        emotion=(record.labels.emotion if record.labels else None) or "unlabelled",
        regions=" ".join(sorted({entry.region for caption in described for entry in caption.local})),
        versions=versions,
    )


def _version(summary: BuildSummary, record: Record) -> FaceCaption:
    how = record.captioner
    return FaceCaption(
        build=summary.name,
        by=", ".join(filter(None, (how.model or how.backend, how.prompt))) if how else "no captioner",
        caption=record.caption,
        units=[_unit(code, value) for code, value in _units(record).items()],
        prototype=bool(how and how.local_from == "prototype"),
    )


def _from_labels(captioner: str) -> bool:
    return captioner in CAPTIONERS and CAPTIONERS[captioner].from_labels


def _units(record: Record) -> dict[str, float]:
    """Code → intensity, 0 where it is not known: what was annotated, where the caption was written from that or there
    is none, else what the caption says.
    """
    known = record.labels.action_units if record.labels else None
    if known is not None and (not record.captioner or _from_labels(record.captioner.backend)):
        return {code: value for code, value in known.items() if value > 0}
    # The intensity of a sentence is that of its strongest unit; it says nothing of the others.
    local = record.caption.local if record.caption else []
    return {
        code: (entry.intensity or 0.0) if len(entry.action_units) == 1 else 0.0
        for entry in local
        for code in entry.action_units
    }


def _unit(code: str, value: float) -> tuple[str, str]:
    side, number = split_code(code)
    where = {"L": " (left)", "R": " (right)", "": ""}[side]
    return f"AU{number}", f"{letter(value) if value else ''}: {UNITS[number].name}{where}".removeprefix(": ")


def _show(page: Page, subject: object) -> Part | None:
    gallery = read_gallery(page.content["builds"])
    if not gallery.emotions:
        return None
    return Part(template("gallery.html", gallery=gallery), script=asset("gallery.js"))


SECTION = Section("gallery", 20, _show)
