"""The emotion-wheel metric of open-vocabulary emotion recognition (OV-MERD, AffectGPT, MER-UniBench).

``lists`` takes labels out of a text, ``resources`` reads five wheels with their synonyms and inflections, and
``groups`` says where a word belongs on each of them. ``overlaps`` compares two sets of words, ``coverage`` tells which
words were dropped, ``sentiment`` is the F1 of signs, and ``rewards`` scores one reply at a time, many at once.
"""
