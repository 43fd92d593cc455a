"""What a recipe may say about captions, and the keys that it names."""

from typing import Any

import pytest

from emocap.captioning.recipe import CaptionerRecipe
from emocap.core.errors import UserError
from emocap.core.recipes import check
from emocap.dataset.recipe import BuildRecipe
from emocap.llm.recipe import PriceRecipe, read_keys
from tests.support.mocking import recipe

HERE = [{"base_url": "http://localhost:8000/v1"}]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"endpoints": HERE}, "needs captioner.model"),
        ({"model": "m"}, "needs captioner.endpoints"),
        ({"model": "m", "endpoints": HERE, "budget": 5}, "a budget needs a price"),
        ({"model": "m", "endpoints": HERE, "patience": 60}, "patience must not be shorter than deadline"),
        (
            {"model": "m", "endpoints": [{"base_url": "localhost:8000"}]},
            r"endpoints.0.base_url: an address begins with",
        ),
    ],
)
def test_what_cannot_be_asked_is_said(content: dict[str, Any], told: str) -> None:
    recipe = {"sources": [{"synthetic": {"count": 1}}], "captioner": {"backend": "openai", **content}}
    with pytest.raises(UserError, match=told):
        check(BuildRecipe, recipe, "recipe.yaml")


def test_an_unknown_captioner_is_answered_with_the_nearest() -> None:
    recipe = {"sources": [{"synthetic": {"count": 1}}], "captioner": {"backend": "opanai"}}
    with pytest.raises(UserError, match=r"captioner: there is no captioner 'opanai'; did you mean openai"):
        check(BuildRecipe, recipe, "recipe.yaml")


def test_a_key_in_place_of_its_variable_is_not_repeated() -> None:
    content = {"backend": "openai", "model": "m", "endpoints": [{"base_url": "http://a", "key": "sk-very-secret"}]}
    with pytest.raises(UserError, match="name of the environment variable") as raised:
        check(CaptionerRecipe, content, "recipe.yaml")
    assert "secret" not in str(raised.value)


def test_a_password_in_an_address_is_not_repeated() -> None:
    content = {"backend": "openai", "model": "m", "endpoints": [{"base_url": "http://anna:very-secret@host/v1"}]}
    with pytest.raises(UserError, match="a password does not belong into an address") as raised:
        check(CaptionerRecipe, content, "recipe.yaml")
    assert "secret" not in str(raised.value)


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "abc")
    monkeypatch.delenv("OTHER_KEY", raising=False)
    assert read_keys(recipe("http://a", "http://b", key="SOME_KEY")) == {"SOME_KEY": "abc"}
    assert read_keys(recipe("http://a")) == {}
    with pytest.raises(UserError, match="OTHER_KEY is not set"):
        read_keys(recipe("http://a", key="OTHER_KEY"))


def test_prices_are_per_million_tokens() -> None:
    assert PriceRecipe(prompt=0.1, completion=0.4).cost(2_000_000, 500_000) == pytest.approx(0.4)
