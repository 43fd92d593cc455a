"""Captioners, one file each; :mod:`emocap.captioning.registry` finds them by name."""
