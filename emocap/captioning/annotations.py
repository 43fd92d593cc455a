"""Captions from labels: emotion words and action units, worded after the phrase book."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import get_args

from emocap.captioning.au_phrases import CLEAR, SHORTEST, VISIBLE, Piece, VisibleUnit, Wording, split, visible_units
from emocap.captioning.base import CaptionError
from emocap.captioning.emotion_phrases import ExpressedEmotion, emotions_of
from emocap.captioning.phrases import load, units_of
from emocap.captioning.sentences import Whole, finished, overall, summary
from emocap.schema.captions import Caption, LocalCaption, Region
from emocap.schema.facs import UNITS, ActionUnits, by_region, draw_units, letter, split_code
from emocap.schema.samples import Captioned, Labels

_REGIONS: tuple[Region, ...] = get_args(Region)
_LEAST_REGIONS = 3


def caption(labels: Labels, key: str) -> tuple[Caption, Captioned]:
    """The caption of a face of which the labels are known, and the record of how it was made.

    The same labels and key give the same caption; keys vary the phrasing. Local sentences tell every action unit of
    intensity 0.5 and more, and say of one to three further regions that they are at rest. Where action units are not
    known (None), they are drawn from the emotion's prototype, and ``Captioned.local_from`` says so. Parts and
    lengths follow the sample of EmoCap100K Fig. 1d.

    Raises CaptionError for labels without emotion and action units, an emotion that has neither action units nor a
    prototype, and numbers outside their scales.
    """
    random = Random(f"annotations {key}")
    named = emotions_of(labels)
    units = _action_units(labels, named, random)
    visible = visible_units(units)
    strength = labels.intensity
    if strength is None and visible:
        strength = sum(one.strength for one in visible.values()) / len(visible) / 5
    degree = None if strength is None else letter(strength * 5)

    wording = Wording(random, [one.family for one in named if one.family])
    local, pieces = _local(units, visible, wording, random)
    whole = Whole(named, degree, labels.valence, labels.arousal, pieces, _resting(visible))
    made = Caption(
        global_=overall(whole, random),
        local=local,
        summary=summary(whole, wording, random),
        emotions=[one.name for one in named] or None,
        valence=labels.valence,
        arousal=labels.arousal,
    )
    source = "prototype" if labels.action_units is None else "annotation"
    return made, Captioned(backend="annotations", prompt=load().version, local_from=source)


def _action_units(labels: Labels, named: Sequence[ExpressedEmotion], random: Random) -> ActionUnits:
    if labels.intensity is not None and not 0 <= labels.intensity <= 1:
        raise CaptionError(f"intensity {labels.intensity} is outside 0 to 1")
    if labels.action_units is not None:
        for code, value in labels.action_units.items():
            if not 0 <= value <= 5:
                raise CaptionError(f"intensity {value} of action unit {code} is outside 0 to 5")
        return dict(labels.action_units)
    if not named:
        raise CaptionError("neither an emotion nor action units are labelled")
    weights: dict[str, float] = {}
    for one in named:
        if one.family is None:
            raise CaptionError(f"{one.name!r} has no prototype to draw action units from, and none are labelled")
        weights[one.family] = weights.get(one.family, 0.0) + one.weight
    total = sum(weights.values())
    strength = random.uniform(0.3, 1.0) if labels.intensity is None else labels.intensity
    return draw_units({name: weight / total for name, weight in weights.items()}, strength, random)


def _local(
    units: Mapping[str, float], visible: Mapping[int, VisibleUnit], wording: Wording, random: Random
) -> tuple[list[LocalCaption], list[Piece]]:
    """The local part in the order of the regions, and the pieces that its sentences are made of."""
    entries: dict[Region, LocalCaption] = {}
    everything = []
    grouped = by_region({code: value for code, value in units.items() if value >= VISIBLE})
    for region in _REGIONS:
        if inside := grouped.get(region):
            pieces = split(visible[number] for number in dict.fromkeys(split_code(code)[1] for code in inside))
            everything += pieces
            text = finished(wording.local(region, pieces))
            entries[region] = LocalCaption(
                region=region, text=text, action_units=list(inside), intensity=max(inside.values())
            )
    if (forehead := _forehead(visible)) and random.random() < 0.6:
        text = finished(wording.local("forehead", [forehead]))
        codes = [str(one.number) for one in forehead.units]
        entries["forehead"] = LocalCaption(
            region="forehead", text=text, action_units=codes, intensity=forehead.strength
        )
    resting = [region for region in _resting(visible) if region not in entries]
    number = max(random.randint(1, 3), _LEAST_REGIONS - len(entries))
    for region in random.sample(resting, min(number, len(resting))):
        entries[region] = LocalCaption(region=region, text=_at_rest(region, random), intensity=0.0)
    return [entries[region] for region in _REGIONS if region in entries], everything


def _forehead(visible: Mapping[int, VisibleUnit]) -> Piece | None:
    """What brows that are moved clearly, and on both sides alike, do to the forehead."""
    brows = [visible[number] for number in (1, 2, 4) if number in visible]
    if any(one.side or one.leads for one in brows):
        return None
    clear = tuple(one for one in brows if one.strength > CLEAR)
    numbers = frozenset(one.number for one in clear)
    for key, movement in load().forehead.items():
        spread = max((one.strength for one in clear), default=0) - min((one.strength for one in clear), default=0)
        if units_of(key) == numbers and spread <= 1:
            return Piece(movement, clear)
    return None


def _resting(visible: Mapping[int, VisibleUnit]) -> list[Region]:
    """The regions that show no unit, and that no unit of another region moves along."""
    moving = {UNITS[number].region for number in visible}
    return [
        region for region, rest in load().rest.items() if region not in moving and not rest.unless & visible.keys()
    ]


def _at_rest(region: Region, random: Random) -> str:
    book = load()
    text = random.choice(book.rest[region].says)
    words = len(text.split())
    if words < SHORTEST or random.random() < 0.5:
        text += ", " + random.choice([end for end in book.rest_means if words + len(end.split()) >= SHORTEST])
    return finished(text)
