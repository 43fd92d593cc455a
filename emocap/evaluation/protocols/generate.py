"""What a generative model writes; see :mod:`emocap.evaluation.generative`."""

from emocap.evaluation.protocols.base import Protocol

PROTOCOL = Protocol("generate", "generated text", 50, generates=True)
