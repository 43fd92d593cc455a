import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emocap.core.errors import UserError
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from tests.support.runs import changed, events, metrics


@pytest.fixture(scope="module")
def run(tiny_recipe: ClipRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed; shared, and left as it is."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe, out)
    return out


def test_tensorboard_shows_the_rows(run: Path) -> None:
    rows = metrics(run)
    shown = [event.value for event in events(run, "loss")]
    assert shown == pytest.approx([row["loss"] for row in rows], rel=1e-5)


def test_wandb_that_is_not_there_is_told(
    tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="the package wandb is not installed"):
        train(changed(tiny_recipe, wandb="faces"), tmp_path / "run")


def test_wandb_that_lets_nobody_in_is_told(
    tiny_recipe: ClipRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Error(Exception):
        pass

    def init(**_: Any) -> None:
        raise Error("No API key configured.")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Error=Error))
    with pytest.raises(UserError, match=r"wandb: No API key configured\. WANDB_MODE=offline"):
        train(changed(tiny_recipe, wandb="faces"), tmp_path / "run")
