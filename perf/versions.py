"""The speed of two commits beside each other: training, loader, build and probe, in runs that take turns.

    python perf/versions.py 7a99bc8 HEAD --photos PHOTOS --weights SCRFD >> perf/RESULTS.md

Each commit is checked out into a folder of its own and measured with its own scripts of ``perf/``, in processes of
their own. A rate is in units per second, so that a ratio above 1 means that the second commit is faster.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from machine import describe

STEP = """
import sys, time
sys.path.insert(0, "perf")
import torch
import train
run = train.Run("ViT-B-32", 8, torch.device("cpu"), False)
step = train.LOSSES["EmoCapCLIP"]
run.step(step)
begun = time.perf_counter()
for _ in range(5):
    run.step(step)
print(5 * 8 / (time.perf_counter() - begun))
"""
LOADER = """
import sys
from pathlib import Path
sys.path.insert(0, "perf")
import loader
if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "model").exists():
        loader.prepare(out, 1000)
    print(loader.alone(loader.rate, None, "emocap", out, 1, 40))
"""
PROBE = """
import sys, time
sys.path.insert(0, "perf")
import probe
train, labels, _, _ = probe.make(0)
begun = time.perf_counter()
probe.softmax(train, labels, 7)
print(len(probe.GRID) / (time.perf_counter() - begun))
"""
UNITS = {
    "perf/train.py: steps of ViT-B-32": "samples",
    "emocap train: 40 steps of emocapclip-tiny": "samples",
    "perf/loader.py: one worker": "samples",
    "perf/build.py: stage faces, SCRFD": "pictures",
    "perf/probe.py: sweep of a linear probe": "strengths",
}


@contextlib.contextmanager
def checkout(commit: str, scratch: Path) -> Iterator[Path]:
    """A folder with the files of a commit."""
    folder = scratch / commit
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(folder)], check=True)


def run(folder: Path, *words: str) -> str:
    """What Python prints, run in a folder with the emocap that lies in it."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{folder}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


def script(folder: Path, source: str, *words: str) -> float:
    """The number that a script prints last; in a file, for it may start processes that import it."""
    path = folder / "_measured.py"
    path.write_text(source, encoding="utf-8")
    return float(run(folder, str(path), *words).split()[-1])


def train(folder: Path, work: Path) -> float:
    """Samples per second between the first and the last logged step of ``emocap train``."""
    build, out = work / "drawn", work / "run"
    if not build.exists():
        sources = "sources=[{drawn: {count: 400, size: 128}}]"
        if "synthetic" in (folder / "pipelines" / "drawn.yaml").read_text(encoding="utf-8").partition("sources:")[2]:
            sources = sources.replace("drawn", "synthetic")
        run(folder, "-m", "emocap", "build", "drawn", sources, "--out", str(build))
    subprocess.run(["rm", "-rf", str(out)], check=True)
    settings = [f"data.builds=[{build}]", "data.batch=64", "data.split=null", "epochs=7", "log_every=10"]
    run(folder, "-m", "emocap", "train", "emocapclip-tiny", *settings, "device=cpu", "--out", str(out))
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    # The first row has the start of the loader's workers in it.
    return statistics.median(float(row["samples_per_second"]) for row in rows if row["step"] > 10)


def build(folder: Path, work: Path, photos: Path, weights: Path) -> float:
    """Pictures per second of stage faces, after perf/build.py's copies of some photos."""
    many, out = work / "photos", work / "build"
    if not many.exists():
        source = (
            "import sys; sys.path.insert(0, 'perf'); import build; from pathlib import Path; "
            f"build.multiply([Path({str(photos)!r})], 300, Path({str(many)!r}))"
        )
        run(folder, "-c", source)
    subprocess.run(["rm", "-rf", str(out)], check=True)
    settings = [f"sources=[{{path: {many}}}]", f"faces.weights={weights}", "captioner.backend=none", "-v"]
    printed = run(folder, "-m", "emocap", "build", "photos", *settings, "--out", str(out))
    seconds = re.search(r"faces took ([\d.]+) s", printed)
    assert seconds, printed
    return 300 / float(seconds[1])


def measure(folder: Path, work: Path, photos: Path, weights: Path) -> dict[str, float]:
    """Every rate of one commit, once."""
    rates = (
        script(folder, STEP),
        train(folder, work),
        script(folder, LOADER, str(work / "loader")),
        build(folder, work, photos, weights),
        script(folder, PROBE),
    )
    return dict(zip(UNITS, rates, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    names = [
        subprocess.run(
            ["git", "rev-parse", "--short", name], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in (given.old, given.new)
    ]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folders = {name: stack.enter_context(checkout(name, Path(scratch))) for name in names}
        for number in range(given.rounds):
            for name in names if number % 2 == 0 else reversed(names):
                work = Path(scratch) / f"work-{name}"
                work.mkdir(exist_ok=True)
                found[name].append(measure(folders[name], work, given.photos.absolute(), given.weights.absolute()))
                print(json.dumps({name: found[name][-1]}), file=sys.stderr, flush=True)
    print(f"## {names[1]} beside {names[0]}\n")
    print(f"`python perf/versions.py`: {given.rounds} runs of each, in turns; per second, the median and the runs.\n")
    print(f"| | | {names[0]} | {names[1]} | ratio of medians |\n| --- | --- | --- | --- | --- |")
    for job, unit in UNITS.items():
        sides = [[row[job] for row in found[name]] for name in names]
        cells = [f"{statistics.median(side):.4g} ({', '.join(f'{one:.4g}' for one in side)})" for side in sides]
        ratio = statistics.median(sides[1]) / statistics.median(sides[0])
        print(f"| {job} | {unit} | {' | '.join(cells)} | {ratio:.3f} |")
    print(f"\n{describe('torch', 'ray', 'onnxruntime')}\n")


if __name__ == "__main__":
    main()
