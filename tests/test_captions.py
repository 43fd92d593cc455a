"""The caption schema, what lint finds, and mirroring."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from emocap.captions import Caption, LocalCaption, lint, mirror, mirror_text, named_emotions


def made(**changes: Any) -> Caption:
    parts: dict[str, Any] = {
        "global": "The face expresses strong joy with a touch of surprise.",
        "local": [
            {
                "region": "eyebrows",
                "text": "The left eyebrow is raised.",
                "action_units": ["L1", "L2"],
                "intensity": 2,
            },
            {"region": "cheeks", "text": "The cheeks are lifted."},
            {"region": "mouth", "text": "The lips form a broad smile.", "action_units": ["12"], "intensity": 4},
        ],
        "summary": "A broad smile and lifted cheeks point to joy.",
    }
    return Caption.model_validate(parts | changes)


def test_json_calls_the_first_part_global_and_comes_back() -> None:
    stored = made(emotions=["joy"], valence=0.8).model_dump_json(by_alias=True)
    assert "global" in json.loads(stored)
    assert Caption.model_validate_json(stored) == made(emotions=["joy"], valence=0.8)


def test_texts_are_all_sentences_in_order() -> None:
    texts = made().texts()
    assert len(texts) == 5
    assert texts[0].startswith("The face")
    assert texts[-1].startswith("A broad")


@pytest.mark.parametrize(
    "changes",
    [
        {"global": "  "},
        {"local": []},
        {"local": [{"region": "beard", "text": "It is long."}]},
        {"local": [{"region": "mouth", "text": "It smiles.", "action_units": ["3"]}]},
        {"local": [{"region": "mouth", "text": "It smiles.", "intensity": 6}]},
        {"valence": 1.5},
        {"mood": "good"},
        {"summary": None},
    ],
)
def test_what_is_not_the_schema_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**changes)


def test_a_good_caption_has_no_problems() -> None:
    assert lint(made()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"local": [{"region": "mouth", "text": "It is wide open."}] * 3}, "1 regions described, at least 3 wanted"),
        ({"summary": "Joy."}, "a text of 1 words"),
        ({"summary": "joy and " * 60}, "a text of 120 words"),
        ({"summary": "I'm sorry, I cannot help with joy."}, "a refusal"),
        ({"summary": "As an AI I see joy here."}, "a refusal"),
        ({"global": "An elderly woman full of joy."}, "a claim about who the person is: 'elderly woman'"),
        ({"global": "An Asian face full of joy."}, "a claim about who the person is: 'Asian'"),
        ({"global": "Young man, full of joy."}, "a claim"),
        ({"global": "The joy of a 30-year-old is seen."}, "a claim"),
        ({"global": "This person, called Maria, feels joy."}, "a claim about who the person is: 'called Maria'"),
        ({"summary": "The pressed lips point to fury."}, "global says happiness, surprise, summary says anger"),
    ],
)
def test_lint_finds(changes: dict[str, Any], problem: str) -> None:
    found = lint(made(**changes))
    assert any(problem in one for one in found), found


def test_lint_lets_pass() -> None:
    assert lint(made(summary="A broad smile points to happiness rather than anger.")) == []
    assert lint(made(summary="A smile that may be called broad is seen.")) == []
    assert lint(made(local=made().local[:1]), min_regions=1) == []
    assert lint(made(), max_words=5) != []


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("a joyful, delighted face", {"happiness"}),
        ("gloomy and slightly annoyed", {"sadness", "anger"}),
        ("UTTER TERROR", {"fear"}),
        ("a fright", {"fear"}),
        ("distaste mixed with scorn", {"disgust", "contempt"}),
        ("startled but composed", {"surprise", "neutral"}),
        ("an unhappy look", {"sadness"}),
        ("no sign of fear", set()),
        ("not at all happy", set()),
        ("without a trace of joy", set()),
        ("no anger or fear, only sadness", {"sadness"}),
        ("neither happy nor sad", set()),
        ("not angry but afraid", {"fear"}),
        ("sadness rather than anger", {"sadness"}),
        ("a fearless, joyless stare", set()),
        ("as happens when something happened", set()),
        ("a look composed of small movements", set()),
        ("pensive", set()),
    ],
)
def test_emotions_that_a_text_names(text: str, families: set[str]) -> None:
    assert named_emotions(text) == families


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("The left brow is up.", "The right brow is up."),
        ("LEFT and Right", "RIGHT and Left"),
        ("a leftward, right-hand look, rightmost", "a rightward, left-hand look, leftmost"),
        ("bright, upright, cleft", "bright, upright, cleft"),
    ],
)
def test_mirrored_words(text: str, mirrored: str) -> None:
    assert mirror_text(text) == mirrored


@given(st.lists(st.sampled_from(["left", "Right", "LEFT", "the", "leftward", "upright", "left-hand", ",", "eye"])))
def test_mirroring_a_text_twice_changes_nothing(words: list[str]) -> None:
    text = " ".join(words)
    assert mirror_text(mirror_text(text)) == text


def test_mirroring_a_caption_swaps_words_and_units() -> None:
    flipped = mirror(made(summary="A smile that leans to the left points to joy."))
    assert flipped.local[0].text == "The right eyebrow is raised."
    assert flipped.local[0].action_units == ["R1", "R2"]
    assert flipped.local[0].intensity == 2
    assert flipped.summary == "A smile that leans to the right points to joy."
    assert mirror(mirror(made())) == made()


def test_entries_do_not_change_after_they_are_made() -> None:
    with pytest.raises(ValidationError):
        LocalCaption(region="mouth", text="It smiles.").__setattr__("text", "It frowns.")
