from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.cards import Card
from emocap.core.errors import UserError
from emocap.core.recipes import Recipe, builtin, difference, load, to_yaml
from emocap.dataset.recipe import BuildRecipe
from emocap.methods.clip.recipe import ClipRecipe


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
    kinds: list[tuple[type[Recipe], str]] = [(BuildRecipe, "pipelines"), (ClipRecipe, "models"), (Card, "benchmarks")]
    for kind, folder in kinds:
        inside = ("*.yaml", "ablation/*.yaml")
        files = [path for pattern in inside for path in builtin(folder).glob(pattern)]
        names = [path.relative_to(builtin(folder)).with_suffix("").as_posix() for path in files]
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


def test_a_recipe_that_extends_another_says_what_is_different(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("{inner: {size: 1, name: a}, many: [{size: 1}, {size: 2}], rate: 0.1}")
    (tmp_path / "middle.yaml").write_text("{extends: base.yaml, inner: {name: b}, many: [{size: 5}]}")
    path = write(tmp_path, "{extends: middle.yaml, inner: {size: 7}, mode: on}")
    recipe = load(Outer, "x", path, ["inner.name=null"])
    assert recipe == Outer(inner=Inner(size=7), many=[Inner(size=5)], rate=0.1, mode="on")
    assert "extends" not in to_yaml(recipe)


def test_a_built_in_recipe_can_be_extended(tmp_path: Path) -> None:
    path = write(tmp_path, "{extends: synthetic, shards: {samples: 7}}")
    recipe, base = load(BuildRecipe, "pipelines", path), load(BuildRecipe, "pipelines", "synthetic")
    assert recipe == base.model_copy(update={"shards": base.shards.model_copy(update={"samples": 7})})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extends: recipe.yaml", "extends: recipe.yaml comes back to where it began"),
        ("extends: other.yaml", "other.yaml: extends: recipe.yaml comes back to where it began"),
        ("extends: nowhere.yaml", "recipe.yaml: extends: there is no recipe"),
        (
            "extends: sinthetic",
            "extends: there is no built-in recipe 'sinthetic' in pipelines/; did you mean",
        ),
        ("extends: [synthetic, photos]", "extends: the name of one recipe, not ['synthetic', 'photos']"),
        ("extends: list.yaml", "list.yaml does not hold keys and values"),
        ("{extends: fine.yaml, inner: {sise: 3}}", "inner.sise is not a key; did you mean size?"),
    ],
)
def test_what_cannot_be_extended_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "other.yaml").write_text("extends: recipe.yaml")
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "fine.yaml").write_text("inner: {size: 3}")
    with pytest.raises(UserError) as error:
        load(Outer, "pipelines", write(tmp_path, text))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_an_override_does_not_extend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="extends is not a key"):
        load(Outer, "pipelines", write(tmp_path, "{}"), ["extends=drawn"])


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean synthetic"):
        load(BuildRecipe, "pipelines", "sinthetic")
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
