"""From a face and what is known of it to a caption.

A captioner turns a sample's picture, its labels, or both into a :class:`emocap.captions.Caption` and the record of how
it was made. ``annotations`` needs labels only: it words emotions and action units after a phrase book, so that
labelled collections become caption data for contrastive pretraining.
"""


class CaptionError(ValueError):
    """No caption can be made of a sample. The message is one clause that gives the reason, for a row of rejects."""
