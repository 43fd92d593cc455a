"""Captions of faces: templates from labels, and language models that are asked."""
