"""EmoCapCLIP (arXiv 2507.21015), in our reading: joint global-local contrastive learning with cross-modal guided
positive mining.

From a batch to a loss: ``loader`` → ``towers`` → ``objective``, which sums ``contrast`` (global and summary) under the
targets of ``mining``, and ``local``. ``train`` is the loop, ``checkpoints`` what it leaves behind.
"""
