"""From datasets to batches: a stream that is the same for any number of workers and ranks and can start anywhere.

``sequence.Order`` says which samples a batch has, ``datasets.Dataset`` reads them at their places in the tars, and
here they are decoded, cropped and put into words. A batch is made from its number alone: any worker, at any time,
makes the same. Epochs follow each other without a seam and every batch is full. What is no build of ours comes through
webdataset first, ``foreign.bring``.

Pictures stay uint8 until they are on the device: a quarter of the bytes between processes, and ``normalise`` is the
one place where they become numbers for a model.
"""

import json
import math
import os
import signal
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, default_collate
from torch.utils.data import Dataset as Numbered

from emocap.core.errors import UserError
from emocap.io.images import ImageError, decode
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.datasets import Dataset, open_dataset
from emocap.methods.clip.recipe import DataRecipe
from emocap.methods.clip.sentiment import sentiment
from emocap.methods.clip.sequence import Order, shares
from emocap.methods.clip.towers import Tokens
from emocap.methods.clip.webdatasets import MOST_PIXELS, bring, find_tars
from emocap.schema.captions import mirror_text
from emocap.schema.facs import REGIONS


@dataclass(frozen=True)
class Shards:
    """The datasets to train on."""

    datasets: list[Dataset]
    share: list[int]
    """How many samples of an epoch come from each."""
    labels: list[str]
    """The emotions that samples are labelled with, sorted."""

    @property
    def samples(self) -> int:
        """How many an epoch has; a key that two datasets share is seen twice."""
        return sum(self.share)


@dataclass(frozen=True)
class Preprocess:
    """What a model wants to see: the side of its square input, and the mean and standard deviation per channel."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def normalise(image_B3HW: Tensor, preprocess: Preprocess) -> Tensor:
    """Pictures of 0 to 255 as the model wants them, fp32, on the device where they are."""
    mean_311 = 255 * torch.tensor(preprocess.mean, device=image_B3HW.device)[:, None, None]
    std_311 = 255 * torch.tensor(preprocess.std, device=image_B3HW.device)[:, None, None]
    return torch.sub(image_B3HW, mean_311).div_(std_311)


def find_shards(recipe: DataRecipe) -> Shards:
    """The samples of all datasets of a recipe; those that are no builds are copied to the cache first.

    Raises UserError where one is neither a build nor tars, is damaged, or has too few samples.
    """
    datasets = [open_dataset(_locate(entry.path, recipe.cache), recipe.split) for entry in recipe.builds]
    names, wanted = ", ".join(entry.path for entry in recipe.builds), f"of split {recipe.split or 'any'}"
    for entry, dataset in zip(recipe.builds, datasets, strict=True):
        if not len(dataset):
            raise UserError(f"data.builds: {entry.path} has no samples {wanted}")
    sizes = [len(dataset) for dataset in datasets]
    if sum(sizes) < recipe.batch:
        raise UserError(f"data.batch: {recipe.batch} is more than the {sum(sizes)} samples {wanted} in {names}")
    weighted = any(entry.weight for entry in recipe.builds)
    weights = [entry.weight or 1.0 for entry in recipe.builds] if weighted else sizes
    share = shares(sizes, weights, recipe.epoch_samples or sum(sizes))
    for entry, count in zip(recipe.builds, share, strict=True):
        if weighted and not count:
            raise UserError(f"data.builds: {entry.path} has no part in an epoch of {sum(share)}; raise its weight")
    labels = {name for dataset in datasets for name in dataset.emotion_S.unique().to_pylist() if name}
    return Shards(datasets, share, sorted(labels))


def _locate(path: str, cache: str | None) -> Path:
    """The folder with ``shards/`` and ``index/`` that a path of the recipe means."""
    if (Path(path) / "manifest.json").is_file():
        return Path(path)
    if tars := find_tars(path):
        home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        return bring(tars, Path(cache) if cache else home / "emocap")
    raise UserError(f"data.builds: {path} is not a finished build; make it with emocap build, or name tars")


def batches(
    shards: Shards,
    recipe: DataRecipe,
    preprocess: Preprocess,
    tokens: Tokens,
    seed: int,
    first: int,
    count: int,
    rank: int = 0,
    ranks: int = 1,
    sentiments: bool = False,
) -> Generator[Batch]:
    """Batches number ``first`` to ``first + count − 1`` of the endless sequence that the seed defines.

    Of each global batch of ``recipe.batch`` samples, the rank's share of consecutive rows. sentiments: fill
    ``sentiment_BC``. Raises UserError for ranks that do not divide a batch, and, when it comes to it, for a sample
    that is damaged: to pass over it would make this epoch another one.
    """
    if recipe.batch % ranks:
        raise UserError(f"data.batch: {recipe.batch} samples cannot be shared evenly by {ranks} ranks")
    maker = _Maker(shards, recipe, preprocess, tokens, seed, rank, ranks, sentiments)
    # The loader hands the numbers to its workers in turn and takes the batches in the numbers' order.
    loader: DataLoader[Batch | UserError] = DataLoader(
        maker,
        batch_size=None,
        sampler=range(first, first + count),
        num_workers=recipe.workers,
        multiprocessing_context="fork" if recipe.workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_outlive_sigterm,
        generator=torch.Generator(),  # its own: drawing from the global one would make a resumed run differ
    )
    return _unwrapped(loader)


def _outlive_sigterm(_: int) -> None:
    """A SIGTERM often goes to all processes of a job, and the loop needs those that decode until it has stopped.

    It closes its stream then, which ends them. Who does not is waited for no longer than the time that they take on.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_GRACE_SECONDS))


