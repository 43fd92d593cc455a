"""The frontal-face cascade that scikit-image carries: no weights to fetch."""

# Tested in tests/faces/test_detection.py.

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from emocap.faces.detectors.base import Detection, DetectorType, is_line, overlap
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels


class Cascade:
    """The frontal-face cascade of local binary patterns that scikit-image carries: no weights to fetch, no landmarks.

    The cascade slides over the picture and over its mirror image at many scales; windows that agree (overlap of at
    least one half) are one face. Its score is how many agree, from 5 (often mistaken) to about 80 (certain). Faces
    below a sixteenth of the picture, and faces turned or tilted by more than about 20 degrees, are beyond it.
    """

    name = "cascade"
    licence = "lbpcascade_frontalface of OpenCV, BSD-3-Clause, as distributed with scikit-image"

    def __init__(self, min_score: float | None = None, longest_side: int = 640) -> None:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade as Windows

        self._windows = Windows(lbp_frontal_face_cascade_filename())
        self._min_score = 5.0 if min_score is None else min_score
        self._longest_side = longest_side

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        """For each of several RGB pictures of any sizes its faces, from left to right."""
        return [[] if is_line(image) else self._find(image) for image in images]

    def _find(self, image: Pixels) -> list[Detection]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        scale = min(1.0, self._longest_side / max(grey.shape))
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.createCLAHE(2.0, (8, 8)).apply(grey)
        # A picture that is one tight face lacks the border that the cascade was trained with.
        border = min(grey.shape) // 4 if min(grey.shape) < 200 else 0
        grey = cv2.copyMakeBorder(grey, border, border, border, border, cv2.BORDER_REPLICATE)
        if min(grey.shape) < 24:
            return []
        mirrored = self._slide(np.ascontiguousarray(grey[:, ::-1]))
        mirrored[:, [0, 2]] = grey.shape[1] - mirrored[:, [2, 0]]
        windows = (np.concatenate([self._slide(grey), mirrored]) - border) / scale
        faces = [face for face in _join(windows) if face.score >= self._min_score]
        return sorted(faces, key=lambda face: face.bbox)

    def _slide(self, grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Every window in which the cascade sees a face: n×4, x0, y0, x1, y1."""
        smallest = max(24, int(0.06 * min(grey.shape)))
        found = self._windows.detect_multi_scale(
            grey,
            scale_factor=1.05,
            step_ratio=1.5,
            min_size=(smallest, smallest),
            max_size=(min(grey.shape), min(grey.shape)),
            min_neighbor_number=1,  # every window on its own: they are joined where they can be counted
            intersection_score_threshold=1.01,
        )
        corners = [(w["c"], w["r"], w["c"] + w["width"], w["r"] + w["height"]) for w in found]
        return np.array(corners, dtype=np.float64).reshape(-1, 4)


def _join(windows: npt.NDArray[np.float64]) -> list[Detection]:
    """Groups of windows around their densest members first; a group inside a stronger one is dropped."""
    agree = overlap(windows, windows)[0] >= 0.5
    left = np.ones(len(windows), dtype=bool)
    faces: list[Detection] = []
    while left.any():
        support = (agree & left).sum(1) * left
        group = agree[support.argmax()] & left
        left &= ~group
        box = windows[group].mean(0)
        kept = np.array([face.bbox for face in faces]).reshape(-1, 4)
        if not (overlap(box[None], kept)[1] >= 0.4).any():
            faces.append(Detection((box[0], box[1], box[2], box[3]), float(group.sum())))
    return faces


def _make(recipe: FacesRecipe) -> Cascade:
    return Cascade(recipe.min_score)


DETECTOR = DetectorType("cascade", _make, Cascade.licence)
