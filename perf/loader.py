"""Samples per second of the loader beside open_clip's get_wds_dataset, and where a sample's time goes.

    uv pip install --target runs/webdataset --no-deps webdataset==0.2.86
    python perf/loader.py --out runs/perf-loader --webdataset runs/webdataset >> perf/RESULTS.md

Both read the same pictures (drawn faces, built once under ``--out``) with the same random crop and scaling, batch size
and number of workers; every measurement is a process of its own, and the two take turns. open_clip tokenises one text
a picture, ours seven. open_clip 3.3 takes no webdataset after 0.2.86, so its processes find that one first; else they
share our environment, which needs pandas for it.
"""

import argparse
import io
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import torch
from machine import describe
from torch.utils.data import default_collate

from emocap.io.images import decode
from emocap.methods.clip import loader
from emocap.methods.clip.loader import Preprocess, batches, find_shards, normalise
from emocap.methods.clip.recipe import DataRecipe, ModelRecipe
from emocap.methods.clip.towers import Tokens, create
from emocap.methods.clip.webdatasets import MOST_PIXELS
from emocap.schema.shards import read_shard

SIDE, BATCH, CROP = 224, 256, (0.8, 1.0)
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
PREPROCESS = Preprocess(SIDE, MEAN, STD)
MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
"""Only its tokenizer is used, which is that of CLIP."""


def prepare(out: Path, count: int) -> None:
    """The build, the same pictures with one text each for open_clip, and a folder with the tokenizer."""
    build = out / "build"
    if not (build / "manifest.json").exists():
        sources = f"sources=[{{synthetic: {{count: {count}, people: 400, size: 300}}}}]"
        more = ["faces.size=256", "faces.duplicates=null", "shards.samples=500", "--out", str(build)]
        subprocess.run([sys.executable, "-m", "emocap", "build", "synthetic", sources, *more], check=True)
    theirs = out / "theirs"
    theirs.mkdir(exist_ok=True)
    for tar in sorted((build / "shards").glob("*.tar")):
        with tarfile.open(theirs / tar.name, "w", format=tarfile.USTAR_FORMAT) as archive:
            for sample in read_shard(tar):
                assert sample.record.caption
                text = sample.record.caption.global_.encode()
                for suffix, content in ((".jpg", sample.jpeg), (".txt", text)):
                    member = tarfile.TarInfo(sample.record.key + suffix)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    create(ModelRecipe(config=MODEL), out / "model")


def recipe(out: Path, workers: int) -> DataRecipe:
    return DataRecipe.model_validate(
        {
            "builds": [str(out / "build")],
            "split": None,
            "batch": BATCH,
            "crop": CROP,
            "flip": False,
            "workers": workers,
        }
    )


def ours(out: Path, workers: int, count: int) -> Iterator[Any]:
    data = recipe(out, workers)
    return batches(find_shards(data), data, PREPROCESS, Tokens(out / "model"), 0, 0, count)


def ours_normalised(out: Path, workers: int, count: int) -> Iterator[Any]:
    """With what is otherwise left to the device done by the CPU of the receiving process."""
    return (normalise(batch.image_B3HW, PREPROCESS) for batch in ours(out, workers, count))


def their_transform() -> Any:
    import open_clip

    return open_clip.image_transform(SIDE, is_train=True, mean=MEAN, std=STD, aug_cfg={"scale": CROP})


def theirs(out: Path, workers: int, count: int) -> Iterator[Any]:
    import open_clip
    from open_clip_train.data import get_wds_dataset

    tars = sorted((out / "theirs").glob("*.tar"))
    arguments = SimpleNamespace(
        train_data="::".join(map(str, tars)),
        train_num_samples=count * BATCH,
        train_data_upsampling_factors=None,
        dataset_resampled=False,
        seed=0,
        batch_size=BATCH,
        workers=workers,
        world_size=1,
    )
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    return iter(get_wds_dataset(arguments, their_transform(), is_train=True, tokenizer=tokenizer).dataloader)


LOADERS = {"open_clip": theirs, "emocap": ours, "emocap, normalised by the receiver": ours_normalised}


def rate(name: str, out: Path, workers: int, count: int) -> float:
    """Samples per second of one loader once its workers are under way; in a process of its own."""
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # open_clip's workers cannot be spawned
    warm = 4 * workers
    stream = LOADERS[name](out, workers, warm + count)
    for _ in itertools.islice(stream, warm):
        pass
    begun = time.perf_counter()
    got = sum(1 for _ in itertools.islice(stream, count))
    return got * BATCH / (time.perf_counter() - begun)


def alone(task: Callable[..., Any], webdataset: Path | None, *arguments: Any) -> Any:
    """What a task returns in a process of its own, which finds the webdataset in that folder first."""
    before = list(sys.path)
    sys.path[:0] = [str(webdataset.resolve())] if webdataset else []  # which a spawned process takes over
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return process.submit(task, *arguments).result()
    finally:
        sys.path[:] = before


def rates(out: Path, webdataset: Path, workers: int, count: int, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in LOADERS}
    for _, name in itertools.product(range(rounds), LOADERS):
        older = webdataset if name == "open_clip" else None
        found[name].append(alone(rate, older, name, out, workers, count))
    return found


def micros(step: Callable[[Any], Any], things: Sequence[Any]) -> float:
    """Microseconds of CPU that a step takes of each thing, the least of five rounds."""
    took = []
    for _ in range(5):
        begun = time.process_time()
        for thing in things:
            step(thing)
        took.append(time.process_time() - begun)
    return min(took) / len(things) * 1e6


