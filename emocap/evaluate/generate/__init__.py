"""The ``generate`` protocol: models that write are asked about the test examples, and what they write is measured.

From a card to a row of results: a task's ``questions`` word what an example is asked (``tasks``) → a model answers
them (``models``: endpoints, or a file of what was said before) → the task's ``read`` makes an
:class:`emocap.evaluate.outcomes.Outcome` of the replies, with other models as extractor and judge where it needs them
→ ``run`` writes the row. Whatever has no answer is counted under the reason why.

A new task is a file in ``tasks`` with a ``questions`` and a ``read``, and a line in ``tasks/__init__.py``. What its
numbers are over is for ``read`` to say: by default everything that was asked, so that silence is no advantage.
"""
