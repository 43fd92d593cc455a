"""Contrastive losses, mined positives and the local terms, one file each."""