def our_stages(out: Path, count: int) -> dict[str, float]:
    """Microseconds per sample of each stage of ours, run by itself, and of the whole."""
    from PIL import Image

    torch.set_num_threads(1)
    data = recipe(out, 0)
    shards, tokens = find_shards(data), Tokens(out / "model")
    (dataset,) = shards.datasets
    maker = loader._Maker(shards, data, PREPROCESS, tokens, 0, 0, 1, False)
    numbers = list(range(count))
    read = [dataset.read(number) for number in numbers]
    jpegs, captions = [jpeg for jpeg, _ in read], [json.loads(text)["caption"] for _, text in read]
    texts = [[each["global"], each["summary"], *(entry["text"] for entry in each["local"][:5])] for each in captions]
    images = [maker._image(jpeg, False, Random(0)) for jpeg in jpegs[:BATCH]]
    took = {
        "read from the tar": micros(dataset.read, numbers),
        "decode": micros(lambda jpeg: decode(jpeg, MOST_PIXELS), jpegs),
        "parse the record": micros(lambda one: json.loads(one[1]), read),
        "tokenise (1 text; 7 texts)": micros(tokens, texts),
        "stack into a batch": micros(default_collate, [images] * 3) / BATCH,
    }
    took["crop and scale"] = micros(lambda jpeg: maker._image(jpeg, False, Random(0)), jpegs) - took["decode"]
    whole = micros(maker._batch, range(max(1, count // BATCH))) / BATCH
    took["what is left"] = whole - sum(took.values())
    took["all"] = whole
    took["a bare decode, the floor"] = micros(lambda jpeg: Image.open(io.BytesIO(jpeg)).load(), jpegs)
    return took


def their_stages(out: Path, count: int) -> dict[str, float]:
    """The same of open_clip's, whose whole is taken for the sum of its stages."""
    import open_clip
    import webdataset as wds

    torch.set_num_threads(1)
    tokenizer, transform = open_clip.get_tokenizer("ViT-B-32"), their_transform()
    tars = "::".join(str(tar) for tar in sorted((out / "theirs").glob("*.tar")))

    def read(_: int) -> list[dict[str, Any]]:
        pipeline = wds.DataPipeline(wds.SimpleShardList(tars), wds.tarfile_to_samples())
        return list(itertools.islice(pipeline, count))

    samples = read(0)
    picture_of = wds.imagehandler("pilrgb")
    pictures = [picture_of("jpg", sample["jpg"]) for sample in samples]
    tensors = [transform(picture) for picture in pictures[:BATCH]]
    took = {
        "read from the tar": micros(read, range(1)) / count,
        "decode": micros(lambda sample: picture_of("jpg", sample["jpg"]), samples),
        "crop and scale": micros(transform.transforms[0], pictures),
        "tokenise (1 text; 7 texts)": micros(lambda sample: tokenizer(sample["txt"].decode())[0], samples),
        "stack into a batch": micros(default_collate, [tensors] * 3) / BATCH,
    }
    took["to normalised fp32"] = micros(transform, pictures) - took["crop and scale"]
    return took | {"all": sum(took.values())}


STAGES = (
    "read from the tar",
    "decode",
    "crop and scale",
    "to normalised fp32",
    "parse the record",
    "tokenise (1 text; 7 texts)",
    "stack into a batch",
    "what is left",
    "all",
    "a bare decode, the floor",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where builds lie; made once")
    parser.add_argument("--count", type=int, default=4000, help="faces")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, default=30, help="timed batches of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--webdataset", type=Path, required=True, help="a folder with the one that open_clip takes")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    given.out.mkdir(parents=True, exist_ok=True)
    prepare(given.out, given.count)
    print("## The loader beside open_clip's\n")
    print(
        f"`python perf/loader.py`: {given.count} drawn faces of 256 pixels in tars of 500; random crops of {CROP} of"
    )
    print(f"the area at {SIDE} pixels, bicubic, batches of {BATCH}; samples per second, medians of {given.rounds}")
    print("rounds that take turns. open_clip: get_wds_dataset on webdataset 0.2.86, one text a picture, fp32.")
    print("emocap: global, summary and five local sentences, hashes, regions and labels; uint8, which the device")
    print("normalises.\n")
    print("| | " + " | ".join(f"{n} worker{'s' * (n > 1)} | ratio" for n in given.workers) + " |")
    print("| --- |" + " --- | --- |" * len(given.workers))
    found = [rates(given.out, given.webdataset, workers, given.batches, given.rounds) for workers in given.workers]
    for name in LOADERS:
        medians = [(statistics.median(each[name]), statistics.median(each["open_clip"])) for each in found]
        print(f"| {name} | " + " | ".join(f"{mine:.0f} | {mine / base:.2f}" for mine, base in medians) + " |")
    print("\nWhere the time of a sample goes, µs of CPU, each stage by itself in one thread:\n")
    print("| | open_clip | emocap |\n| --- | --- | --- |")
    some = min(given.count, 1024)
    his = alone(their_stages, given.webdataset, given.out, some)
    mine = alone(our_stages, None, given.out, some)
    for stage in STAGES:
        print(
            f"| {stage} | " + " | ".join(f"{side[stage]:.0f}" if stage in side else "–" for side in (his, mine)) + " |"
        )
    print(f"\n{describe('torch', 'open_clip_torch', 'webdataset', 'pillow', 'torchvision')}\n")


if __name__ == "__main__":
    main()
