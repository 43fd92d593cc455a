import pytest

from emocap.metrics.wheel.lists import string_to_list


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("[happy, relieved]", ["happy", "relieved"]),
        ("['happy', \"at ease\"]", ["happy", "at ease"]),
        ("happy,relieved", ["happy", "relieved"]),
        ("[happy, happy,, ,]", ["happy", "happy"]),
        ("  [ Happy ]\n", ["Happy"]),
        ("[悲伤, colère]", ["悲伤", "colère"]),
        ("don't", ["don", "t"]),
        ("[[sad]]", ["[sad]"]),
        ("", []),
        ("[", []),
        ("]", []),
        ("[]", []),
        ("['', \"\"]", []),
        (None, []),
        (float("nan"), []),
    ],
)
def test_labels_stand_between_quotes_and_commas(text: str | float | None, labels: list[str]) -> None:
    assert string_to_list(text) == labels
