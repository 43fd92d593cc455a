"""What a mock model says: made-up words in the form that the question asks for.

Each form is a pattern of the question and what is said where it fits; the first that fits counts, and where none does
the model has nothing but captions to say.
"""

import random
import re
from collections.abc import Callable

from emocap.schema.facs import EMOTIONS

Words = Callable[[re.Match[str], random.Random], str]


def say(text: str, seed: str) -> str | None:
    """The reply to a question's text; the same for the same seed. None where it asks for no form that is known."""
    for pattern, words in _FORMS:
        if match := re.search(pattern, text, re.DOTALL | re.MULTILINE):
            return words(match, random.Random(seed + text))
    return None


def _option(match: re.Match[str], chance: random.Random) -> str:
    letter, option = chance.choice(re.findall(r"^\(?([A-Z])[.):] *(.+)$", match.string, re.MULTILINE))
    return f"{letter}. {option}"


def _scores(match: re.Match[str], chance: random.Random) -> str:
    steps = len(re.findall(r"Step \d+:", match.string.rpartition("Prediction: ")[2]))
    points = ", ".join(f"Step {number}: {chance.randrange(2)}/1" for number in range(1, steps + 1))
    return f"<score>{points or chance.randrange(2)}</score>"


def _points(match: re.Match[str], chance: random.Random) -> str:
    return "\n".join(f"{number}: {chance.randrange(2)}" for number in re.findall(r"^(\d+)\. ", match[1], re.MULTILINE))


def _listed(match: re.Match[str], chance: random.Random) -> str:
    one: str = chance.choice(match[1].split(", "))
    return f"{one.capitalize()}."


_FORMS: list[tuple[str, Words]] = [
    (r"a1, a2, or same", lambda _, chance: chance.choice(("a1", "a2", "same"))),
    (r"<score>", _scores),
    (r"<step>", lambda _, chance: f"<step>Step 1: The brows move. Step 2: It is {chance.choice(EMOTIONS)}.</step>"),
    (r"^Points:\n(.+)\n\nWrite a line for each point", _points),
    (
        r"Choose one of these:\n(.+)\n\nAnswer with the words",
        lambda match, chance: chance.choice(match[1].split("\n")),
    ),
    (r"^\(?[A-Z][.):] *.+$", _option),
    (r": ([^?:]+)\? Answer with one word", _listed),
    (r"out of: (.+)\.\Z", lambda match, chance: f"The brows move. It is {chance.choice(match[1].split(', '))}."),
    (r"\bpositive, negative or\sneutral\b", lambda _, chance: chance.choice(("positive", "negative", "neutral"))),
    (r"such as \[happy, relieved\]", lambda _, chance: f"[{', '.join(chance.sample(EMOTIONS, 2))}]"),
    (r"\AWhat AUs", lambda _, chance: ", ".join(f"AU{n}" for n in sorted(chance.sample((1, 2, 4, 6, 12, 17, 25), 3)))),
    (r"\AWhat emotions", lambda _, chance: f"The person shows {chance.choice(EMOTIONS)}, mostly around the mouth."),
    (r"audio (real or fake|fake or real)\?", lambda _, chance: chance.choice(("Real.", "Fake."))),
    (r"Answer with (yes or no|a word or a few)\.", lambda _, chance: chance.choice(("Yes.", "No."))),
]
