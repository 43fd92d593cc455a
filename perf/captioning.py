"""How fast one captioner asks: a mock endpoint in another process, JPEGs of about 20 kB.

Run: python perf/captioning.py [--rounds 20]
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from machine import describe
from PIL import Image

from emocap.captioning.captioners.openai import OpenAICaptioner
from emocap.captioning.prompt import load_prompt
from emocap.captioning.recipe import CaptionerRecipe
from emocap.schema.samples import Face, Record, Sample, Source

SETTINGS = [(64, 1.0), (256, 1.0), (64, 0.0)]
"""Concurrency, and seconds that a reply takes."""


def samples(count: int) -> list[Sample]:
    chance = np.random.default_rng(0)
    face = Face(
        bbox=(0, 0, 9, 9), score=1, detector="none", crop=(0, 0, 9, 9), sharpness=99, brightness=99, contrast=9
    )
    source = Source(path="noise.jpg", sha256="0" * 64)
    made = []
    for number in range(count):
        file = io.BytesIO()
        Image.fromarray(chance.integers(90, 170, (192, 192, 3), dtype=np.uint8)).save(file, "JPEG", quality=90)
        made.append(Sample(Record(key=str(number), source=source, face=face), file.getvalue()))
    return made


def measure(faces: list[Sample], concurrency: int, latency: float) -> str:
    command = [sys.executable, "-m", "emocap", "mock-server", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, tempfile.TemporaryDirectory() as out:
        assert server.stdout is not None
        endpoint = {"base_url": server.stdout.readline().strip(), "concurrency": concurrency}
        recipe = CaptionerRecipe.model_validate({"backend": "openai", "model": "mock", "endpoints": [endpoint]})
        with closing(OpenAICaptioner(recipe, load_prompt(recipe.prompt), {}, Path(out))) as captioner:
            begun, cpu = time.monotonic(), time.process_time()
            captioner.caption(faces, "rate")
            rate = len(faces) / (time.monotonic() - begun)
            each = (time.process_time() - cpu) / len(faces) * 1e3
        server.terminate()
    share = f"{rate * latency / concurrency:.2f}" if latency else "–"
    return f"| {concurrency} | {latency:g} s | {rate:.0f} | {share} | {each:.2f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="faces for every request under way at the same time")
    rounds = parser.parse_args().rounds
    faces = samples(rounds * max(concurrency for concurrency, _ in SETTINGS))
    size = sum(len(sample.jpeg) for sample in faces) / len(faces) / 1e3
    print(f"{len(faces)} JPEGs of {size:.0f} kB on average\n")
    print("| concurrency | latency | requests/s | share of concurrency / latency | CPU per request |")
    print("| --- | --- | --- | --- | --- |")
    for concurrency, latency in SETTINGS:
        print(measure(faces[: rounds * concurrency], concurrency, latency), flush=True)
    print(f"\n{describe('openai', 'httpx2')}")


if __name__ == "__main__":
    main()
