"""Ranking captioners by comparing what they say of the same input, two at a time.

DMER-Ranker, later EMER-Ranker and EmoPrefer (arXiv 2507.04278): in place of holding a free description against a
truth, a judge says which of two describes an input better, and Bradley-Terry makes a ranking of the answers. The
judge is people, the emotion wheel, or a model behind an endpoint; how far a judge can be believed is measured by its
agreement with people and by whether it says the same when the two change places.

A captioner is a model or person that describes; an input is what is described, such as a face or a clip.
Read run.py first.
"""