_GRACE_SECONDS = 300


def _unwrapped(loader: DataLoader[Batch | UserError]) -> Generator[Batch]:
    for batch in loader:
        if isinstance(batch, UserError):
            raise batch
        yield batch


class _Maker(Numbered[Batch | UserError]):
    """Batches by their number."""

    def __init__(
        self,
        shards: Shards,
        recipe: DataRecipe,
        preprocess: Preprocess,
        tokens: Tokens,
        seed: int,
        rank: int,
        ranks: int,
        sentiments: bool,
    ) -> None:
        self.shards, self.recipe, self.preprocess, self.tokens = shards, recipe, preprocess, tokens
        self.seed, self.rank, self.rows, self.sentiments = seed, rank, recipe.batch // ranks, sentiments
        sizes = [dataset.shards() for dataset in shards.datasets]
        self.order = Order(sizes, shards.share, recipe.shuffle, recipe.resample, seed)
        self.label = {name: number for number, name in enumerate(shards.labels)}

    def __getitem__(self, number: int) -> Batch | UserError:
        try:
            return self._batch(number)
        except UserError as error:
            return error  # raised in a worker, it would come out wrapped in a traceback

    def _batch(self, number: int) -> Batch:
        first = number * self.recipe.batch + self.rank * self.rows
        images, keys, labels, globals_, summaries, sentences, owners, regions = [], [], [], [], [], [], [], []
        places = zip(*self.order.places(first, first + self.rows), strict=True)
        for row, (which, sample) in enumerate(places):
            dataset = self.shards.datasets[which]
            jpeg, text = dataset.read(sample)
            random = Random(f"{self.seed}/{first + row}")
            flip = self.recipe.flip and random.random() < 0.5
            try:
                images.append(self._image(jpeg, flip, random))
            except ImageError as error:
                raise dataset.damaged(sample, f"its picture does not decode: {error}") from None
            # Its checksum says that these are the bytes which the schema was checked on when they were written.
            record: dict[str, Any] = json.loads(text)
            caption = record["caption"]
            local = random.sample(caption["local"], min(self.recipe.sentences, len(caption["local"])))
            turn = mirror_text if flip else str
            keys.append(record["key"])
            labels.append(self.label.get((record.get("labels") or {}).get("emotion", ""), -1))
            globals_.append(turn(caption["global"]))
            summaries.append(turn(caption["summary"]))
            sentences += [turn(entry["text"]) for entry in local]
            regions += [REGIONS.index(entry["region"]) for entry in local]
            owners += [row] * len(local)
        global_BL, summary_BL, sentence_NL = map(self.tokens, (globals_, summaries, sentences))
        sentiments = [sentiment(pair) for pair in zip(globals_, summaries, strict=True)] if self.sentiments else None
        return Batch(
            keys=keys,
            # In a worker this stacks straight into the memory that it shares with the training process.
            image_B3HW=default_collate(images).permute(0, 3, 1, 2),
            global_BL=global_BL,
            summary_BL=summary_BL,
            sentence_NL=sentence_NL,
            owner_N=torch.tensor(owners),
            global_group_B=_groups(global_BL),
            summary_group_B=_groups(summary_BL),
            sentence_group_N=_groups(sentence_NL),
            region_N=torch.tensor(regions),
            label_B=torch.tensor(labels),
            sentiment_BC=torch.tensor(sentiments) if sentiments else None,
        )

    def _image(self, jpeg: bytes, flip: bool, random: Random) -> Tensor:
        """A random crop of a picture at the model's size, H×W×3 of uint8.

        As torchvision's RandomResizedCrop draws it, but that one of its sides is cut where it would stick out.
        """
        size, (least, most) = self.preprocess.size, self.recipe.crop
        # The longest side that a crop of the least share, ¾ as wide as high, can need.
        picture = decode(jpeg, MOST_PIXELS, at_least=math.ceil(size / math.sqrt(least * 3 / 4)))
        high, wide = picture.shape[:2]
        share, ratio = random.uniform(least, most), 1.0
        if least < 1:
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)) / 2)
        width = max(1, min(wide, round(math.sqrt(share * high * wide) * ratio)))
        height = max(1, min(high, round(math.sqrt(share * high * wide) / ratio)))
        left, top = random.randint(0, wide - width), random.randint(0, high - height)
        crop_1HW3 = torch.from_numpy(picture[top : top + height, left : left + width].copy())[None]
        # To the values of Pillow, give or take one, without making an Image of it first.
        scaled_13HW = F.interpolate(crop_1HW3.permute(0, 3, 1, 2), (size, size), mode="bicubic", antialias=True)
        return (scaled_13HW.flip(-1) if flip else scaled_13HW)[0].permute(1, 2, 0)


def _groups(token_NL: Tensor) -> Tensor:
    """A hash of every text as the text tower sees it, which is cut off at the context's end."""
    hashes = [blake2b(token_L.tobytes(), digest_size=8).digest() for token_L in token_NL.numpy()]
    return torch.from_numpy(np.frombuffer(b"".join(hashes), dtype="<i8").astype(np.int64))
