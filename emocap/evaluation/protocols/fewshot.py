"""Linear probes on a few examples of each class; see :mod:`emocap.evaluation.linear.fewshot`."""

# Tested in tests/evaluation/test_encoder_protocols.py.

from emocap.evaluation.protocols.base import Protocol

PROTOCOL = Protocol("fewshot", "few-shot", 40, trains=True)
