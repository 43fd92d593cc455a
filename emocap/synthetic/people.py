"""Who is drawn: the lasting looks of one person, which stay the same over all of their pictures."""

# Tested in tests/synthetic/test_portrait.py.

from dataclasses import dataclass
from random import Random

import numpy as np

from emocap.synthetic.canvas import Colour, mix, rgb

HAIR = (
    "bald", "buzz", "receding", "short", "parted", "quiff", "afro", "curls", "bob", "bangs", "long", "wavy", "bun",
    "ponytail",
)  # fmt: skip
BEARDS = ("none", "stubble", "moustache", "goatee", "beard")
GLASSES = ("none", "round", "square", "oval", "browline")
EARRINGS = ("none", "studs", "hoops", "drops")
HEADWEAR = ("none", "beanie", "headscarf", "headband")
CLOTHES = ("crew", "v-neck", "collar", "turtleneck", "hoodie")

_SKIN = [
    rgb(text)
    for text in (
        "#edcbb9", "#e9c0a7", "#e2b292", "#d9a27e", "#c88e66", "#b07850", "#95603f", "#7a4c33", "#603a29", "#4a2d22",
    )
]  # fmt: skip
_HAIR_COLOURS = {
    "dark": ("#17120f", "#1e1714", "#2a1d17", "#35241b"),
    "medium": ("#3b2a20", "#4f3524", "#64432b", "#71452a"),
    "light": ("#8a6440", "#a57c4f", "#c39c66", "#d8bb87", "#9a4b26", "#b5602e"),
}
_GREYS = ("#8d8a88", "#b4b1ae", "#dcd9d4")
_IRIS = {
    "dark": ("#3a2417", "#4a2e1c", "#2e1c13"),
    "mixed": ("#5d3d22", "#6e5228", "#6b6a36", "#54733f"),
    "light": ("#4c7fa3", "#6b96ad", "#7d8f98", "#5b8a6a", "#7e9a52"),
}
_CLOTH = (
    "#2f3e55", "#7b3b3f", "#3f5f52", "#c9b79c", "#5b5368", "#d8d6d2", "#2b2b2f", "#a4603a", "#476f8f", "#8f8a4f",
    "#b7838a", "#6a7b86", "#e4d3a6",
)  # fmt: skip
_FRAMES = ("#1d1a1a", "#4a2f22", "#7a6a3a", "#5b5e66", "#7b2d33", "#27405a")


