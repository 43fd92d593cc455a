from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.core.threads import THREADS
from emocap.encoders import features
from emocap.encoders.base import Encoder
from emocap.encoders.feature_cache import Store
from emocap.encoders.features import ExtractionConfig, extract
from emocap.io.images import Pixels
from emocap.io.media import Film, Frames, Picture, Several
from emocap.io.video import middles


def mean_colour(batch: Tensor) -> Tensor:
    return batch.mean((2, 3))


def colours(images: Callable[[Tensor], Tensor] = mean_colour) -> Encoder:
    """An encoder whose features are the mean of each channel."""

    def preprocess(image: Image.Image) -> Tensor:
        return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float()

    return Encoder("colours", "0" * 64, preprocess, "none", images, None)


@dataclass
class Counting:
    """How many pictures went through the model."""

    looked: int = 0

    def __call__(self, batch: Tensor) -> Tensor:
        self.looked += len(batch)
        return mean_colour(batch)


@pytest.fixture
def clip(tmp_path: Path) -> Example:
    """Ten frames of one colour each, whose means are known."""
    paths = []
    for number in range(10):
        pixels = np.full((6, 6, 3), (10 * number, 200 - 20 * number, 50 * (number % 2)), dtype=np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return Example("clip", Frames(paths))


@pytest.fixture
def photos(tmp_path: Path) -> list[Example]:
    random = np.random.default_rng(0)
    for number in range(5):
        pixels = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photo{number}.png")
    return [Example(f"photo{n}", Picture(tmp_path / f"photo{n}.png")) for n in range(5)]


def test_the_poolings_of_a_clip_are_their_formulas(clip: Example) -> None:
    rows = np.array([(10 * n, 200 - 20 * n, 50 * (n % 2)) for n in middles(10, 4)], dtype=np.float64)
    n = 5  # the middle one of ten
    expected: dict[features.Pooling, Any] = {
        "mean": rows.mean(0),
        "normalised": (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(0),
        "max": rows.max(0),
        "middle": np.array([10 * n, 200 - 20 * n, 50 * (n % 2)]),
    }
    for pooling, values in expected.items():
        row = extract(colours(), [clip], 4, ExtractionConfig(pooling))["clip"]
        np.testing.assert_allclose(row, values, rtol=1e-5)


def test_a_film_is_pooled_as_its_frames(film: Any) -> None:
    pictures: list[Pixels] = [np.full((64, 64, 3), 20 * n, dtype=np.uint8) for n in range(10)]
    example = Example("film", Film(film("a.mp4", pictures)))
    row = extract(colours(), [example], 2)["film"]
    np.testing.assert_allclose(row, np.mean([20 * n for n in middles(10, 2)]), atol=3)


def test_a_second_time_nothing_goes_through_the_model(photos: list[Example], clip: Example, tmp_path: Path) -> None:
    count = Counting()
    examples = [*photos, clip]
    first = extract(colours(count), examples, 4, ExtractionConfig(store=Store(tmp_path / "cache")))
    assert count.looked == 5 + 4
    second = extract(colours(count), examples, 4, ExtractionConfig(store=Store(tmp_path / "cache")))
    assert count.looked == 5 + 4
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first)
    # Another number of segments, or pooling, is of no matter to pictures.
    extract(colours(count), examples, 2, ExtractionConfig(store=Store(tmp_path / "cache")))
    extract(colours(count), examples, 4, ExtractionConfig("max", Store(tmp_path / "cache")))
    assert count.looked == 5 + 4 + 2 + 4
    # Another encoder, transform or architecture is another thing.
    plain = colours(count)
    for other in (
        replace(plain, sha256="1" * 64),
        replace(plain, preprocess_text="other"),
        replace(plain, architecture="other"),
    ):
        before = count.looked
        extract(other, photos, 1, ExtractionConfig(store=Store(tmp_path / "cache")))
        assert count.looked == before + 5


def test_the_content_counts_and_not_the_name(photos: list[Example], tmp_path: Path) -> None:
    count, extraction = Counting(), ExtractionConfig(store=Store(tmp_path / "cache"))
    before = extract(colours(count), photos, 1, extraction)
    (tmp_path / "photo0.png").write_bytes((tmp_path / "photo1.png").read_bytes())
    after = extract(colours(count), photos, 1, extraction)
    assert count.looked == 5
    assert (after["photo0"] == before["photo1"]).all()
    assert (after["photo0"] != before["photo0"]).any()
    # The same content under many names is looked at once.
    twins = [replace(photos[0], name=f"twin{n}") for n in range(7)]
    extract(colours(count), twins, 1)
    assert count.looked == 5 + 1
    # A box makes another picture of the same file.
    boxed = Example("boxed", Picture(tmp_path / "photo1.png", (0, 0, 2, 2)))
    assert (extract(colours(count), [boxed], 1, extraction)["boxed"] != before["photo1"]).any()


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(photos: list[Example], tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes((tmp_path / "photo0.png").read_bytes()[:60])
    torn, gone = Example("the/torn", Picture(tmp_path / "torn.png")), Example("the/gone", Picture(tmp_path / "gone"))
    with pytest.raises(UserError, match="the/torn: broken_image"):
        extract(colours(), [*photos, torn], 1)
    with pytest.raises(UserError, match="the/gone: missing_file"):
        extract(colours(), [*photos, gone], 1)


def test_a_model_that_finds_no_memory_gets_less_at_once(photos: list[Example]) -> None:
    def narrow(most: int) -> Callable[[Tensor], Tensor]:
        def images(batch: Tensor) -> Tensor:
            if len(batch) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return mean_colour(batch)

        return images

    wide, less = extract(colours(), photos, 1), extract(colours(narrow(2)), photos, 1)
    assert all((wide[name] == less[name]).all() for name in wide)
    with pytest.raises(UserError, match="photo0: colours finds no memory for a single picture"):
        extract(colours(narrow(0)), photos, 1)


def test_rows_that_are_no_numbers_are_refused_and_never_kept(photos: list[Example], tmp_path: Path) -> None:
    def broken(batch: Tensor) -> Tensor:
        rows = mean_colour(batch)
        rows[0] = torch.nan
        return rows

    extraction = ExtractionConfig(store=Store(tmp_path / "cache"))
    with pytest.raises(UserError, match="no numbers for 1 pictures, such as photo0"):
        extract(colours(broken), photos, 1, extraction)
    count = Counting()
    extract(colours(count), photos, 1, extraction)
    assert count.looked == 1


@dataclass(frozen=True)
class Watched:
    """A picture that tells how many have been read and not yet gone through the model."""

    number: int
    count: Counting
    waiting: list[int]

    def pictures(self, segments: int) -> list[Pixels]:
        self.waiting.append(len(self.waiting) - self.count.looked)
        return [np.full((8, 8, 3), self.number % 256, dtype=np.uint8)]

    def sha256(self) -> str:
        return f"{self.number:064x}"


def test_pictures_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_BATCH", 8)
    count, waiting = Counting(), list[int]()
    rows = extract(colours(count), [Example(f"{n}", Watched(n, count, waiting)) for n in range(200)], 1)
    assert len(rows) == count.looked == 200
    assert rows["77"].tolist() == [77, 77, 77]
    assert 8 < max(waiting) <= 8 + max(16, THREADS)


def test_several_pictures_are_too_many_for_an_encoder(photos: list[Example], tmp_path: Path) -> None:
    both = sorted(tmp_path.glob("*.png"))[:2]
    several = Example("both", Several(both))
    with pytest.raises(
        UserError, match="both shows several pictures, and an encoder looks at one; the protocol generate"
    ):
        extract(colours(), [*photos, several], 16)
    assert [picture.shape for picture in several.media.pictures(9)] == [
        picture.shape for path in both for picture in Picture(path).pictures(1)
    ]
    assert several.media.sha256() != Several(both[::-1]).sha256()
