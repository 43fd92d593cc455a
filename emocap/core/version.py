"""The version of emocap, which is also that of the distribution."""

# Tested in tests/cli/test_main.py.

__version__ = "0.2.0"
