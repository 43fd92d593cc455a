"""The whole picture as one face."""

from collections.abc import Sequence

from emocap.faces.detectors.base import Detection, DetectorType
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels


class Whole:
    name = "whole"
    licence = "none needed"

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        return [[Detection((0.0, 0.0, float(image.shape[1]), float(image.shape[0])), 1.0)] for image in images]


def _make(recipe: FacesRecipe) -> Whole:
    return Whole()


DETECTOR = DetectorType("whole", _make, Whole.licence)
