"""What a generative model writes; see :mod:`emocap.evaluation.generative`."""

# Tested in tests/evaluation/test_generative.py.

from emocap.evaluation.protocols.base import Protocol

PROTOCOL = Protocol("generate", "generated text", 50, generates=True)
