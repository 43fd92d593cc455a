"""What a model is asked, word for word as EmoPrefer and MER2026's third track ask it (arXiv 2507.04278).

S1 shows the input with two descriptions. S2 has the same model describe the input first, and then shows it with its
own description as the truth. S3 gives that description to a language model that sees nothing. S4 has the language
model reason first, and then asks it what its own reasoning says.
"""

# Tested in tests/preference/test_model_judge.py.

DESCRIBE = "Please provide a detailed description to a given input, especially focusing on their emotions."
_PAIR = 'a1: "{a1}". a2: "{a2}". '
_SAME = "If both of them equally align with the input content, please output 'same'. "
_ANSWER = (
    "Therefore, the output should be a1, a2, or same. Please direct output the answer without additional reasoning "
    "process."
)
_DIRECT = (
    "We provide two descriptions for a given input: "
    + _PAIR
    + "Please determinate which one is better aligned with the input content. "
    + _SAME
    + _ANSWER
)
_TRUE = (
    "We provide a ground truth description: {description} We also provide two predicted descriptions: "
    + _PAIR
    + "Please determinate which one is better aligned with the ground truth description. "
    + _SAME
)
_REASON = "Please output the answer along with the reasoning process."
_CONCLUDE = (
    'Based on the provided decription:  "{reason}", please determinate which one is better aligned with the ground '
    "truth description. The output should be a1, a2, or same. Please direct output the answer without additional "
    "reasoning process."
)


def direct(a1: str, a2: str) -> str:
    """Of S1, beside the input."""
    return _filled(_DIRECT, a1=a1, a2=a2)


def against(description: str, a1: str, a2: str) -> str:
    """Of S2, beside the input, and of S3, alone."""
    return _filled(_TRUE + _ANSWER, description=description, a1=a1, a2=a2)


def reasoned(description: str, a1: str, a2: str) -> str:
    """Of S4: for a reply with reasons."""
    return _filled(_TRUE + _REASON, description=description, a1=a1, a2=a2)


def concluded(reason: str) -> str:
    """Of S4: what a reply with reasons comes down to. The official text breaks its line within the prompt, after the
    first sentence, and goes on after eight blanks; here it is one line.
    """
    return _filled(_CONCLUDE, reason=reason)


def _filled(template: str, **texts: str) -> str:
    """Texts on one line, as the official code puts them."""
    flat = {name: text.replace("\n", " ").replace("\t", " ").strip() for name, text in texts.items()}
    return template.format(**flat)
