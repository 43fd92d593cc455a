"""Whether people label alike, and whether a model that imitates each of them differs from person to person as they do.

``tables`` and ``forms`` read labels, ``spelling`` says which are the same, ``annotations`` makes a matrix of them and
counts what is odd, ``missing`` says what −1 is, ``scale`` what a difference between two labels costs. ``agreement`` is
κ and α, ``structure``
DIC, ``maps`` BAE, and ``explanations`` the vectors that BAE needs; ``accuracy`` is how often a model is right.
``panel`` is all of it in any resample of the items, and ``certainty`` what resamples tell. ``measures`` puts it into
words, ``task`` brings it together, and ``run`` writes annotators.json. ``simulated`` makes tables to try it on.

Shapes: N items, A annotators, P = A(A − 1)/2 pairs in the order of ``numpy.triu_indices(A, 1)``, C labels.
"""
