"""Boxes that come with the source: nothing is detected."""

from emocap.faces.detectors.base import DetectorType

DETECTOR = DetectorType("given", None, weights=lambda: "none")
