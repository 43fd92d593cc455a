"""Whether people label alike, and whether a model that imitates each of them differs from person to person as they do.

``tables`` and ``table_formats`` read labels, ``spelling`` says which are the same, ``missing`` what −1 is, and
``annotations`` makes a matrix of them and counts what is odd; ``scale`` says what a difference between two labels
costs. ``agreement`` is κ and α, ``structure`` DIC, ``mds`` BAE, and ``explanations`` the vectors that BAE needs;
``accuracy`` is how often a model is right. ``statistics`` is all of it in any resample of the items, and ``bootstrap``
what resamples tell. ``measures`` puts it into words, ``task`` brings it together, and ``run`` writes annotators.json.
``simulated`` makes tables to try it on.

Shapes: N items, A annotators, P = A(A − 1)/2 pairs in the order of ``numpy.triu_indices(A, 1)``, C labels.
"""
