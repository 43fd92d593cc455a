"""What a face shows: a blend of emotions, and the action units that it happened to produce."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from emocap.schema.facs import PROTOTYPES, ActionUnits, affect, draw_units, settle, split_code

EMOTIONS7 = ("neutral", "happiness", "sadness", "fear", "anger", "surprise", "disgust")
"""Neutral and the six basic emotions."""

_STRAY = {"1": 0.04, "2": 0.04, "4": 0.05, "5": 0.04, "6": 0.04, "7": 0.05, "9": 0.02, "10": 0.03, "11": 0.03,
          "12": 0.05, "14": 0.05, "15": 0.04, "16": 0.03, "17": 0.05, "18": 0.03, "20": 0.03, "22": 0.02, "23": 0.04,
          "24": 0.04, "25": 0.06, "26": 0.03, "28": 0.02}  # fmt: skip
"""Unit → chance to appear although no emotion asks for it."""
_GAZE = ("61", "62", "63", "64")
_ONE_SIDED = ("1", "2", "6", "7", "9", "10", "12", "14", "15", "20")
"""Units that people can show on one side: the FACS manual (2002) scores their sides; the choice of them is ours."""


@dataclass(frozen=True)
class Expression:
    """Ground truth of one face. Raises ValueError where weights do not sum to 1 or a code or intensity is wrong."""

    emotions: dict[str, float]
    """Name → weight; the weights sum to 1. The primary emotion has the largest."""
    action_units: ActionUnits
    intensity: float = 1.0
    """Overall strength, 0 to 1; 0 for neutral."""
    valence: float = 0.0
    arousal: float = 0.0

    def __post_init__(self) -> None:
        if abs(sum(self.emotions.values()) - 1) > 1e-6 or min(self.emotions.values()) < 0:
            raise ValueError(f"the weights of {self.emotions} do not sum to 1")
        for code, value in self.action_units.items():
            split_code(code)
            if not 0 <= value <= 5:
                raise ValueError(f"intensity {value} of unit {code}: FACS intensities lie in 0 to 5")

    @property
    def emotion(self) -> str:
        """The primary emotion."""
        return max(self.emotions, key=lambda name: self.emotions[name])


def sample_expression(random: Random, emotion: str, strength: tuple[float, float] = (0.35, 1.0)) -> Expression:
    """An expression whose primary emotion is given, weighing at least 0.65.

    strength: the range that the overall strength is drawn from. A third of the faces blend a second emotion in; units
    that no emotion asks for, averted gaze, blinks and differences between the sides are strewn over all of them.
    Raises ValueError for an emotion without a prototype.
    """
    if emotion not in PROTOTYPES:
        raise ValueError(f"no prototype for {emotion!r}: one of {', '.join(PROTOTYPES)}")
    weights = {emotion: 1.0}
    if random.random() < 0.33:
        second = random.choice([name for name in EMOTIONS7 if name != emotion])
        share = round(random.uniform(0.1, 0.35), 2)
        weights = {emotion: round(1 - share, 2), second: share}
    level = round(random.uniform(*strength), 3)
    moved = {name: weight for name, weight in weights.items() if name != "neutral"}
    units = draw_units(weights, level, random)
    units = settle(_one_sided(_with_strays(units, random, bold=emotion != "neutral"), random))
    valence, arousal = affect(weights, level)
    return Expression(weights, units, round(level * sum(moved.values()), 3), valence, arousal)


def _with_strays(units: Mapping[str, float], random: Random, bold: bool) -> ActionUnits:
    mixed = dict(units)
    for code, chance in _STRAY.items():
        value = round(random.uniform(1, 3 if bold else 2.4), 1)
        if random.random() < chance:
            mixed.setdefault(code, value)
    if "25" in mixed:
        mixed.pop("28", None)
    # Closed lids hide where the eyes turn.
    if random.random() < 0.03:
        mixed[random.choice(("43", "45"))] = round(random.uniform(3, 5), 1)
    elif random.random() < 0.14:
        mixed[random.choice(_GAZE)] = round(random.uniform(2, 4.5), 1)
    return mixed


def _one_sided(units: Mapping[str, float], random: Random) -> ActionUnits:
    # A few units on one side only, a few stronger on one side, most even: as faces are.
    sided: ActionUnits = {}
    for code, value in units.items():
        kind = random.random()
        side, other = random.sample(("L", "R"), 2)
        if code not in _ONE_SIDED or kind > 0.26:
            sided[code] = value
        elif kind < 0.05:
            sided[side + code] = value
        else:
            sided[side + code] = value
            sided[other + code] = round(max(1.0, value * random.uniform(0.55, 0.9)), 1)
    return sided


def weighted_choice(random: Random, weights: Mapping[str, float] | None) -> str:
    """One of EMOTIONS7, all equally likely without weights. Raises ValueError for names and weights that cannot be."""
    if weights is None:
        return random.choice(EMOTIONS7)
    unknown = [name for name in weights if name not in PROTOTYPES]
    if unknown:
        raise ValueError(f"no prototype for {unknown[0]!r}: one of {', '.join(PROTOTYPES)}")
    if min(weights.values(), default=0) < 0 or sum(weights.values()) <= 0:
        raise ValueError("class weights are at least 0, and one of them is larger")
    return random.choices(sorted(weights), [weights[name] for name in sorted(weights)])[0]
