"""Face detectors, one file each; :mod:`emocap.faces.detection` finds them by name."""
