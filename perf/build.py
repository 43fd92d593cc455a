r"""The two costly stages of a build beside what they are made of, in one run on one machine.

    python perf/build.py faces --photos ../shared/data/london --photos ../shared/data/photos \
        --weights ../shared/models/scrfd --img2dataset PATH/TO/VENV/bin/img2dataset >> perf/RESULTS.md
    python perf/build.py captions >> perf/RESULTS.md

faces: pictures per second of ``emocap build``, of a bare loop of the same work (read, decode, SCRFD, crop, JPEG) in
one process and in one per core, and of img2dataset on the same folder, which only decodes, resizes and packs; and the
peak memory of driver and workers for ten times as many pictures. captions: faces per second at concurrency 64 beside
what the endpoint's latency allows.
"""

import argparse
import io
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from PIL import Image

SIZE, MARGIN, QUALITY = 256, 0.3, 95
CORES = len(os.sched_getaffinity(0))


def multiply(folders: Sequence[Path], count: int, to: Path) -> list[Path]:
    """``count`` pictures that differ in a few bytes behind their end, and so in their sha256."""
    originals = sorted(p for f in folders for p in f.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    to.mkdir(parents=True)
    paths = []
    for number in range(count):
        original = originals[number % len(originals)]
        path = to / f"{number:06d}{original.suffix}"
        path.write_bytes(original.read_bytes() + number.to_bytes(4, "big"))
        paths.append(path)
    return paths


def bare(weights: str, paths: Sequence[Path], ready: Any, took: Any) -> None:
    """What a build does to a picture, with nothing around it: one process, one thread."""
    import cv2
    import onnxruntime
    from insightface.app import FaceAnalysis

    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    app = FaceAnalysis(name=weights, allowed_modules=["detection"], sess_options=options)
    app.prepare(ctx_id=-1)
    app.get(np.zeros((640, 640, 3), np.uint8))
    ready.wait()
    begun = time.perf_counter()
    for path in paths:
        image = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))
        for face in app.get(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
            x0, y0, x1, y1 = face.bbox
            half = max(x1 - x0, y1 - y0) * (1 + MARGIN) / 2
            left, top = int((x0 + x1) / 2 - half), int((y0 + y1) / 2 - half)
            inside = image[max(top, 0) : int(top + 2 * half), max(left, 0) : int(left + 2 * half)]
            crop = cv2.resize(inside, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            Image.fromarray(crop).save(io.BytesIO(), "JPEG", quality=QUALITY)
    took.put(time.perf_counter() - begun)


def bare_rate(weights: str, paths: Sequence[Path], processes: int) -> float:
    """Pictures per second of that many processes side by side."""
    context = multiprocessing.get_context("spawn")
    ready, took = context.Barrier(processes), context.Queue()
    some = [paths[i::processes] for i in range(processes)]
    running = [context.Process(target=bare, args=(weights, part, ready, took)) for part in some]
    for process in running:
        process.start()
    seconds: list[float] = [took.get() for _ in running]
    for process in running:
        process.join()
    return len(paths) / max(seconds)


class Memory:
    """Peak of the anonymous memory of the driver, and of the largest worker, sampled while the block runs."""

    def __init__(self, driver: int) -> None:
        self._driver, self._done = driver, threading.Event()
        self.driver = self.worker = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.driver = max(self.driver, _anonymous(self._driver))
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    worker = b"ray::" in (process / "cmdline").read_bytes()
                except OSError:
                    continue
                if worker:
                    self.worker = max(self.worker, _anonymous(int(process.name)))


def _anonymous(process: int) -> int:
    """Bytes of memory that a process has for itself: Ray's object store, which all share, is left out."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def build(folder: Path, weights: str, out: Path) -> tuple[float, float, Memory]:
    """Pictures per second of the stage, and of its steady part, between its first block and its last; memory."""
    faces = [f"faces.weights={weights}", f"faces.size={SIZE}", f"faces.margin={MARGIN}", "captioner.backend=none"]
    command = ["build", "photos", f"sources=[{{path: {folder}}}]", *faces, "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "emocap", *command, "-v"], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    with Memory(process.pid) as memory:
        told = process.stderr.read()
        process.wait()
    count = json.loads((out / "manifest.json").read_text())["counts"]["inputs"]
    times = sorted(path.stat().st_mtime for path in (out / "faces").glob("*.parquet"))
    # The workers' first blocks are what they had in hand when the clock began.
    per_block = count / len(times)
    steady: float = per_block * (len(times) - CORES) / (times[-1] - times[CORES - 1])
    return count / seconds_of("faces", told), steady, memory


def seconds_of(stage: str, told: str) -> float:
    """What ``emocap build -v`` says that a stage took."""
    found = re.search(rf"{stage} took ([\d.]+) s", told)
    assert found, told
    return float(found[1])


def img2dataset(command: str, paths: Sequence[Path], out: Path) -> float:
    """Pictures per second of img2dataset over file:// addresses, one process per core."""
    urls = out.with_suffix(".txt")
    urls.write_text("".join(f"file://{path.absolute()}\n" for path in paths))
    options = {
        "url_list": urls,
        "output_folder": out,
        "output_format": "webdataset",
        "processes_count": CORES,
        "thread_count": 16,
        "image_size": SIZE,
        "encode_quality": QUALITY,
        "number_sample_per_shard": 64,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    begun = time.perf_counter()
    subprocess.run([command, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    stats = [json.loads(path.read_text()) for path in out.glob("*_stats.json")]
    done = sum(row["successes"] for row in stats)
    print(f"img2dataset: {done} of {len(paths)} pictures in {seconds:.1f} s", file=sys.stderr)
    begin = min(row["start_time"] for row in stats)
    rate: float = done / (max(row["end_time"] for row in stats) - begin)
    return rate


def faces(photos: Sequence[Path], weights: str, count: int, times: int, peer: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        root = Path(scratch).absolute()
        weights = str(Path(weights).absolute())
        few, many = root / "few", root / "many"
        paths = multiply(photos, count, few)
        multiply(photos, times * count, many)
        sample = paths[: count // 2]
        one = bare_rate(weights, sample, 1)
        before = bare_rate(weights, paths, CORES)
        stage, _, small = build(few, weights, root / "out-few")
        stages, steady, large = build(many, weights, root / "out-many")
        after = bare_rate(weights, paths, CORES)
        side = (before + after) / 2
        other = img2dataset(peer, paths, root / "i2d") if peer else None
    names = ", ".join(folder.name for folder in photos)
    print("## Stage faces beside a bare loop\n")
    print(f"`python perf/build.py faces`: {count} and {times * count} pictures from {names}, SCRFD 500M,")
    print(f"crops of {SIZE} pixels. Bare loop: read, decode, SCRFD, crop, JPEG, one thread per process.\n")
    print("| | pictures per second | of the bare loop per core × cores | of one bare loop per core, side by side |")
    print("| --- | --- | --- | --- |")
    rows = [
        ("bare loop, one process", one),
        (f"bare loop, {CORES} processes, before and after", side),
        (f"emocap, {count} pictures, whole stage", stage),
        (f"emocap, {times * count} pictures, whole stage", stages),
        (f"emocap, {times * count} pictures, between first and last block", steady),
    ]
    if other:
        rows.append(("img2dataset, no detector", other))
    for name, rate in rows:
        print(f"| {name} | {rate:.1f} | {rate / (one * CORES):.2f} | {rate / side:.2f} |")
    print(f"\n| peak memory, MiB | {count} pictures | {times * count} pictures | ratio |\n| --- | --- | --- | --- |")
    for name, a, b in (("driver", small.driver, large.driver), ("largest worker", small.worker, large.worker)):
        print(f"| {name} | {a / 2**20:.0f} | {b / 2**20:.0f} | {b / a:.2f} |")
    print(f"\n{describe('ray', 'insightface', 'onnxruntime', 'opencv-python', 'pillow')}\n")


def endpoint(latency: float) -> Iterator[str]:
    """A mock endpoint in a process of its own: yields its address."""
    words = ["-m", "emocap", "mock-server", "--port", "0", "--latency", str(latency)]
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def captions(count: int, concurrency: int, latency: float) -> None:
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        out = Path(scratch).absolute() / "out"
        for address in endpoint(latency):
            endpoints = f"[{{base_url: {address}, concurrency: {concurrency}}}]"
            asked = f"captioner={{backend: openai, model: mock, endpoints: {endpoints}}}"
            sources = f"sources=[{{synthetic: {{count: {count}, people: 400, size: 256}}}}]"
            more = ["faces.size=256", "faces.duplicates=null", "shards.samples=1000"]
            command = ["build", "synthetic", sources, *more, asked, "--out", str(out)]
            words = [sys.executable, "-m", "emocap", *command, "-v"]
            told = subprocess.run(words, check=True, stderr=subprocess.PIPE, text=True).stderr
            with urllib.request.urlopen(f"{address.removesuffix('/v1')}/log") as reply:
                log = json.loads(reply.read())
        stage = seconds_of("captions", told)
        kept = sum(len(path.read_text().splitlines()) for path in (out / "replies").glob("*.jsonl"))
    allowed = concurrency / latency
    print("## Captions beside what the endpoint allows\n")
    print(f"`python perf/build.py captions`: {count} drawn faces of 256 pixels, one endpoint that answers after")
    print(f"{latency:g} s, concurrency {concurrency}: it allows {allowed:.0f} requests per second.\n")
    print("| | requests per second | of what is allowed |\n| --- | --- | --- |")
    print(f"| whole stage | {count / stage:.1f} | {count / stage / allowed:.2f} |")
    print(f"\n{log['requests']} requests, {kept} replies on disk. {describe('ray', 'openai')}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["faces", "captions"])
    parser.add_argument("--photos", type=Path, action="append", default=[])
    parser.add_argument("--weights", default="../shared/models/scrfd")
    parser.add_argument("--img2dataset", help="the command, in an environment of its own")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--times", type=int, default=10, help="how many times as many pictures the larger build has")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=1.0)
    given = parser.parse_args()
    if given.what == "faces":
        faces(given.photos, given.weights, given.count, given.times, given.img2dataset)
    else:
        captions(3 * given.count, given.concurrency, given.latency)


if __name__ == "__main__":
    main()
