"""What is asked of a model, and the verdict on what it says."""

import json

import pytest

from emocap.captioning.mock_server import caption
from emocap.captioning.prompt import load_prompt
from emocap.captioning.replies import Question, judge, read_caption
from emocap.llm.reply_log import ACCEPTED, Reply
from tests.support.mocking import faces, recipe

GOOD = caption("ab")


def but(**changes: object) -> str:
    return json.dumps(json.loads(GOOD) | changes)


@pytest.mark.parametrize(
    ("text", "finish_reason", "refusal", "verdict", "detail"),
    [
        (GOOD, "stop", None, ACCEPTED, ""),
        (GOOD, None, None, ACCEPTED, ""),
        (f"Here it is:\n```json\n{GOOD}\n```", "stop", None, ACCEPTED, ""),
        (f"{GOOD}\n\n", "stop", None, ACCEPTED, ""),
        (GOOD, "length", None, "cut", "it was not complete"),
        ('{"global": "A' + " \n" * 200, "length", None, "cut", "in endless whitespace"),
        ("", "stop", None, "empty", "it was empty"),
        (" \n", "stop", None, "empty", "it was empty"),
        ("", "content_filter", None, "refused", "content filter"),
        ("", "stop", "I will not.", "refused", "I will not."),
        ("I'm sorry, but I can't help with that.", "stop", None, "refused", "I'm sorry"),
        ("The face smiles.", "stop", None, "not_json", "not a JSON object"),
        (GOOD[:-30], "stop", None, "not_json", "not a JSON object"),
        ("[1, 2]", "stop", None, "not_json", "not a JSON object"),
        (but(mood="good"), "stop", None, "wrong_schema", "mood: Extra inputs"),
        (but(summary=None), "stop", None, "wrong_schema", "summary: Input should be a valid string"),
        (but(valence=3), "stop", None, "wrong_schema", "valence: Input should be less than or equal to 1"),
        (but(local=[]), "stop", None, "wrong_schema", "local: List should have at least 1 item"),
        (but(summary="This is a famous face."), "stop", None, "lint", "who the person is: 'famous'"),
        (but(local=json.loads(GOOD)["local"][:1]), "stop", None, "lint", "1 regions described"),
    ],
)
def test_verdicts(text: str, finish_reason: str | None, refusal: str | None, verdict: str, detail: str) -> None:
    found, told = judge(text, finish_reason, refusal)
    assert found == verdict
    assert detail in told


def test_action_units_may_be_written_as_models_like_to_write_them() -> None:
    parts = json.loads(GOOD)
    parts["local"][0]["action_units"] = ["AU4", "L12"]
    assert read_caption(json.dumps(parts)).local[0].action_units == ["4", "L12"]


def test_a_request_is_told_apart_by_all_that_decides_about_its_reply() -> None:
    prompt, one, two = load_prompt("emocap-1"), faces(2)[0].jpeg, faces(2)[1].jpeg
    base = recipe("http://a")
    variants = [
        Question(base, prompt).request(two),
        Question(base, type(prompt)(prompt.version, prompt.text + " Please.")).request(one),
        *(
            Question(recipe("http://a", **change), prompt).request(one)
            for change in ({"model": "b"}, {"temperature": 0.3}, {"max_tokens": 9}, {"structured": "none"})
        ),
    ]
    assert len({Question(base, prompt).request(one), *variants}) == 7
    assert Question(base, prompt).request(one) == Question(recipe("http://b", concurrency=2), prompt).request(one)


def test_a_reply_of_endless_whitespace_is_not_sent_back_whole() -> None:
    last = Reply(
        key="a", request="b", ask=1, verdict="cut", detail="too long", endpoint="e", model="m", text="{" + " " * 90_000
    )
    asked = Question(recipe("http://a"), load_prompt("emocap-1")).messages(b"", last)
    assert len(asked[1]["content"]) == 1
    assert "cut" in asked[2]["content"]
    empty = Question(recipe("http://a"), load_prompt("emocap-1")).messages(b"", last.model_copy(update={"text": " "}))
    assert empty[1]["content"] == "(nothing)"


def test_models_that_know_other_parameters_get_those() -> None:
    prompt = load_prompt("emocap-1")
    old = Question(recipe("http://a", max_tokens=9), prompt).parameters
    new = Question(
        recipe("http://a", max_tokens=9, limit="max_completion_tokens", temperature=None), prompt
    ).parameters
    assert (old["max_tokens"], old["temperature"]) == (9, 0.2)
    assert new == {"max_completion_tokens": 9, "response_format": old["response_format"]}
