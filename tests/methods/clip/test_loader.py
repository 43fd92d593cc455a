import io
import itertools
import shutil
import tarfile
from collections import Counter
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from emocap.core.errors import UserError
from emocap.methods.clip import loader
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.loader import Preprocess, batches, find_shards, normalise
from emocap.methods.clip.recipe import DataRecipe, ModelRecipe
from emocap.methods.clip.sentiment import sentiment
from emocap.methods.clip.towers import Tokens, create
from emocap.schema.facs import REGIONS
from emocap.schema.shards import read_index, read_shard

PREPROCESS = Preprocess(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def tokens(tmp_path: Path, tiny_config: dict[str, Any]) -> Tokens:
    create(ModelRecipe(config=tiny_config), tmp_path / "model")
    return Tokens(tmp_path / "model")


def recipe_for(build: Path, **changed: Any) -> DataRecipe:
    base = {"builds": [str(build)], "batch": 16, "sentences": 2, "workers": 0, "shuffle": 20}
    return DataRecipe.model_validate({**base, **changed})


def take(recipe: DataRecipe, tokens: Tokens, first: int, count: int, seed: int = 0) -> list[Batch]:
    return list(batches(find_shards(recipe), recipe, PREPROCESS, tokens, seed, first, count))


def equal(a: Batch, b: Batch) -> bool:
    """Every field of two batches, bit for bit."""
    pairs = [(getattr(a, field.name), getattr(b, field.name)) for field in fields(Batch)]
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)


def all_keys(build: Path, split: str | None = "train") -> list[str]:
    rows = read_index(build / "index").select(["key", "split"]).to_pylist()
    return sorted(row["key"] for row in rows if split in (None, row["split"]))


def test_only_the_split_is_read(divided_build: Path) -> None:
    index = read_index(divided_build / "index")
    splits = Counter(index["split"].to_pylist())
    assert find_shards(recipe_for(divided_build)).samples == splits["train"]
    assert find_shards(recipe_for(divided_build, split="test")).samples == splits["test"]
    assert find_shards(recipe_for(divided_build, split=None)).samples == 120


