"""The vocabulary of facial behaviour: action units, regions, and what each emotion usually does to a face.

Action units follow the Facial Action Coding System (Ekman, Friesen & Hager, 2002). A code is a number with an optional
side, ``12`` or ``L12``; L and R are the *subject's* left and right, as in FACS. An intensity is a float on the FACS
scale, 0 (absent) to 5; in FACS notation its letters are A (trace, 1) to E (maximum, 5): ``1B+4C+L12D``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from emocap.core.errors import UserError

ActionUnits = dict[str, float]
"""Code → intensity, for example ``{"1": 2.0, "L12": 3.5}``. Empty: nothing moves. A unit that is not there is 0."""

REGIONS = ("forehead", "eyebrows", "eyes", "nose", "cheeks", "mouth", "chin", "head")


@dataclass(frozen=True)
class Unit:
    """One action unit: its FACS number, its FACS name, and the region of the face in which it is seen."""

    number: int
    name: str
    region: str


UNITS: dict[int, Unit] = {
    unit.number: unit
    for unit in (
        Unit(1, "inner brow raiser", "eyebrows"),
        Unit(2, "outer brow raiser", "eyebrows"),
        Unit(4, "brow lowerer", "eyebrows"),
        Unit(5, "upper lid raiser", "eyes"),
        Unit(6, "cheek raiser", "cheeks"),
        Unit(7, "lid tightener", "eyes"),
        Unit(9, "nose wrinkler", "nose"),
        Unit(10, "upper lip raiser", "mouth"),
        Unit(11, "nasolabial deepener", "cheeks"),
        Unit(12, "lip corner puller", "mouth"),
        Unit(13, "sharp lip puller", "mouth"),
        Unit(14, "dimpler", "mouth"),
        Unit(15, "lip corner depressor", "mouth"),
        Unit(16, "lower lip depressor", "mouth"),
        Unit(17, "chin raiser", "chin"),
        Unit(18, "lip pucker", "mouth"),
        Unit(20, "lip stretcher", "mouth"),
        Unit(22, "lip funneler", "mouth"),
        Unit(23, "lip tightener", "mouth"),
        Unit(24, "lip pressor", "mouth"),
        Unit(25, "lips part", "mouth"),
        Unit(26, "jaw drop", "mouth"),
        Unit(27, "mouth stretch", "mouth"),
        Unit(28, "lip suck", "mouth"),
        Unit(43, "eyes closed", "eyes"),
        Unit(45, "blink", "eyes"),
        Unit(46, "wink", "eyes"),
        Unit(51, "head turn left", "head"),
        Unit(52, "head turn right", "head"),
        Unit(53, "head up", "head"),
        Unit(54, "head down", "head"),
        Unit(55, "head tilt left", "head"),
        Unit(56, "head tilt right", "head"),
        Unit(61, "eyes turn left", "eyes"),
        Unit(62, "eyes turn right", "eyes"),
        Unit(63, "eyes up", "eyes"),
        Unit(64, "eyes down", "eyes"),
    )
}

_CODE = re.compile(r"([LR]?)([1-9][0-9]?)")
_TERM = re.compile(r"([LR]?\d{1,2})([A-E]?)")
_EXCLUSIVE = ((26, 27), (24, 25), (24, 26), (24, 27), (5, 43), (5, 45), (43, 45), (17, 27), (12, 15), (18, 20))
"""Pairs that one face does not show together; the stronger stays (FACS lists them as alternatives or as rivals)."""


def split_code(code: str) -> tuple[str, int]:
    """``"L12"`` → ``("L", 12)``. Raises ValueError for anything that is not a known unit with an optional side."""
    found = _CODE.fullmatch(code)
    if found is None or int(found[2]) not in UNITS:
        raise ValueError(f"{code!r} is not an action unit: write a FACS number, with L or R before it for one side")
    return found[1], int(found[2])


def parse_facs(text: str) -> ActionUnits:
    """FACS notation → intensities: ``"1B+L12D+25"`` → ``{"1": 2.0, "L12": 4.0, "25": 3.0}``.

    A unit without a letter was coded as present only; it counts as C, 3 (our reading). Raises UserError.
    """
    units: ActionUnits = {}
    for term in filter(None, re.split(r"[+,;\s]+", text.strip())):
        found = _TERM.fullmatch(term)
        if found is None:
            raise UserError(f"{term!r} in {text!r} is not FACS notation: write units as in 1B+4C+L12D")
        try:
            split_code(found[1])
        except ValueError as error:
            raise UserError(f"{text!r}: {error}") from None
        units[found[1]] = float(" ABCDE".index(found[2])) if found[2] else 3.0
    return units


def letter(intensity: float) -> str:
    """The FACS letter, A to E, that is nearest to an intensity in (0, 5]."""
    return " ABCDE"[min(5, max(1, round(intensity)))]


def to_facs(units: Mapping[str, float]) -> str:
    """Intensities → FACS notation, by number: ``{"L12": 3.6, "1": 2.0}`` → ``"1B+L12D"``. Zeros are left out."""
    codes = sorted((code for code, value in units.items() if value > 0), key=lambda code: split_code(code)[::-1])
    return "+".join(code + letter(units[code]) for code in codes)


def intensity(units: Mapping[str, float], number: int) -> float:
    """How strongly a unit is shown on either side, 0 to 5."""
    return max(units.get(str(number), 0.0), units.get(f"L{number}", 0.0), units.get(f"R{number}", 0.0))


def mirror(units: Mapping[str, float]) -> ActionUnits:
    """The units of the picture flipped left to right: sides swap, and so do turns and tilts of head and eyes."""
    swap = {51: 52, 52: 51, 55: 56, 56: 55, 61: 62, 62: 61}
    other = {"L": "R", "R": "L", "": ""}
    return {
        f"{other[side]}{swap.get(number, number)}": value
        for (side, number), value in ((split_code(code), value) for code, value in units.items())
    }


@dataclass(frozen=True)
class Prototype:
    """What an emotion usually does: ``(code, share of people who show it, lowest, highest intensity)``, and where it
    lies in valence and arousal at full strength, both −1..1.
    """

    units: tuple[tuple[str, float, float, float], ...]
    valence: float
    arousal: float


# Units and the shares below 0.7: Du, Tao & Martinez 2014, table 1 (units without a share were seen in more than 70% of
# people; they stand at 0.85 here). Contempt: EMFACS (one-sided 12 and 14). Intensities, and the places on Russell's
# circumplex (1980), are our reading.
PROTOTYPES: dict[str, Prototype] = {
    "neutral": Prototype((), 0.0, 0.0),
    "happiness": Prototype((("12", 0.95, 2, 5), ("25", 0.75, 2, 5), ("6", 0.51, 2, 5), ("26", 0.2, 2, 4)), 0.85, 0.45),
    "sadness": Prototype(
        (
            ("4", 0.85, 2, 4),
            ("15", 0.85, 2, 5),
            ("1", 0.6, 2, 5),
            ("17", 0.67, 2, 4),
            ("6", 0.3, 1, 3),
            ("7", 0.2, 1, 3),
        ),
        -0.7,
        -0.4,
    ),
    "fear": Prototype(
        (
            ("1", 0.85, 2, 5),
            ("4", 0.85, 2, 4),
            ("20", 0.85, 2, 5),
            ("25", 0.85, 2, 4),
            ("2", 0.57, 2, 4),
            ("5", 0.63, 2, 5),
            ("26", 0.33, 2, 4),
        ),
        -0.65,
        0.7,
    ),
    "anger": Prototype(
        (
            ("4", 0.95, 3, 5),
            ("7", 0.85, 2, 5),
            ("24", 0.75, 2, 5),
            ("17", 0.52, 2, 4),
            ("23", 0.29, 2, 5),
            ("10", 0.26, 2, 4),
            ("5", 0.2, 2, 3),
        ),
        -0.6,
        0.65,
    ),
    "surprise": Prototype(
        (
            ("1", 0.9, 3, 5),
            ("2", 0.9, 3, 5),
            ("25", 0.85, 2, 5),
            ("26", 0.7, 2, 5),
            ("5", 0.66, 2, 5),
            ("27", 0.2, 3, 5),
        ),
        0.15,
        0.8,
    ),
    "disgust": Prototype(
        (
            ("9", 0.85, 3, 5),
            ("10", 0.85, 2, 5),
            ("17", 0.75, 2, 4),
            ("4", 0.31, 2, 4),
            ("24", 0.2, 2, 4),
            ("7", 0.35, 2, 4),
            ("25", 0.25, 2, 3),
        ),
        -0.65,
        0.3,
    ),
    "contempt": Prototype((("L14", 0.5, 2, 5), ("R14", 0.4, 2, 5), ("R12", 0.3, 2, 3)), -0.5, 0.1),
}

EMOTIONS = tuple(PROTOTYPES)


def settle(units: Mapping[str, float]) -> ActionUnits:
    """Drop the weaker of every two units that one face does not show together, and add 25 where a jaw drops."""
    kept = {code: value for code, value in units.items() if value > 0}
    for first, second in _EXCLUSIVE:
        one, two = intensity(kept, first), intensity(kept, second)
        if one and two:
            loser = second if one >= two else first
            kept = {code: value for code, value in kept.items() if split_code(code)[1] != loser}
    jaw = max(intensity(kept, 26), intensity(kept, 27))
    if jaw > intensity(kept, 25):
        kept["25"] = jaw
    return kept


def draw_units(emotions: Mapping[str, float], strength: float, random: Random) -> ActionUnits:
    """Action units of one face that shows a blend of emotions, drawn from their prototypes.

    emotions: name → weight, summing to 1; strength: 0 (barely) to 1 (fully). The units differ from draw to draw as
    they differ from person to person. Raises ValueError for an emotion without a prototype.
    """
    units: ActionUnits = {}
    for emotion, weight in sorted(emotions.items(), key=lambda item: -item[1]):
        if emotion not in PROTOTYPES:
            raise ValueError(f"no prototype for {emotion!r}: one of {', '.join(EMOTIONS)}")
        for code, share, low, high in PROTOTYPES[emotion].units:
            shown = random.random() < share * min(1.0, 0.3 + weight)
            drawn = low + (high - low) * strength * random.uniform(0.5, 1.0)
            value = round(drawn * (0.6 + 0.4 * weight), 1)
            if shown and value >= 1:
                units[code] = max(units.get(code, 0.0), value)
    return settle(units)


def affect(emotions: Mapping[str, float], strength: float) -> tuple[float, float]:
    """Valence and arousal, −1..1, of a blend: the weighted mean of its prototypes, scaled by strength 0..1."""
    valence = sum(weight * PROTOTYPES[emotion].valence for emotion, weight in emotions.items())
    arousal = sum(weight * PROTOTYPES[emotion].arousal for emotion, weight in emotions.items())
    return round(valence * strength, 3), round(arousal * strength, 3)


def by_region(units: Mapping[str, float]) -> dict[str, ActionUnits]:
    """The units of each region that shows any, in the order of REGIONS."""
    grouped: dict[str, ActionUnits] = {region: {} for region in REGIONS}
    for code, value in units.items():
        if value > 0:
            grouped[UNITS[split_code(code)[1]].region][code] = value
    return {region: inside for region, inside in grouped.items() if inside}


def numbers(codes: Iterable[str]) -> list[int]:
    """The unit numbers of some codes, once each, ascending."""
    return sorted({split_code(code)[1] for code in codes})
