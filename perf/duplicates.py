"""What the perceptual hash takes for a copy, and what it does not; and how steady the measured pose is.

    python perf/duplicates.py --weights ../shared/models/scrfd --london ../shared/data/london >> perf/RESULTS.md

Copies are made of every photo of the Face Research Lab London Set and detected anew. Beside them: the same person
neutral and smiling, and the nearest other person.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from machine import describe
from PIL import Image

from emocap.faces.crop import crop_face, encode_jpeg
from emocap.faces.detection import make_detector
from emocap.faces.hashing import bits_apart
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels
from emocap.schema.samples import Face

BITS = (8, 12, 16, 20, 24, 28)


def jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    return lambda image: np.asarray(Image.open(io.BytesIO(encode_jpeg(image, quality))))


def scaled(by: float) -> Callable[[Pixels], Pixels]:
    return lambda image: np.asarray(cv2.resize(image, None, fx=by, fy=by, interpolation=cv2.INTER_AREA))


def brighter(by: int) -> Callable[[Pixels], Pixels]:
    return lambda image: cv2.add(image, np.full_like(image, by))


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "JPEG quality 90": jpeg(90),
    "JPEG quality 50": jpeg(50),
    "scaled by 0.5": scaled(0.5),
    "scaled by 0.75": scaled(0.75),
    "scaled by 1.5": scaled(1.5),
    "10 brighter": brighter(10),
    "scaled by 0.75, JPEG quality 70": lambda image: jpeg(70)(scaled(0.75)(image)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="../shared/models/scrfd")
    parser.add_argument("--london", type=Path, default=Path("../shared/data/london"))
    given = parser.parse_args()
    recipe = FacesRecipe(weights=given.weights)
    detector = make_detector(recipe)
    assert detector

    def face(image: Pixels) -> Face:
        found = max(detector.detect([image])[0], key=lambda one: one.area)
        return crop_face(image, found, detector.name, recipe)[0]

    def apart(one: Face, other: Face) -> int:
        assert one.phash
        assert other.phash
        return bits_apart(one.phash, other.phash)

    photos = {path: np.asarray(Image.open(path).convert("RGB")) for path in sorted(given.london.glob("*/*.jpg"))}
    faces = {path: face(image) for path, image in photos.items()}
    copies = {name: [apart(faces[p], face(make(photos[p]))) for p in photos] for name, make in COPIES.items()}
    neutral = {path.name: one for path, one in faces.items() if path.parent.name == "neutral"}
    smiling = {path.name: one for path, one in faces.items() if path.parent.name == "smiling"}
    smiles = [apart(neutral[name], smiling[name]) for name in neutral.keys() & smiling.keys()]
    others = [min(apart(one, two) for name2, two in neutral.items() if name2 != name) for name, one in neutral.items()]
    rows = {**copies, "all copies": [bits for some in copies.values() for bits in some]}
    rows |= {"**neutral and smiling, same person**": smiles, "**nearest other person, neutral**": others}

    print("## Near-duplicates\n")
    print(f"`python perf/duplicates.py`: {len(photos)} photos of London and copies of them; the share of pairs whose")
    print(f"hashes of 256 bits differ in at most so many; `faces.duplicates` is {recipe.duplicates} unless said.\n")
    print(f"| | {' | '.join(map(str, BITS))} | least | median |\n| --- |{' --- |' * (len(BITS) + 2)}")
    for name, bits in rows.items():
        shares = " | ".join(f"{np.mean(np.array(bits) <= most):.2f}" for most in BITS)
        print(f"| {name} | {shares} | {min(bits)} | {np.median(bits):.0f} |")

    def angles(some: list[Face], name: str) -> str:
        values = np.array([getattr(one, name) for one in some])
        return f"{values.mean():.1f} ± {values.std():.1f}"

    lower = [neutral[name].pitch - smiling[name].pitch for name in neutral.keys() & smiling.keys()]  # type: ignore[operator]
    print("\nThe pose of frontal portraits, degrees, mean ± sd:\n")
    print("| | yaw | pitch | roll |\n| --- | --- | --- | --- |")
    for name, some in (("neutral", list(neutral.values())), ("smiling", list(smiling.values()))):
        print(f"| {name} | {angles(some, 'yaw')} | {angles(some, 'pitch')} | {angles(some, 'roll')} |")
    print(f"\nA smile takes {np.mean(lower):.1f} ± {np.std(lower):.1f} degrees off the pitch.\n")
    print(f"{describe('insightface', 'onnxruntime', 'opencv-python', 'numpy')}\n")


if __name__ == "__main__":
    main()
