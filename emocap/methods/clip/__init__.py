"""EmoCapCLIP (arXiv 2507.21015), in our reading: joint global-local contrastive learning with cross-modal guided
positive mining.

From a batch to a loss: ``loader`` → ``towers`` → ``objective``, which sums ``contrast`` (global and summary) under the
targets of ``mining``, and ``local``. ``train`` is the loop; what it is made of has files of its own, such as
``optimizer``, ``cached`` (a batch in pieces), ``ranks`` and ``cluster`` (many processes), ``checkpoints``, ``logs``.
"""
