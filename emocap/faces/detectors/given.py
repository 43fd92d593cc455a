"""Boxes that come with the source: nothing is detected."""

# Tested in tests/faces/test_detection.py.

from emocap.faces.detectors.base import DetectorType

DETECTOR = DetectorType("given", None, weights=lambda: "none")
