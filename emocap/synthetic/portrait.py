"""One picture: person, expression and scene in, pixels and exact ground truth out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from emocap.schema.facs import UNITS, split_code
from emocap.synthetic.backdrop import paint_backdrop
from emocap.synthetic.beard import paint_beard
from emocap.synthetic.canvas import Canvas, Image
from emocap.synthetic.expressions import Expression, sample_expression, weighted_choice
from emocap.synthetic.eyes import paint_brows, paint_eyes, paint_nose
from emocap.synthetic.features import Features, eye_centre, surface
from emocap.synthetic.folds import paint_folds
from emocap.synthetic.geometry import Points, View, curve, ellipse, rotation
from emocap.synthetic.hair import paint_back_hair, paint_front_hair
from emocap.synthetic.lips import paint_lips, paint_mouth
from emocap.synthetic.motion import LEFT, RIGHT, Motion
from emocap.synthetic.people import Identity
from emocap.synthetic.render_context import Sitting
from emocap.synthetic.scene import Scene, head_units, posed
from emocap.synthetic.skin import paint_head, paint_neck
from emocap.synthetic.wear import paint_clothes, paint_glasses, paint_headwear

_UNIT = 0.25
"""Of the picture's side: half the width of an average face at zoom 1."""
_EYE_LINE = 0.465
_FINER = 1.4
"""Pixels of the canvas per pixel of the picture."""
_SMALLEST = 224
"""Side of the smallest canvas: small pictures are large ones made small, and agree with them."""
_KNEE = np.float32(212)
"""Grey level from which bright light is compressed, as sensors do."""


@dataclass(frozen=True)
class DrawnFace:
    """A picture with everything that is known of it."""

    image: NDArray[np.uint8]
    """(size, size, 3), RGB."""
    bbox: tuple[float, float, float, float]
    """x0, y0, x1, y1 in pixels: forehead to chin, cheek to cheek, as face detectors frame it."""
    landmarks: tuple[tuple[float, float], ...]
    """Eye, eye, nose tip, mouth corner, mouth corner in pixels; the left of the picture first."""
    points: dict[str, Points]
    """Part → (N, 2) pixels. ``left_`` and ``right_`` are the subject's; lids and brows run from the nose outwards,
    lips from the left of the picture to its right."""
    identity: Identity
    expression: Expression
    """Its units 51 to 56 are those of the pose that was drawn."""
    scene: Scene
    subject: str


def draw(
    identity: Identity, expression: Expression, scene: Scene | None = None, size: int = 192, subject: str = "someone"
) -> DrawnFace:
    """Draw one face; the same arguments give the same bytes. size: side of the square picture in pixels, 32 to 1024.

    Head units (51 to 56) of the expression replace the scene's angles, so that what is recorded is what is seen; the
    face that is returned carries the scene and the head units that were drawn. Raises ValueError for a bad size.
    """
    if not 32 <= size <= 1024:
        raise ValueError(f"a size of {size} pixels: pictures are 32 to 1024 pixels wide")
    scene = posed(scene or Scene(), expression.action_units)
    still = {
        code: value for code, value in expression.action_units.items() if UNITS[split_code(code)[1]].region != "head"
    }
    expression = replace(expression, action_units=still | head_units(scene))
    side = max(_SMALLEST, round(_FINER * size))
    sitting = _sit(identity, Motion(still), scene, side)
    _paint(sitting)
    points = {name: part * (size / side) for name, part in _points(sitting).items()}
    return DrawnFace(
        image=_photograph(sitting.canvas.pixels, scene, size),
        bbox=_box(points),
        landmarks=_landmarks(points),
        points=points,
        identity=identity,
        expression=expression,
        scene=scene,
        subject=subject,
    )


