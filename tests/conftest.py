"""Fixtures that several test files share: Ray, a small build of drawn faces, sample photos, films made to order."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from emocap.dataset.recipe import BuildRecipe
from emocap.io.images import Pixels
from emocap.methods.clip.recipe import ClipRecipe

SHARED = Path(__file__).parents[2] / "shared"
"""Real data and weights that lie beside a checkout; tests that use them skip where it is absent."""


STARTS_PROCESSES = ("ray_session", "drawn_build", "mark.ddp")
"""What stands in a test file that starts many processes; such files wait for each other."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadscope``: a file runs in one process, and all that start many processes in the same one."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-not-found, import-untyped, unused-ignore]

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            text = (Path(config.rootpath) / file).read_text(encoding="utf-8")
            return "many processes" if any(sign in text for sign in STARTS_PROCESSES) else file

    return ByFile(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One Ray for all builds that run inside the test process."""
    from emocap.core.ray_session import ray_session

    with ray_session():
        yield


@pytest.fixture(scope="session")
def drawn_recipe() -> BuildRecipe:
    return BuildRecipe.model_validate(
        {
            "sources": [{"synthetic": {"count": 120, "people": 30, "size": 96}}],
            "faces": {"detector": "given", "min_size": 16, "size": 48, "block": 40},
            "split": {"test": 0.3},
            "shards": {"samples": 50},
        }
    )


@pytest.fixture(scope="session")
def drawn_build(tmp_path_factory: pytest.TempPathFactory, drawn_recipe: BuildRecipe, ray_session: None) -> Path:
    """120 drawn faces in three shards; shared by all tests, which leave it as it is."""
    from emocap.dataset.run import build

    out = tmp_path_factory.mktemp("drawn") / "build"
    build(drawn_recipe, out)
    return out


@pytest.fixture(scope="session")
def labelled_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 drawn faces in three shards, captioned from their labels, made without Ray; shared, and left as it is."""
    from tests.support.asked import labelled

    return labelled(tmp_path_factory.mktemp("labelled") / "drawn")


@pytest.fixture(scope="session")
def divided_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The faces of ``labelled_build`` under other keys, 80 in train and 40 in test; shared, and left as it is."""
    from tests.support.asked import divided

    return divided(tmp_path_factory.mktemp("divided") / "drawn")


@pytest.fixture(scope="session")
def asked_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The faces of ``labelled_build`` with captions as of a model named qwen; shared, and left as it is."""
    from tests.support.asked import asked

    return asked(tmp_path_factory.mktemp("asked") / "qwen", "qwen")


@pytest.fixture(scope="session")
def asking_recipe() -> Callable[..., BuildRecipe]:
    """60 drawn faces, captioned by the endpoint at an address; further keys are the captioner's."""

    def make(address: str, concurrency: int = 8, samples: int = 25, **captioner: Any) -> BuildRecipe:
        asked = {
            "backend": "openai",
            "model": "mock",
            "endpoints": [{"base_url": address, "concurrency": concurrency}],
            "price": {"prompt": 1, "completion": 10},
        }
        return BuildRecipe.model_validate(
            {
                "sources": [{"synthetic": {"count": 60, "people": 30, "size": 96}}],
                "faces": {"detector": "given", "min_size": 16, "size": 48, "block": 10, "duplicates": None},
                "captioner": asked | captioner,
                "shards": {"samples": samples},
            }
        )

    return make


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


@pytest.fixture(scope="session")
def tiny_config() -> dict[str, Any]:
    """An open_clip configuration that is quick to run."""
    return TINY


@pytest.fixture(scope="session")
def untaught(tmp_path_factory: pytest.TempPathFactory, tiny_config: dict[str, Any]) -> str:
    """The folder of a tiny open_clip model with weights that are drawn and no more."""
    import open_clip
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("untaught")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": tiny_config, "preprocess_cfg": {}}))
    made = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    torch.save(made.state_dict(), folder / "open_clip_pytorch_model.bin")
    return str(folder)


@pytest.fixture(scope="session")
def tiny_recipe(drawn_build: Path) -> ClipRecipe:
    """Three epochs or so over the train half of the drawn build, a checkpoint every 4 steps."""
    return ClipRecipe.model_validate(
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


Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Writes a video: its name, pictures, and the time of each in seconds (25 a second where none are given)."""

    def write(
        name: str,
        pictures: Iterable[Pixels],
        times: Iterable[float] | None = None,
        codec: str = "libx264",
        pixel_ratio: Fraction = Fraction(1),
        keyframes: int = 12,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, av.VideoStream)
            clock = iter(times) if times is not None else (number / 25 for number in itertools.count())
            ahead, pictures = itertools.tee(pictures)
            stream.height, stream.width = next(ahead).shape[:2]
            del ahead
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, 25 if codec == "mpeg1video" else 1000)
            stream.codec_context.gop_size = keyframes
            stream.codec_context.sample_aspect_ratio = pixel_ratio
            if codec == "libx264":
                stream.options = {"preset": "ultrafast"}
            for picture, time in zip(pictures, clock, strict=False):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture
def noise() -> Callable[[int], Iterable[Pixels]]:
    """So many pictures of 160 x 120, each another, in which compression finds nothing to save."""

    def pictures(count: int) -> Iterable[Pixels]:
        random = np.random.default_rng(0)
        return (random.integers(0, 256, (120, 160, 3), dtype=np.uint8) for _ in range(count))

    return pictures


@pytest.fixture
def peaks() -> Callable[[list[Path]], list[int]]:
    """The peak memory in bytes of one process after it has read each of some inputs to its end, one by one."""
    script = """
import resource, sys
from pathlib import Path
from emocap.dataset.labels import LabelTable
from emocap.dataset.recipe import SourceRecipe
from emocap.dataset.sources import list_inputs, read_input

for path in sys.argv[2:]:
    source = SourceRecipe(path=path, video={"rate": 1000})
    table = LabelTable.write(source, Path(sys.argv[1]))
    (item,) = list_inputs([source])
    for _ in read_input(item, source, table, 10**8):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""

    def measure(paths: list[Path]) -> list[int]:
        table = paths[0].with_suffix(".sqlite")
        command = [sys.executable, "-c", script, str(table), *map(str, paths)]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        return [int(line) for line in told.stdout.split()]

    return measure


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A Hugging Face Hub on loopback, to which this process talks with a token."""
    from tests.support.hub import TOKEN, Hub

    server = Hub()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def double() -> Iterator[None]:
    """Tensors are made in float64, so that a formula can be compared to the last digits."""
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
