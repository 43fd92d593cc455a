"""Which face detectors there are."""

from emocap.core.registries import Registry
from emocap.faces.detectors.base import Detector, DetectorType
from emocap.faces.recipe import FacesRecipe

DETECTORS = Registry[DetectorType]("detector", "emocap.faces.detectors", "DETECTOR")


def make_detector(recipe: FacesRecipe) -> Detector | None:
    """The detector of a recipe; None where boxes come with the source.

    Raises UserError for a name that does not exist, and where weights cannot be had.
    """
    make = DETECTORS[recipe.detector].make
    return make(recipe) if make else None
