"""Suites of benchmarks, one file each, registered by name."""
