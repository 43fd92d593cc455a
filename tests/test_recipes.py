from pathlib import Path
from typing import Any

import pytest

from emocap.build.recipe import BuildRecipe
from emocap.clip.recipe import TrainRecipe
from emocap.errors import UserError
from emocap.evaluate.cards import Card
from emocap.recipes import Recipe, builtin, difference, load, to_yaml


class Inner(Recipe):
    size: int = 3
    name: str | None = None


class Outer(Recipe):
    inner: Inner = Inner()
    many: list[Inner] = []
    rate: float = 0.5
    mode: str = "off"


def write(folder: Path, text: str) -> str:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_recipe_that_comes_along_is_valid() -> None:
    kinds: list[tuple[type[Recipe], str]] = [(BuildRecipe, "pipelines"), (TrainRecipe, "models"), (Card, "benchmarks")]
    for kind, folder in kinds:
        names = [path.stem for path in builtin(folder).glob("*.yaml")]
        assert names
        for name in names:
            load(kind, folder, name)


def test_overrides_reach_into_parts_and_lists(tmp_path: Path) -> None:
    path = write(tmp_path, "many: [{size: 1}, {size: 2}]")
    recipe = load(Outer, "x", path, ["inner.size=7", "many.1.name=b", "rate=1e-5"])
    assert recipe.inner.size == 7
    assert recipe.many[1].name == "b"
    assert recipe.rate == 1e-5


def test_off_is_a_word_and_not_false(tmp_path: Path) -> None:
    assert load(Outer, "x", write(tmp_path, "mode: off")).mode == "off"
    assert load(Outer, "x", write(tmp_path, "{}"), ["mode=no"]).mode == "no"


@pytest.mark.parametrize(
    ("text", "overrides", "told"),
    [
        ("iner: {}", [], "iner is not a key; did you mean inner?"),
        ("inner: {sise: 3}", [], "inner.sise is not a key; did you mean size?"),
        ("many: [{size: 3}, {nme: a}]", [], "many.1.nme is not a key; did you mean name?"),
        ("inner: {size: big}", [], "inner.size: input should be a valid integer"),
        ("inner: 3", [], "inner: input should be a valid dictionary"),
        ("[1, 2]", [], "does not hold keys and values"),
        ("a: [", [], "is not YAML, line 1"),
        ("{}", ["inner.size"], "is not an override"),
        ("{}", ["inner.sise=3"], "did you mean size?"),
        ("many: [{}]", ["many.3.size=1"], "not one of the 1 entries"),
        ("rate: 3", ["rate.x=1"], "nothing below 3"),
    ],
)
def test_complaints_name_the_key_and_the_way_out(tmp_path: Path, text: str, overrides: list[str], told: str) -> None:
    with pytest.raises(UserError) as error:
        load(Outer, "x", write(tmp_path, text), overrides)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean drawn"):
        load(BuildRecipe, "pipelines", "drwn")
    with pytest.raises(UserError, match=r"there is no recipe nowhere\.yaml"):
        load(BuildRecipe, "pipelines", "nowhere.yaml")


@pytest.mark.parametrize(
    "content",
    [
        {"inner": {"size": 4}},
        {"many": [{}, {"name": "a: b"}]},
        {"mode": "yes", "rate": 1e-7},
    ],
)
def test_what_is_stored_reads_back_the_same(tmp_path: Path, content: dict[str, Any]) -> None:
    recipe = Outer.model_validate(content)
    path = write(tmp_path, to_yaml(recipe))
    assert load(Outer, "x", path) == recipe
    assert difference(Outer, Path(path), recipe) is None


def test_a_difference_is_named_unless_it_is_ignored(tmp_path: Path) -> None:
    path = Path(write(tmp_path, to_yaml(Outer())))
    changed = Outer(inner=Inner(size=9))
    assert difference(Outer, path, changed) == "inner.size: 3 → 9"
    assert difference(Outer, path, changed, ignore=["inner"]) is None
