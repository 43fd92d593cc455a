"""Measuring an encoder: ``cards`` say what, ``layouts`` read the data, ``splits`` say who teaches and who is tested,
``encoders`` and ``features`` look at it. ``zeroshot``, ``probe``, ``fewshot``, ``rating`` and ``retrieval`` are what
can be done with features, ``protocols`` says for which task, ``metrics`` and ``intervals`` are the numbers,
``outcomes`` and ``results`` what is left of them, and ``run`` strings all together.
"""