def test_an_epoch_sees_every_sample_once(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build, batch=7)
    shards = find_shards(recipe)
    enough = take(recipe, tokens, 0, 3 * shards.samples // 7 + 1)
    seen = list(itertools.chain.from_iterable(batch.keys for batch in enough))
    for epoch in range(3):
        assert sorted(seen[epoch * shards.samples : (epoch + 1) * shards.samples]) == all_keys(divided_build)
    assert seen[: shards.samples] != seen[shards.samples : 2 * shards.samples]


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same_batches(divided_build: Path, tokens: Tokens, workers: int) -> None:
    alone = take(recipe_for(divided_build), tokens, 0, 8)
    many = take(recipe_for(divided_build, workers=workers), tokens, 0, 8)
    assert all(equal(a, b) for a, b in zip(alone, many, strict=True))


@pytest.mark.parametrize(("ranks", "workers"), [(2, 0), (4, 2), (16, 0)])
def test_the_shares_of_all_ranks_are_the_batch_of_one_process(
    divided_build: Path, tokens: Tokens, ranks: int, workers: int
) -> None:
    """With 4 ranks × 2 workers and with 16 ranks there are more readers than the three shards."""
    recipe = recipe_for(divided_build, workers=workers)
    shards = find_shards(recipe)
    alone = take(recipe_for(divided_build), tokens, 3, 5)
    parts = [
        list(batches(shards, recipe, PREPROCESS, tokens, 0, 3, 5, rank=rank, ranks=ranks, sentiments=True))
        for rank in range(ranks)
    ]
    for number, whole in enumerate(alone):
        shares = [part[number] for part in parts]
        assert [key for share in shares for key in share.keys] == whole.keys
        for name in ("image_B3HW", "global_BL", "summary_BL", "sentence_NL", "global_group_B", "summary_group_B"):
            assert torch.equal(torch.cat([getattr(share, name) for share in shares]), getattr(whole, name))
        for name in ("sentence_group_N", "region_N", "label_B"):
            assert torch.equal(torch.cat([getattr(share, name) for share in shares]), getattr(whole, name))
        rows = 16 // ranks
        owner_N = torch.cat([share.owner_N + rank * rows for rank, share in enumerate(shares)])
        assert torch.equal(owner_N, whole.owner_N)


def test_ranks_that_do_not_divide_a_batch_are_told(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build)
    with pytest.raises(UserError, match="16 samples cannot be shared evenly by 3 ranks"):
        batches(find_shards(recipe), recipe, PREPROCESS, tokens, 0, 0, 1, rank=0, ranks=3)


@pytest.mark.parametrize("first", [1, 4, 5, 11])
def test_it_starts_anywhere(divided_build: Path, tokens: Tokens, first: int) -> None:
    whole = take(recipe_for(divided_build), tokens, 0, 14)
    part = take(recipe_for(divided_build, workers=2), tokens, first, 14 - first)
    assert all(equal(a, b) for a, b in zip(whole[first:], part, strict=True))


def test_seeds_differ(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build)
    assert take(recipe, tokens, 0, 1)[0].keys != take(recipe, tokens, 0, 1, seed=1)[0].keys


def test_sentences_are_the_samples_own_and_drawn_anew(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build, flip=False, sentences=2)
    captions = {
        sample.record.key: sample.record.caption
        for tar in (divided_build / "shards").glob("*.tar")
        for sample in read_shard(tar)
    }
    drawn: dict[str, set[tuple[int, ...]]] = {}
    for batch in take(recipe, tokens, 0, 40):
        for row, key in enumerate(batch.keys):
            caption = captions[key]
            assert caption is not None
            own = {tuple(tokens([entry.text])[0].tolist()) for entry in caption.local}
            mine = [tuple(text.tolist()) for text in batch.sentence_NL[batch.owner_N == row]]
            assert len(mine) == min(2, len(caption.local))
            assert set(mine) <= own
            drawn.setdefault(key, set()).update(mine)
            assert torch.equal(batch.global_BL[row], tokens([caption.global_])[0])
            assert torch.equal(batch.summary_BL[row], tokens([caption.summary])[0])
    assert any(len(texts) > 2 for texts in drawn.values())


def test_more_sentences_than_there_are_is_all_of_them(divided_build: Path, tokens: Tokens) -> None:
    (batch,) = take(recipe_for(divided_build, sentences=50), tokens, 0, 1)
    assert Counter(batch.owner_N.tolist()).keys() == set(range(16))
    assert max(Counter(batch.owner_N.tolist()).values()) <= 8


def test_a_flip_turns_picture_and_words_together(divided_build: Path, tokens: Tokens) -> None:
    from emocap.schema.captions import mirror

    plain = recipe_for(divided_build, crop=[1.0, 1.0], flip=False)
    flipping = recipe_for(divided_build, crop=[1.0, 1.0], flip=True)
    captions = {
        sample.record.key: sample.record.caption
        for tar in (divided_build / "shards").glob("*.tar")
        for sample in read_shard(tar)
    }
    flipped = sided = 0
    for straight, batch in zip(take(plain, tokens, 0, 12), take(flipping, tokens, 0, 12), strict=True):
        for row, key in enumerate(batch.keys):
            caption = captions[key]
            assert caption is not None
            turned = torch.equal(batch.image_B3HW[row], straight.image_B3HW[row].flip(-1))
            assert turned or torch.equal(batch.image_B3HW[row], straight.image_B3HW[row])
            wanted = mirror(caption) if turned else caption
            assert torch.equal(batch.summary_BL[row], tokens([wanted.summary])[0])
            flipped += turned
            sided += turned and wanted != caption
    assert flipped > 50
    assert sided > 0


def test_pictures_come_as_bytes_and_are_normalised_later(divided_build: Path, tokens: Tokens) -> None:
    (batch,) = take(recipe_for(divided_build), tokens, 0, 1)
    assert batch.image_B3HW.shape == (16, 3, 32, 32)
    assert batch.image_B3HW.dtype == torch.uint8
    assert batch.image_B3HW.is_contiguous(memory_format=torch.channels_last)
    ready = normalise(batch.image_B3HW, Preprocess(32, (0.5, 0.25, 0.0), (0.25, 0.5, 1.0)))
    expected = batch.image_B3HW.double() / 255
    torch.testing.assert_close(ready[:, 0].double(), (expected[:, 0] - 0.5) / 0.25, atol=1e-6, rtol=0)
    torch.testing.assert_close(ready[:, 1].double(), (expected[:, 1] - 0.25) / 0.5, atol=1e-6, rtol=0)
    torch.testing.assert_close(ready[:, 2].double(), expected[:, 2], atol=1e-6, rtol=0)


def test_a_picture_is_scaled_as_pillow_does(divided_build: Path, tokens: Tokens) -> None:
    """Whole pictures of 48 pixels at 32: bicubic with antialiasing, give or take a rounding."""
    originals = {s.record.key: s.jpeg for tar in (divided_build / "shards").glob("*.tar") for s in read_shard(tar)}
    (batch,) = take(recipe_for(divided_build, crop=[1.0, 1.0], flip=False), tokens, 0, 1)
    for key, image_3HW in zip(batch.keys, batch.image_B3HW, strict=True):
        with Image.open(io.BytesIO(originals[key])) as picture:
            scaled = np.asarray(picture.convert("RGB").resize((32, 32), Image.Resampling.BICUBIC))
        assert np.abs(image_3HW.permute(1, 2, 0).numpy().astype(int) - scaled).max() <= 1


def test_crops_keep_the_share_of_the_area_that_is_asked_for(tokens: Tokens, divided_build: Path) -> None:
    """A picture whose red grows to the right and whose green grows downward shows where a crop begins and ends."""
    ramp = np.arange(256, dtype=np.uint8)
    picture = np.stack([np.tile(ramp, (256, 1)), np.tile(ramp[:, None], (1, 256)), np.zeros((256, 256))], 2)
    buffer = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(buffer, "JPEG", quality=100, subsampling=0)
    recipe = recipe_for(divided_build, crop=[0.25, 0.5])
    maker = loader._Maker(find_shards(recipe), recipe, PREPROCESS, tokens, 0, 0, 1, False)
    areas, ratios = [], []
    for seed in range(200):
        image_HW3 = maker._image(buffer.getvalue(), False, Random(seed)).int()
        # 32 columns span 31/32 of the crop's width, in values that are the columns of the picture.
        wide = int(image_HW3[16, -1, 0] - image_HW3[16, 0, 0]) * 32 / 31
        high = int(image_HW3[-1, 16, 1] - image_HW3[0, 16, 1]) * 32 / 31
        ratios.append(wide / high)
        areas.append(wide * high / 256**2)
    assert 0.7 < min(ratios) < 0.8
    assert 1.25 < max(ratios) < 1.43
    assert 0.22 < min(areas) < 0.3
    assert 0.45 < max(areas) < 0.53


def test_groups_regions_labels_and_sentiments_are_those_of_the_records(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build, sentences=50, flip=False, split=None)
    shards = find_shards(recipe)
    records = {s.record.key: s.record for tar in (divided_build / "shards").glob("*.tar") for s in read_shard(tar)}
    names = sorted({r.labels.emotion for r in records.values() if r.labels and r.labels.emotion})
    assert shards.labels == names
    groups: dict[int, str] = {}
    for batch in batches(shards, recipe, PREPROCESS, tokens, 0, 0, 6, sentiments=True):
        assert batch.sentiment_BC is not None
        for row, key in enumerate(batch.keys):
            record = records[key]
            assert record.caption
            assert record.labels
            assert names[int(batch.label_B[row])] == record.labels.emotion
            mine = batch.owner_N == row
            regions = Counter(REGIONS[number] for number in batch.region_N[mine].tolist())
            assert regions == Counter(entry.region for entry in record.caption.local)
            pair = [record.caption.global_, record.caption.summary]
            assert batch.sentiment_BC[row].tolist() == pytest.approx(sentiment(pair))
            numbers = [int(batch.global_group_B[row]), int(batch.summary_group_B[row])]
            for number, text in zip(numbers, pair, strict=True):
                assert groups.setdefault(number, text) == text
        for number, token_L in zip(batch.sentence_group_N.tolist(), batch.sentence_NL.tolist(), strict=True):
            assert groups.setdefault(number, str(token_L)) == str(token_L)
    assert len(set(groups.values())) == len(groups)
    assert take(recipe, tokens, 0, 1)[0].sentiment_BC is None


def test_weights_are_proportions_of_every_batch(divided_build: Path, labelled_build: Path, tokens: Tokens) -> None:
    builds = [{"path": str(divided_build), "weight": 3}, {"path": str(labelled_build), "weight": 1}]
    recipe = recipe_for(divided_build, builds=builds, split=None, epoch_samples=64, batch=16)
    shards = find_shards(recipe)
    assert shards.samples == 64
    assert shards.share == [48, 16]
    first = set(all_keys(divided_build, None))
    seen: list[str] = []
    for batch in take(recipe, tokens, 0, 30):
        assert sum(key in first for key in batch.keys) == 12
        seen += batch.keys
    # Each goes through epochs of its own: 360 of the first are three times all of its 120.
    assert sorted(key for key in seen if key in first) == sorted(3 * sorted(first))


def test_resampling_draws_some_twice_and_some_not_at_all(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build, split=None, resample=True, batch=60)
    seen = Counter(key for batch in take(recipe, tokens, 0, 2) for key in batch.keys)
    assert max(seen.values()) > 1
    assert 50 < len(seen) < 100  # 1 − 1/e of 120 are 76
    again = take(recipe, tokens, 1, 1)[0]
    assert equal(again, take(recipe, tokens, 0, 2)[1])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("member", [".jpg", ".json"])
def test_a_damaged_sample_stops_with_its_shard_and_key(
    divided_build: Path, tokens: Tokens, tmp_path: Path, workers: int, member: str
) -> None:
    build = tmp_path / "build"
    shutil.copytree(divided_build, build)
    tar = sorted((build / "shards").glob("*.tar"))[1]
    with tarfile.open(tar) as archive:
        broken = archive.getmembers()[10 if member == ".jpg" else 11]
    with tar.open("r+b") as file:
        file.seek(broken.offset_data + broken.size // 2)
        file.write(b"\0\xff\0")
    recipe = recipe_for(build, split=None, workers=workers)
    with pytest.raises(UserError) as told:
        take(recipe, tokens, 0, 8)
    assert str(told.value).startswith(f"{tar}: {broken.name.removesuffix(member)}: {broken.name} is not what was")
    assert "emocap inspect" in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_missing_or_too_small_is_told(divided_build: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a finished build"):
        find_shards(recipe_for(tmp_path))
    with pytest.raises(UserError, match="is more than the"):
        find_shards(recipe_for(divided_build, batch=500))


def test_a_dataset_that_has_no_part_in_an_epoch_is_told(divided_build: Path, labelled_build: Path) -> None:
    builds = [{"path": str(divided_build)}, {"path": str(labelled_build), "weight": 1e-6}]
    with pytest.raises(UserError, match=r"has no part in an epoch of \d+; raise its weight"):
        find_shards(recipe_for(divided_build, builds=builds))


def test_the_smallest_picture_has_a_crop(divided_build: Path, tokens: Tokens) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(buffer, "PNG")
    recipe = recipe_for(divided_build, crop=[0.05, 0.1])
    maker = loader._Maker(find_shards(recipe), recipe, PREPROCESS, tokens, 0, 0, 1, False)
    assert maker._image(buffer.getvalue(), False, Random(0)).unique().tolist() == [0, 255]


def test_two_builds_are_read_together(divided_build: Path, labelled_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build, builds=[str(divided_build), str(labelled_build)], batch=12, split=None)
    assert find_shards(recipe).samples == 240
    seen = Counter(key for batch in take(recipe, tokens, 0, 20) for key in batch.keys)
    assert seen == Counter(all_keys(divided_build, None) + all_keys(labelled_build, None))


def test_a_key_that_two_builds_share_is_seen_twice(divided_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(divided_build, builds=[str(divided_build), str(divided_build)], batch=12, split=None)
    seen = Counter(key for batch in take(recipe, tokens, 0, 20) for key in batch.keys)
    assert set(seen.values()) == {2}
    assert len(seen) == 120
