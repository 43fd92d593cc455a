from collections.abc import Callable
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from emocap.faces.crop import crop_face, encode_jpeg
from emocap.faces.detectors.base import Detection
from emocap.faces.detectors.insightface import InsightFace
from emocap.faces.hashing import bits_apart, face_hash
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels, decode
from emocap.synthetic import sample

RECIPE = FacesRecipe(min_size=None)
assert RECIPE.duplicates is not None
LIMIT = RECIPE.duplicates


@pytest.fixture(scope="module")
def hash_of(shared: Callable[[str], Path]) -> Callable[[Pixels], str]:
    """The hash of the one face of a picture, found anew in it."""
    detector = InsightFace(str(shared("models/scrfd")))

    def find(image: Pixels) -> str:
        ((face,),) = detector.detect([image])
        phash = crop_face(image, face, "insightface", RECIPE)[0].phash
        assert phash is not None
        return phash

    return find


@pytest.fixture(scope="module")
def people(shared: Callable[[str], Path]) -> dict[str, tuple[Pixels, Pixels]]:
    """Of twenty people a neutral and a smiling picture."""
    folder = shared("data/london")
    return {
        path.name: (decode(path.read_bytes(), 10**8), decode((folder / "smiling" / path.name).read_bytes(), 10**8))
        for path in sorted((folder / "neutral").glob("*.jpg"))[:20]
    }


def test_without_landmarks_the_hash_is_that_of_imagehash_over_the_middle(
    people: dict[str, tuple[Pixels, Pixels]],
) -> None:
    for image, _ in people.values():
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[100:400, 100:400]
        middle = cv2.resize(grey[50:250, 50:250], (64, 64), interpolation=cv2.INTER_AREA)
        theirs = str(imagehash.phash(Image.fromarray(middle), hash_size=16))
        # Its transform is not orthonormal, so that a frequency on the median may fall on its other side.
        assert bits_apart(face_hash(grey, None, margin=0.5), theirs) <= 4


def test_copies_are_near(people: dict[str, tuple[Pixels, Pixels]], hash_of: Callable[[Pixels], str]) -> None:
    distances = []
    for pair in people.values():
        for image in pair:
            compressed = decode(encode_jpeg(image, 70), 10**8)
            smaller = np.asarray(cv2.resize(image, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA))
            larger = np.asarray(cv2.resize(image, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC))
            brighter = np.clip(image.astype(int) + 10, 0, 255).astype(np.uint8)
            original = hash_of(image)
            distances += [bits_apart(original, hash_of(copy)) for copy in (compressed, smaller, larger, brighter)]
    assert np.mean(np.array(distances) <= LIMIT) > 0.9


def test_a_smile_and_another_person_are_far(
    people: dict[str, tuple[Pixels, Pixels]], hash_of: Callable[[Pixels], str]
) -> None:
    hashes = [(hash_of(neutral), hash_of(smiling)) for neutral, smiling in people.values()]
    assert min(bits_apart(*pair) for pair in hashes) > LIMIT
    others = [bits_apart(one, two) for i, (one, _) in enumerate(hashes) for two, _ in hashes[:i]]
    assert min(others) > 2 * LIMIT


@pytest.mark.parametrize("align", [False, True])
def test_drawn_faces_are_far_from_each_other(align: bool) -> None:
    recipe = FacesRecipe(size=96, align=align)
    hashes = []
    for index in range(60):
        face = sample(0, index, people=6, size=128)
        record, _ = crop_face(face.image, Detection(face.bbox, 1.0, face.landmarks), "given", recipe)
        assert record.phash is not None
        assert len(record.phash) == 64
        hashes.append(record.phash)
    assert min(bits_apart(one, two) for i, one in enumerate(hashes) for two in hashes[:i]) > LIMIT


def test_neither_alignment_nor_the_size_of_the_crop_change_the_hash_by_much(
    people: dict[str, tuple[Pixels, Pixels]], shared: Callable[[str], Path]
) -> None:
    detector = InsightFace(str(shared("models/scrfd")))
    distances = []
    for image, _ in people.values():
        ((found,),) = detector.detect([image])
        kinds = (FacesRecipe(), FacesRecipe(align=True), FacesRecipe(size=160), FacesRecipe(margin=0.6))
        first, *rest = (crop_face(image, found, "insightface", kind)[0].phash for kind in kinds)
        distances += [bits_apart(first, other) for other in rest if first is not None and other is not None]
    assert len(distances) == 60
    assert np.median(distances) <= 8
    assert max(distances) <= 2 * LIMIT


def test_distance_counts_differing_bits() -> None:
    assert bits_apart("0" * 64, "f" * 64) == 256
    assert bits_apart("00ff" * 16, "00fe" * 16) == 16
    assert bits_apart("a0" * 32, "a0" * 32) == 0
