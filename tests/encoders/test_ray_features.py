import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray.cloudpickle
import torch

from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.encoders import load, ray_features
from emocap.encoders.base import Encoder
from emocap.encoders.features import ExtractionConfig, extract
from emocap.encoders.ray_features import RayFeatureExtractor
from emocap.io.images import Pixels
from emocap.io.media import Picture

pytestmark = pytest.mark.ddp


@pytest.fixture(scope="module")
def encoder(untaught: str) -> Encoder:
    return load(untaught, "cpu")


@dataclass(frozen=True)
class Noise:
    """A picture of its own number. Where there is a flag, who reads it dies, and takes the flag along."""

    number: int
    flag: Path | None = None

    def pictures(self, segments: int) -> list[Pixels]:
        if self.flag and self.flag.exists():
            self.flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return [np.random.default_rng(self.number).integers(0, 256, (32, 32, 3), dtype=np.uint8)]

    def sha256(self) -> str:
        return f"{self.number:064x}"


def test_workers_give_the_numbers_of_one_process_and_outlive_a_kill(
    encoder: Encoder, ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_features, "_PICTURES", 8)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    flag = tmp_path / "die"
    examples = [Example(f"{n}", Noise(n, flag if n == 20 else None)) for n in range(50)]
    alone = extract(encoder, examples, 1)
    flag.touch()
    with RayFeatureExtractor(encoder, 2, "cpu") as workers:
        together = extract(encoder, examples, 1, ExtractionConfig(extractor=workers))
        assert not flag.exists()
        torn = Example("torn", Picture(tmp_path / "nowhere.png"))
        with pytest.raises(UserError, match="torn: missing_file"):
            list(workers.extract_batches([torn], 1, "mean"))
    assert list(together) == list(alone)
    for name, row in alone.items():
        np.testing.assert_allclose(together[name], row, atol=1e-6)


def test_more_workers_than_there_are_cpus_are_refused(encoder: Encoder, ray_session: None) -> None:
    with pytest.raises(UserError, match="workers: 4000 is more than the"), RayFeatureExtractor(encoder, 4000, "cpu"):
        pass


def test_ray_is_used_where_it_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert ray_features.wanted(None, None)
    assert not ray_features.wanted(None, "cpu")
    assert not ray_features.wanted(1, None)
    assert ray_features.wanted(2, "cpu")
    monkeypatch.setenv("RAY_ADDRESS", "1.2.3.4:6379")
    assert ray_features.wanted(None, "cpu")
