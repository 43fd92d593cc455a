"""The caption schema, what lint finds, and mirroring."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from emocap.schema.captions import (
    Caption,
    LocalCaption,
    field_list,
    json_schema,
    lint,
    mirror,
    mirror_text,
    named_emotions,
)
from emocap.schema.facs import REGIONS, UNITS


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


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in (
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", ()),
        *filter(None, [schema.get("items")]),
    ):
        yield from nodes(inner)


def test_the_schema_for_servers_is_strict_and_plain() -> None:
    found = list(nodes(json_schema()))
    plain = {"type", "description", "enum", "items", "anyOf", "properties", "required", "additionalProperties"}
    assert set().union(*found) == plain
    objects = [node for node in found if node.get("type") == "object"]
    assert len(objects) == 2
    for node in objects:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    assert list(json_schema()["properties"]) == ["global", "local", "summary", "emotions", "valence", "arousal"]
    Draft202012Validator.check_schema(json_schema())


def captions() -> st.SearchStrategy[Caption]:
    texts = st.text(min_size=1).filter(str.strip)
    codes = st.sampled_from([f"{side}{number}" for number in UNITS for side in ("", "L", "R")])
    affect = st.none() | st.floats(-1, 1)
    entry = st.builds(
        LocalCaption,
        region=st.sampled_from(REGIONS),
        text=texts,
        action_units=st.lists(codes),
        intensity=st.none() | st.floats(0, 5),
    )
    return st.builds(
        Caption,
        global_=texts,
        local=st.lists(entry, min_size=1),
        summary=texts,
        emotions=st.none() | st.lists(texts),
        valence=affect,
        arousal=affect,
    )


@given(captions())
def test_a_caption_fits_the_schema_and_what_fits_it_comes_back(caption: Caption) -> None:
    dumped = caption.model_dump(mode="json", by_alias=True)
    Draft202012Validator(json_schema()).validate(dumped)
    assert Caption.model_validate_json(json.dumps(dumped)) == caption


@pytest.mark.parametrize("without", ["global", "emotions"])
def test_the_schema_misses_nothing_and_takes_nothing_more(without: str) -> None:
    dumped = made().model_dump(mode="json", by_alias=True)
    validator = Draft202012Validator(json_schema())
    assert not validator.is_valid({name: value for name, value in dumped.items() if name != without})
    assert not validator.is_valid({**dumped, "mood": "good"})
    assert not validator.is_valid({**dumped, "local": [{**dumped["local"][0], "action_units": ["3"]}]})


def test_every_field_of_the_list_has_its_meaning() -> None:
    lines = field_list().splitlines()
    assert [line.split(":")[0].strip(" -") for line in lines] == [
        *(
            "global",
            "local",
            "region",
            "text",
            "action_units",
            "intensity",
            "summary",
            "emotions",
            "valence",
            "arousal",
        )
    ]
    assert all(len(line.split(": ", 1)[1]) > 10 for line in lines)
    assert "one of forehead, eyebrows" in lines[2]
    assert lines[-1].endswith("or null")