def sample(
    seed: int, index: int, *, people: int, size: int = 192, weights: Mapping[str, float] | None = None
) -> DrawnFace:
    """Picture `index` of the endless collection `seed`; it depends on these arguments alone.

    people: how many different people the collection shows; each keeps their looks and their name (`subject`).
    weights: emotion → relative frequency; None: every one of EMOTIONS7 is equally likely. Raises ValueError.
    """
    if people < 1 or index < 0:
        raise ValueError(f"people is {people} and index {index}: at least 1 and 0")
    # The names of the seeds decide what is drawn: they stay as they are, so that old seeds give old pictures.
    random = Random(f"emocap.drawn {seed} picture {index}")
    person = random.randrange(people)
    identity = Identity.sample(Random(f"emocap.drawn {seed} person {person}"))
    expression = sample_expression(random, weighted_choice(random, weights))
    return draw(identity, expression, Scene.sample(random), size, f"drawn-{seed}-{person:04d}")


def _sit(identity: Identity, motion: Motion, scene: Scene, side: int) -> Sitting:
    canvas = Canvas(paint_backdrop(scene, side))
    origin = (side * (0.5 + scene.shift_x), side * (_EYE_LINE + scene.shift_y))
    pose = rotation(scene.yaw, scene.pitch, scene.roll)
    view = View(surface(identity, motion), pose, origin, side * _UNIT * scene.zoom)
    return Sitting(canvas, view, identity, motion, Features.of(identity, motion), scene)


def _paint(s: Sitting) -> None:
    # From back to front.
    paint_back_hair(s)
    paint_neck(s)
    paint_clothes(s)
    paint_head(s)
    paint_lips(s)
    paint_beard(s)
    s.light_on_skin()
    paint_folds(s)
    paint_nose(s)
    paint_mouth(s)
    paint_eyes(s)
    paint_brows(s)
    paint_front_hair(s)
    paint_headwear(s)
    paint_glasses(s)


def _photograph(pixels: Image, scene: Scene, size: int) -> NDArray[np.uint8]:
    image = cv2.merge([cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA) for plane in pixels])
    sigma = scene.blur / 1000 * size
    if sigma > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    if scene.exposure != 1:
        image = image * np.float32(scene.exposure)
    image = np.minimum(image, _KNEE + 0.55 * (image - _KNEE))
    if scene.noise:
        random = np.random.default_rng([scene.grain, 2])
        image = image + np.float32(scene.noise) * random.standard_normal(image.shape, np.float32)
    sensor: NDArray[np.uint8] = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    return sensor


def _points(s: Sitting) -> dict[str, Points]:
    features, mouth = s.features, s.features.mouth
    lips = np.concatenate([curve(mouth.upper), curve(mouth.lower)[-2:0:-1]])
    inner = np.concatenate([curve(mouth.upper_inner), curve(mouth.lower_inner)[-2:0:-1]])
    face = curve(features.outline, closed=True)
    forehead = -0.82 * s.who.forehead
    points = {
        "face": s.view(np.concatenate([face[face[:, 1] > forehead], [(0, forehead)]])),
        "outer_lips": s.view(lips),
        "inner_lips": s.view(inner),
        "nose_tip": s.view(np.array([features.nose.tip])),
        "chin": s.view(features.outline[10:11]),
    }
    for name, side in (("left", LEFT), ("right", RIGHT)):
        eye, corner = features.eyes[side], mouth.lower[-1 if side == LEFT else 0]
        points |= {
            f"{name}_brow": s.view(curve(features.brows[side].line)),
            f"{name}_upper_lid": s.view(curve(eye.upper)),
            f"{name}_lower_lid": s.view(curve(eye.lower)),
            f"{name}_eye": s.view(np.array([eye_centre(s.who, side)])),
            f"{name}_iris": s.view(ellipse(eye.iris, eye.iris_radius, eye.iris_radius, 16)),
            f"{name}_mouth_corner": s.view(corner[None]),
            f"{name}_nose_wing": s.view(curve(features.nose.wings[side])),
        }
    return points


def _box(points: Mapping[str, Points]) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = points["face"].min(0), points["face"].max(0)
    return float(x0), float(y0), float(x1), float(y1)


def _landmarks(points: Mapping[str, Points]) -> tuple[tuple[float, float], ...]:
    names = ("right_eye", "left_eye", "nose_tip", "right_mouth_corner", "left_mouth_corner")
    return tuple((float(points[name][0, 0]), float(points[name][0, 1])) for name in names)
