import pytest

from emocap.preference.replies import read_reply


@pytest.mark.parametrize(
    ("reply", "answer", "readable"),
    [
        ("a1", "a1", True),
        ("A2.", "a2", True),
        ("Same", "same", True),
        ("a1: it names the raised brows, which a2 does not", "a1", True),
        (" \n a2", "a2", True),
        ('"a2" is better aligned than a1', "a2", True),
        ("The answer is a2, because a1 is wrong.", "a2", True),
        ("I think that both are the same; a1 and a2 say one thing.", "same", True),
        ("**a1**", "a1", True),
        ("Both a1 and a2 fit, so: same", "a1", True),  # the earliest, as the official code has it
        ("", "same", False),
        ("I cannot tell.", "same", False),
        ("The first one.", "same", False),
        ("x" * 20_000 + " a2", "a2", True),
    ],
)
def test_replies_are_read_as_the_official_code_does(reply: str, answer: str, readable: bool) -> None:
    verdict = read_reply(reply)
    assert (verdict.answer, verdict.readable, verdict.detail) == (answer, readable, reply)
