"""Linear probes on frozen features; see :mod:`emocap.evaluation.linear.probe`."""

# Tested in tests/evaluation/test_encoder_protocols.py.

from emocap.evaluation.protocols.base import Protocol

PROTOCOL = Protocol("probe", "linear probe", 30, trains=True)
