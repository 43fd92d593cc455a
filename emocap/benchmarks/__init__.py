"""Benchmarks: their cards, the readers of their official layouts, fixtures, checks and splits."""