@dataclass(frozen=True)
class Identity:
    """The looks of one person. Sizes are relative to an average face (1.0); colours are ``#rrggbb``."""

    age: float = 0.3
    """0 (about 18 years) to 1 (about 80): wrinkles at rest, bags under the eyes."""
    tone: float = 0.3
    """0 (lightest skin) to 1 (darkest)."""
    undertone: float = 0.0
    """−1 (rosy) to 1 (golden)."""
    freckles: float = 0.0
    """0 to 1."""
    face_width: float = 1.0
    face_length: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    cheeks: float = 1.0
    forehead: float = 1.0
    """Height of the hairline above the eyes."""
    ears: float = 1.0
    eye_size: float = 1.0
    eye_opening: float = 1.0
    eye_spacing: float = 1.0
    eye_tilt: float = 0.0
    """Rise of the outer corner, face units."""
    eye_fold: float = 1.0
    """0 (no visible fold of the upper lid) to 1 (deep)."""
    iris: str = "#4a2e1c"
    lashes: float = 0.4
    brow_weight: float = 1.0
    brow_arch: float = 1.0
    brow_height: float = 0.0
    """Added to the distance from eye to brow, face units."""
    brow_colour: str = "#35241b"
    nose_width: float = 1.0
    nose_length: float = 1.0
    nose_bridge: float = 1.0
    mouth_width: float = 1.0
    upper_lip: float = 1.0
    lower_lip: float = 1.0
    lip_colour: str = "#b0625a"
    lip_strength: float = 0.6
    """How far the lips differ from the skin: 0 to 1."""
    hair: str = "short"
    hair_colour: str = "#35241b"
    hair_volume: float = 1.0
    part: float = 0.2
    """Where the hair parts, −1 (left of the picture) to 1."""
    texture: int = 0
    """Seed of strands, freckles and stubble."""
    beard: str = "none"
    beard_colour: str = "#35241b"
    glasses: str = "none"
    frame_colour: str = "#1d1a1a"
    earrings: str = "none"
    headwear: str = "none"
    headwear_colour: str = "#7b3b3f"
    clothes: str = "crew"
    cloth_colour: str = "#476f8f"
    shoulders: float = 1.0

    def __post_init__(self) -> None:
        for name, known in (
            ("hair", HAIR), ("beard", BEARDS), ("glasses", GLASSES), ("earrings", EARRINGS), ("headwear", HEADWEAR),
            ("clothes", CLOTHES),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise ValueError(f"no {name} {getattr(self, name)!r}: one of {', '.join(known)}")

    @staticmethod
    def sample(random: Random) -> "Identity":
        """A person drawn at random, over the range of human looks."""
        feminine = random.random() < 0.5
        age = random.random() ** 1.3
        tone = random.random() ** 1.2
        hair_colour, brow_colour = _sample_hair_colour(random, tone, age)
        hair = _sample_hair(random, feminine, age, tone)
        headwear = random.choices(HEADWEAR, (88, 5, 5 if feminine else 0, 3 if feminine else 1))[0]
        beard = "none" if feminine else random.choices(BEARDS, (42, 22, 10, 8, 18))[0]
        skin = skin_colour(tone, undertone := random.uniform(-1, 1))
        lip = mix(mix(skin, rgb("#b04a4e"), 0.45), rgb("#5a2a2c"), 0.25 * tone)
        if feminine and random.random() < 0.45:
            lip = mix(lip, rgb(random.choice(("#b8323f", "#a8505a", "#8e3a4a", "#c4605c", "#7b2f3a"))), 0.75)

        def around(spread: float, shift: float = 0.0) -> float:
            return round(1 + shift * (1 if feminine else -1) + max(-2.0, min(2.0, random.gauss(0, 1))) * spread, 3)

        return Identity(
            age=round(age, 3),
            tone=round(tone, 3),
            undertone=round(undertone, 3),
            freckles=round(random.uniform(0.3, 1), 2) if tone < 0.5 and random.random() < 0.14 else 0.0,
            face_width=around(0.04, -0.015),
            face_length=around(0.03, -0.015),
            jaw=around(0.06, -0.06),
            chin=around(0.14, -0.1),
            cheeks=around(0.04),
            forehead=around(0.05) + 0.08 * (hair == "receding"),
            ears=around(0.1),
            eye_size=around(0.05, 0.04),
            eye_opening=around(0.11, 0.05),
            eye_spacing=around(0.035),
            eye_tilt=round(random.gauss(0.012, 0.018), 3),
            eye_fold=round(random.choice((0.15, 0.5, 0.8, 1.0, 1.0)), 2),
            iris=_sample_iris(random, tone),
            lashes=round(random.uniform(0.55, 1) if feminine else random.uniform(0.1, 0.4), 2),
            brow_weight=around(0.15, -0.17),
            brow_arch=around(0.3, 0.2),
            brow_height=round(random.uniform(-0.02, 0.03) + (0.015 if feminine else -0.01), 3),
            brow_colour=brow_colour,
            nose_width=around(0.1, -0.05) + 0.12 * tone,
            nose_length=around(0.06, -0.02),
            nose_bridge=around(0.2, -0.08) - 0.2 * tone,
            mouth_width=around(0.06),
            upper_lip=around(0.18, 0.1) + 0.2 * tone,
            lower_lip=around(0.15, 0.08) + 0.15 * tone,
            lip_colour=_text(lip),
            lip_strength=round(random.uniform(0.75, 1) if feminine else random.uniform(0.45, 0.7), 2),
            hair=hair,
            hair_colour=hair_colour,
            hair_volume=around(0.2),
            part=round(random.choice((-1, 1)) * random.uniform(0.15, 1), 2),
            texture=random.randrange(2**31),
            beard=beard,
            beard_colour=_text(mix(rgb(brow_colour), rgb(hair_colour), 0.5)),
            glasses=random.choices(GLASSES, (75, 7, 8, 5, 5))[0],
            frame_colour=random.choice(_FRAMES),
            earrings=random.choices(EARRINGS, (50, 22, 16, 12) if feminine else (92, 6, 2, 0))[0],
            headwear=headwear,
            headwear_colour=random.choice(_CLOTH),
            clothes=random.choice(CLOTHES),
            cloth_colour=random.choice(_CLOTH),
            shoulders=around(0.06, -0.06),
        )


def skin_colour(tone: float, undertone: float) -> Colour:
    """The colour of evenly lit skin."""
    at = tone * (len(_SKIN) - 1)
    low = min(int(at), len(_SKIN) - 2)
    base = mix(_SKIN[low], _SKIN[low + 1], at - low)
    return base * (1 + undertone * np.array([-0.006, 0.012, -0.045], np.float32))


def _text(colour: Colour) -> str:
    return "#" + "".join(f"{round(float(np.clip(channel, 0, 255))):02x}" for channel in colour)


def _sample_hair_colour(random: Random, tone: float, age: float) -> tuple[str, str]:
    light = max(0.0, 0.55 - tone)
    kind = random.choices(("dark", "medium", "light"), (0.35 + 1.5 * tone, max(0.05, 0.6 - 0.6 * tone), light))[0]
    colour = rgb(random.choice(_HAIR_COLOURS[kind]))
    brows = mix(colour, rgb("#2a1d17"), 0.35)
    grey = max(0.0, min(1.0, (age - 0.45) / 0.4 + random.gauss(0, 0.25)))
    if age > 0.4 and random.random() < 0.75:
        colour = mix(colour, rgb(random.choice(_GREYS)), grey)
        brows = mix(brows, rgb("#77726e"), 0.6 * grey)
    elif random.random() < 0.05:
        colour = rgb(random.choice(("#7a2740", "#37506e", "#a8475f", "#4d6a4f")))
    return _text(colour), _text(brows)


def _sample_hair(random: Random, feminine: bool, age: float, tone: float) -> str:
    coiled, old = 0.3 + 2.2 * max(0.0, tone - 0.45), max(0.0, age - 0.3)
    if feminine:
        weights = {
            "bald": 0.15, "buzz": 0.4, "short": 0.7, "parted": 1.0, "quiff": 0.2, "afro": coiled, "curls": coiled,
            "bob": 1.5, "bangs": 1.6, "long": 1.8, "wavy": 1.8, "bun": 1.4, "ponytail": 1.4,
        }  # fmt: skip
    else:
        weights = {
            "bald": 0.5 + 1.8 * old, "buzz": 1.4, "receding": 3 * old, "short": 2.4, "parted": 1.8, "quiff": 1.4,
            "afro": 0.8 * coiled, "curls": 0.6 * coiled, "bob": 0.15, "long": 0.3, "wavy": 0.3, "bun": 0.25,
        }  # fmt: skip
    return random.choices(list(weights), list(weights.values()))[0]


def _sample_iris(random: Random, tone: float) -> str:
    kind = random.choices(
        ("dark", "mixed", "light"), (0.3 + 2 * tone, max(0.08, 0.5 - 0.5 * tone), max(0.0, 0.7 - 1.6 * tone))
    )[0]
    return random.choice(_IRIS[kind])
