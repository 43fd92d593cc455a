import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from emocap.clip.batch import Batch
from emocap.clip.loader import Look, Shards, batches, find_shards
from emocap.clip.recipe import DataRecipe, ModelRecipe
from emocap.clip.towers import Tokens, create
from emocap.errors import UserError
from emocap.shards import read_index, read_shard

LOOK = Look(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def tokens(tmp_path: Path, tiny_config: dict[str, Any]) -> Tokens:
    create(ModelRecipe(config=tiny_config), tmp_path / "model")
    return Tokens(tmp_path / "model")


def recipe_for(build: Path, **changed: Any) -> DataRecipe:
    base = {"builds": [str(build)], "batch": 16, "sentences": 2, "workers": 0, "shuffle": 20}
    return DataRecipe.model_validate({**base, **changed})


def take(recipe: DataRecipe, tokens: Tokens, first: int, count: int, seed: int = 0) -> list[Batch]:
    return list(batches(find_shards(recipe), recipe, LOOK, tokens, seed, first, count))


def equal(a: Batch, b: Batch) -> bool:
    tensors = ("image_B3HW", "global_BL", "summary_BL", "sentence_NL", "owner_N")
    return a.keys == b.keys and all(torch.equal(getattr(a, name), getattr(b, name)) for name in tensors)


def test_only_the_split_is_read(drawn_build: Path) -> None:
    index = read_index(drawn_build / "index")
    splits = Counter(index["split"].to_pylist())
    assert find_shards(recipe_for(drawn_build)).samples == splits["train"]
    assert find_shards(recipe_for(drawn_build, split="test")).samples == splits["test"]
    assert find_shards(recipe_for(drawn_build, split=None)).samples == 120


def test_an_epoch_sees_every_sample_once(drawn_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(drawn_build, batch=7)
    shards = find_shards(recipe)
    enough = take(recipe, tokens, 0, 3 * shards.samples // 7 + 1)
    seen = list(itertools.chain.from_iterable(batch.keys for batch in enough))
    for epoch in range(3):
        assert sorted(seen[epoch * shards.samples : (epoch + 1) * shards.samples]) == sorted(shards.keys)
    assert seen[: shards.samples] != seen[shards.samples : 2 * shards.samples]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_batches(drawn_build: Path, tokens: Tokens, workers: int) -> None:
    alone = take(recipe_for(drawn_build), tokens, 0, 8)
    many = take(recipe_for(drawn_build, workers=workers), tokens, 0, 8)
    assert all(equal(a, b) for a, b in zip(alone, many, strict=True))


@pytest.mark.parametrize("first", [1, 4, 5, 11])
def test_it_starts_anywhere(drawn_build: Path, tokens: Tokens, first: int) -> None:
    whole = take(recipe_for(drawn_build), tokens, 0, 14)
    part = take(recipe_for(drawn_build, workers=2), tokens, first, 14 - first)
    assert all(equal(a, b) for a, b in zip(whole[first:], part, strict=True))


def test_seeds_differ(drawn_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(drawn_build)
    assert take(recipe, tokens, 0, 1)[0].keys != take(recipe, tokens, 0, 1, seed=1)[0].keys


def test_sentences_are_the_samples_own_and_drawn_anew(drawn_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(drawn_build, flip=False, sentences=2)
    captions = {
        sample.record.key: sample.record.caption
        for tar in (drawn_build / "shards").glob("*.tar")
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


def test_more_sentences_than_there_are_is_all_of_them(drawn_build: Path, tokens: Tokens) -> None:
    (batch,) = take(recipe_for(drawn_build, sentences=50), tokens, 0, 1)
    assert Counter(batch.owner_N.tolist()).keys() == set(range(16))
    assert max(Counter(batch.owner_N.tolist()).values()) <= 8


def test_a_flip_turns_picture_and_words_together(drawn_build: Path, tokens: Tokens) -> None:
    from emocap.captions import mirror

    plain = recipe_for(drawn_build, crop=[1.0, 1.0], flip=False)
    flipping = recipe_for(drawn_build, crop=[1.0, 1.0], flip=True)
    captions = {
        sample.record.key: sample.record.caption
        for tar in (drawn_build / "shards").glob("*.tar")
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


def test_pictures_are_normalised(drawn_build: Path, tokens: Tokens) -> None:
    (batch,) = take(recipe_for(drawn_build), tokens, 0, 1)
    assert batch.image_B3HW.shape == (16, 3, 32, 32)
    assert batch.image_B3HW.dtype == torch.float32
    assert batch.image_B3HW.min() >= -2.0001
    assert batch.image_B3HW.max() <= 2.0001


def test_what_is_missing_or_too_small_is_told(drawn_build: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a finished build"):
        find_shards(recipe_for(tmp_path))
    with pytest.raises(UserError, match="is more than the"):
        find_shards(recipe_for(drawn_build, batch=500))


def test_two_builds_are_read_together(drawn_build: Path, tokens: Tokens) -> None:
    recipe = recipe_for(drawn_build, builds=[str(drawn_build), str(drawn_build)])
    shards: Shards = find_shards(recipe)
    seen = Counter(key for batch in take(recipe, tokens, 0, shards.samples // 16) for key in batch.keys)
    assert shards.samples == 2 * len(shards.keys)
    assert max(seen.values()) == 2
