"""Readers of official layouts, one file each; :mod:`emocap.benchmarks.reading` finds them by name."""
