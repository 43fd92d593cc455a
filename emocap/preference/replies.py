"""What a model means by its reply to a pair."""

from emocap.preference.pairs import ANSWERS, Verdict


def read_reply(text: str) -> Verdict:
    """The verdict of a reply, as MER2026's code reads it: in lower case, the answer that it begins with, else the one
    that it names first, else ``same``; the last is marked as not readable, so that it can be counted.

    What a reply begins with is also what it names first, so that one rule does for both. A model that writes ``neither
    a1 nor a2`` has said a1, here as there. An answer that is named only after 10,000 characters is read here; the
    official code takes it for a1, or for what else it has not found.
    """
    said = text.strip().lower()
    places = [(place, answer) for answer in ANSWERS if (place := said.find(answer)) >= 0]
    return Verdict(min(places)[1], text) if places else Verdict("same", text, readable=False)
