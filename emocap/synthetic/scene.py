"""How a face is seen: pose of the head, framing, light, background, and the camera's faults."""

# Tested in tests/synthetic/test_portrait.py.

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from emocap.schema.facs import ActionUnits, split_code

BACKGROUNDS = ("plain", "gradient", "bokeh", "room", "outdoors", "stripes")
MAX_ANGLE = 20.0
"""Degrees of yaw, pitch and roll, either way."""

_BACKDROPS = (
    "#c9d3d8", "#b9c4b1", "#d9cfc0", "#8fa3b0", "#a89f94", "#e3ddd3", "#6d7f8c", "#c2a48f", "#93a08a", "#5a6470",
    "#d8b9a6", "#b7aec4", "#7f8f7a", "#3f4a57", "#cdbf8f",
)  # fmt: skip
_TURNS = (("yaw", 51, 52), ("pitch", 53, 54), ("roll", 55, 56))


@dataclass(frozen=True)
class Scene:
    """Everything about a picture that is neither the person nor the expression."""

    yaw: float = 0.0
    """Degrees; positive: the nose turns to the right of the picture, the subject's left (unit 51)."""
    pitch: float = 0.0
    """Degrees; positive: the face lifts (unit 53)."""
    roll: float = 0.0
    """Degrees; positive: the crown tips to the right of the picture, the subject's left (unit 55)."""
    zoom: float = 1.0
    """Size of the head in the picture; 1: the head is about seven tenths of its height."""
    shift_x: float = 0.0
    shift_y: float = 0.0
    """Of the face, as shares of the picture's side."""
    light_azimuth: float = -35.0
    """Degrees; where the light comes from: −90 the left of the picture, 90 its right."""
    light_elevation: float = 35.0
    """Degrees above the face."""
    light_strength: float = 0.5
    """0 (soft, from everywhere) to 1 (hard, from one side)."""
    warmth: float = 0.0
    """−1 (cool light) to 1 (warm)."""
    exposure: float = 1.0
    """Factor on the whole picture."""
    blur: float = 0.0
    """Sigma, in thousandths of the picture's side."""
    noise: float = 0.0
    """Standard deviation in grey levels."""
    background: str = "gradient"
    background_colour: str = "#8fa3b0"
    second_colour: str = "#c9d3d8"
    grain: int = 0
    """Seed of the noise and of the background's pattern."""

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise ValueError(f"no background {self.background!r}: one of {', '.join(BACKGROUNDS)}")
        for name in ("yaw", "pitch", "roll"):
            if not abs(getattr(self, name)) <= MAX_ANGLE:
                raise ValueError(f"{name} of {getattr(self, name)} degrees: heads turn by up to {MAX_ANGLE:g} here")
        for name, low, high in (
            ("zoom", 0.5, 1.1), ("shift_x", -0.06, 0.06), ("shift_y", -0.04, 0.04), ("light_azimuth", -90, 90),
            ("light_elevation", -30, 90), ("light_strength", 0, 1), ("warmth", -1, 1), ("exposure", 0.3, 2),
            ("blur", 0, 30), ("noise", 0, 60),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}: it lies in {low} to {high}")

    @staticmethod
    def sample(random: Random) -> "Scene":
        """A scene drawn at random: mostly frontal, sometimes turned, in light that varies as it does in snapshots."""

        def angle(usual: float, share: float) -> float:
            wide = random.random() < share
            return round(random.choice((-1, 1)) * random.uniform(8, 19.9) if wide else random.gauss(0, usual), 2)

        return Scene(
            yaw=max(-19.9, min(19.9, angle(3.2, 0.14))),
            pitch=max(-19.9, min(19.9, angle(2.4, 0.09))),
            roll=max(-19.9, min(19.9, angle(2.4, 0.1))),
            zoom=round(random.uniform(0.88, 1.06), 3),
            shift_x=round(random.uniform(-0.04, 0.04), 4),
            shift_y=round(random.uniform(-0.025, 0.025), 4),
            light_azimuth=round(random.uniform(-70, 70), 1),
            light_elevation=round(random.uniform(10, 60), 1),
            light_strength=round(random.uniform(0.15, 0.9), 2),
            warmth=round(max(-1.0, min(1.0, random.gauss(0.1, 0.45))), 2),
            exposure=round(random.uniform(0.86, 1.12), 3),
            blur=round(max(0.0, random.gauss(0.8, 1.6)), 2),
            noise=round(max(0.0, random.gauss(1.5, 2)), 2),
            background=random.choice(BACKGROUNDS),
            background_colour=random.choice(_BACKDROPS),
            second_colour=random.choice(_BACKDROPS),
            grain=random.randrange(2**31),
        )


def head_units(scene: Scene) -> ActionUnits:
    """The units 51 to 56 of a pose: from 8 degrees on, one step of intensity per 4 degrees (8–12 is 2, 16–20 is 4)."""
    units: ActionUnits = {}
    for name, positive, negative in _TURNS:
        angle = getattr(scene, name)
        if abs(angle) >= 8:
            units[str(positive if angle > 0 else negative)] = float(int(abs(angle) / 4))
    return units


def posed(scene: Scene, units: Mapping[str, float]) -> Scene:
    """The scene at the angles that the units 51 to 56 ask for: the inverse of head_units, at mid-step.

    Angles of which no unit speaks stay as they are.
    """
    angles = {name: getattr(scene, name) for name, _, _ in _TURNS}
    level: dict[int, float] = {}
    for code, value in units.items():
        number = split_code(code)[1]
        level[number] = max(value, level.get(number, 0.0))
    for name, positive, negative in _TURNS:
        up, down = level.get(positive, 0.0), level.get(negative, 0.0)
        if up or down:
            angles[name] = min(MAX_ANGLE, 4 * max(up, down) + 2) * (1 if up >= down else -1)
    return replace(scene, yaw=angles["yaw"], pitch=angles["pitch"], roll=angles["roll"])
