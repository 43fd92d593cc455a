"""From build folders to batches: a stream that is the same for any number of workers and can start anywhere.

Epochs follow each other without a seam and every batch is full, so each sample is seen exactly once per epoch and the
loader has no other state than the number of the next batch.
"""

import itertools
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import webdataset as wds
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from emocap.captions import mirror
from emocap.clip.batch import Batch
from emocap.clip.recipe import DataRecipe
from emocap.clip.towers import Tokens
from emocap.errors import UserError
from emocap.faces.images import decode
from emocap.samples import Record
from emocap.shards import read_index

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shards:
    """The tars to read, and which of their samples to use."""

    tars: list[str]
    keys: frozenset[str]
    samples: int
    """How many an epoch has; a key that two builds share is seen twice."""


@dataclass(frozen=True)
class Look:
    """What a model wants to see: the side of its square input, and the mean and standard deviation per channel."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def find_shards(recipe: DataRecipe) -> Shards:
    """The shards of all builds. Raises UserError where one is not a finished build or no sample is left."""
    tars: list[str] = []
    keys: list[str] = []
    for build in map(Path, recipe.builds):
        if not (build / "manifest.json").is_file():
            raise UserError(
                f"data.builds: {build} is not a finished build; make it with emocap build ... --out {build}"
            )
        index = read_index(build / "index").select(["key", "shard", "split"]).to_pylist()
        wanted = [row for row in index if recipe.split in (None, row["split"] or "train")]
        keys += [row["key"] for row in wanted]
        tars += [str(build / "shards" / f"{shard}.tar") for shard in sorted({row["shard"] for row in wanted})]
    if len(keys) < recipe.batch:
        raise UserError(
            f"data.batch: {recipe.batch} is more than the {len(keys)} samples of split {recipe.split or 'any'} "
            f"in {', '.join(recipe.builds)}"
        )
    return Shards(tars, frozenset(keys), len(keys))


def batches(
    shards: Shards,
    recipe: DataRecipe,
    look: Look,
    tokens: Tokens,
    seed: int,
    first: int,
    count: int,
    rank: int = 0,
    ranks: int = 1,
) -> Iterator[Batch]:
    """Batches number ``first`` to ``first + count − 1`` of the endless sequence that the seed defines."""
    if recipe.batch % ranks:
        raise UserError(f"data.batch: {recipe.batch} samples cannot be shared evenly by {ranks} ranks")
    dataset = _Stream(shards, recipe, look, tokens, seed, first, count, rank, ranks)
    # The loader takes the batches of its workers in turn, which is their order in the sequence.
    yield from DataLoader(
        dataset,
        batch_size=None,
        num_workers=recipe.workers,
        multiprocessing_context="fork" if recipe.workers else None,
        generator=torch.Generator(),  # its own: drawing from the global one would make a resumed run differ
    )


def _groups(texts: Sequence[str]) -> Tensor:
    return torch.tensor([zlib.crc32(text.encode()) if text else -1 for text in texts])


class _Stream(IterableDataset[Batch]):
    """Every worker walks the whole sequence of samples and decodes every W-th batch of it."""

    def __init__(
        self,
        shards: Shards,
        recipe: DataRecipe,
        look: Look,
        tokens: Tokens,
        seed: int,
        first: int,
        count: int,
        rank: int,
        ranks: int,
    ) -> None:
        super().__init__()
        self.rank, self.share = rank, recipe.batch // ranks
        self.shards, self.recipe, self.look, self.tokens = shards, recipe, look, tokens
        self.seed, self.first, self.count = seed, first, count

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        mine, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        size, total = self.recipe.batch, self.shards.samples
        epoch, skip = divmod(self.first * size, total)
        samples = itertools.islice(self._samples(epoch), skip, None)
        for number in range(self.count):
            raw = list(itertools.islice(samples, size))
            if number % workers == mine:
                yield self._batch(raw[self.rank * self.share : (self.rank + 1) * self.share])

    def _samples(self, epoch: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Epoch number and undecoded sample, epoch after epoch."""
        for number in itertools.count(epoch):
            random = Random(f"{self.seed}/{number}")
            pipeline = wds.DataPipeline(
                wds.SimpleShardList(random.sample(self.shards.tars, len(self.shards.tars))),
                wds.tarfile_to_samples(),
                wds.select(lambda sample: sample.get("__key__") in self.shards.keys),
                wds.shuffle(self.recipe.shuffle, initial=self.recipe.shuffle, rng=random),
            )
            yield from ((number, sample) for sample in pipeline)

    def _batch(self, raw: Sequence[tuple[int, dict[str, Any]]]) -> Batch:
        images, records, sentences, owners = [], [], [], []
        for row, (epoch, sample) in enumerate(raw):
            record = Record.model_validate_json(sample["json"])
            if record.caption is None:
                raise ValueError(f"{sample['__url__']}: {record.key} has no caption")
            random = Random(f"{self.seed}/{epoch}/{record.key}")
            flip = self.recipe.flip and random.random() < 0.5
            if flip:
                record = record.model_copy(update={"caption": mirror(record.caption)})
            assert record.caption is not None
            local = record.caption.local
            images.append(self._image(sample["jpg"], flip, random))
            records.append(record)
            chosen = random.sample(local, min(self.recipe.sentences, len(local)))
            sentences += [entry.text for entry in chosen]
            owners += [row] * len(chosen)
        captions = [record.caption for record in records if record.caption]
        return Batch(
            keys=[record.key for record in records],
            image_B3HW=torch.stack(images),
            global_BL=self.tokens([caption.global_ for caption in captions]),
            summary_BL=self.tokens([caption.summary for caption in captions]),
            sentence_NL=self.tokens(sentences),
            owner_N=torch.tensor(owners),
            global_group_B=_groups([caption.global_ for caption in captions]),
            summary_group_B=_groups([caption.summary for caption in captions]),
            sentence_group_N=_groups(sentences),
            region_N=torch.zeros(len(sentences), dtype=torch.int64),
            label_B=_groups([(record.labels.emotion if record.labels else None) or "" for record in records]),
        )

    def _image(self, jpeg: bytes, flip: bool, random: Random) -> Tensor:
        """A random crop of a picture as the model wants it, 3×H×W."""
        from PIL import Image

        image = Image.fromarray(decode(jpeg, max_pixels=2048 * 2048))
        share = random.uniform(*self.recipe.crop)
        ratio = random.uniform(3 / 4, 4 / 3) ** 0.5 if self.recipe.crop[0] < 1 else 1.0
        width = min(1.0, share**0.5 * ratio) * image.width
        height = min(1.0, share**0.5 / ratio) * image.height
        left, top = random.uniform(0, image.width - width), random.uniform(0, image.height - height)
        side = self.look.size
        image = image.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
        if flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255)
        return ((pixels - torch.tensor(self.look.mean)) / torch.tensor(self.look.std)).permute(2, 0, 1)
