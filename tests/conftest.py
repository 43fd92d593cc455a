"""Fixtures that several test files share: a Ray session, a small build of drawn faces, sample photos."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emocap.build.recipe import BuildRecipe
from emocap.clip.recipe import TrainRecipe

SHARED = Path(__file__).parents[2] / "shared"
"""Real data and weights that lie beside a checkout; tests that use them skip where it is absent."""


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One Ray for all builds that run inside the test process."""
    from emocap.build.run import ray_session

    with ray_session():
        yield


@pytest.fixture(scope="session")
def drawn_recipe() -> BuildRecipe:
    return BuildRecipe.model_validate(
        {
            "sources": [{"drawn": {"count": 120, "people": 30, "size": 96}}],
            "faces": {"detector": "given", "min_size": 16, "size": 48, "block": 40},
            "split": {"test": 0.3},
            "shards": {"samples": 50},
        }
    )


@pytest.fixture(scope="session")
def drawn_build(tmp_path_factory: pytest.TempPathFactory, drawn_recipe: BuildRecipe, ray_session: None) -> Path:
    """120 drawn faces in three shards; shared by all tests, which leave it as it is."""
    from emocap.build.run import build

    out = tmp_path_factory.mktemp("drawn") / "build"
    build(drawn_recipe, out)
    return out


@pytest.fixture(scope="session")
def package_photos() -> dict[str, Path]:
    """Name → path of the photos that installed packages carry."""
    from emocap.demo import sample_photos

    return {path.stem: path for path in sample_photos()}


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A path below ../shared; skips the test, by that name, where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"../shared/{name} is absent")
        return path

    return find


TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


@pytest.fixture
def tiny_config() -> dict[str, Any]:
    """An open_clip configuration that is quick to run."""
    return TINY


@pytest.fixture
def tiny_recipe(drawn_build: Path) -> TrainRecipe:
    """Three epochs or so over the train half of the drawn build, a checkpoint every 4 steps."""
    return TrainRecipe.model_validate(
        {
            "model": {"config": TINY},
            "data": {"builds": [str(drawn_build)], "batch": 16, "sentences": 2, "workers": 1, "shuffle": 20},
            "objective": {"mining": {"delta": 0.5, "warmup": 3}},
            "optimizer": {"lr": 1e-3, "clip_norm": 1.0},
            "epochs": 2.5,
            "checkpoint_every": 4,
            "log_every": 1,
        }
    )
