"""From sources to shards, in three steps that each leave their result on disk.

1. ``find``: every input is read, its faces are found and cut out: ``faces/``.
2. ``select``: over the whole build, copies are dropped and the shards are laid out.
3. ``caption``: every shard's faces get their captions: ``shards/`` and ``index/``.

``run`` strings them together over Ray Data. What falls out on the way is a row in ``rejects/``.
"""
