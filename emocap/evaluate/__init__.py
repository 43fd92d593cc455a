"""Measuring an encoder: ``cards`` say what, ``layouts`` read the data, ``encoders`` and ``features`` look at it,
``zeroshot``, ``probe`` and ``retrieval`` are the protocols, ``metrics`` the numbers, ``run`` strings them together.
"""
