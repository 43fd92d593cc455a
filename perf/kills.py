"""A build of 50 shards that is killed a hundred times: what it ends in, and what was paid for.

    python perf/kills.py >> perf/RESULTS.md

Every kill is SIGKILL to the command and all its processes, Ray's included, at a random moment. The endpoint keeps
count of what it has charged for every face, and honours the Idempotency-Key that the captioner sends: a request whose
reply was lost with its asker gets the same reply again, unpaid.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml
from machine import describe

from emocap.captioning.mock_server import mock_captioner
from emocap.core.files import sha256
from emocap.llm.reply_log import ACCEPTED, read_replies
from emocap.schema.verify import verify

SHARDS, FACES_PER_SHARD = 50, 20


def recipe(address: str, path: Path) -> Path:
    content = {
        "sources": [{"synthetic": {"count": SHARDS * FACES_PER_SHARD, "people": 200, "size": 64}}],
        "faces": {"detector": "given", "min_size": 16, "size": 48, "block": 20, "duplicates": None},
        "captioner": {
            "backend": "openai",
            "model": "mock",
            "endpoints": [{"base_url": address, "concurrency": 4}],
            "price": {"prompt": 1, "completion": 2},
        },
        "shards": {"samples": FACES_PER_SHARD},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def start(recipe_file: Path, out: Path) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "emocap", "build", str(recipe_file), "--out", str(out)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill(process: int) -> None:
    """SIGKILL to a process and everything below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    everything = [process]
    for number in everything:
        everything += children.get(number, [])
    for number in everything:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def where(out: Path) -> str:
    """What a build was at."""
    if not (out / "inputs.parquet").exists():
        return "listing inputs"
    if not (out / "selected.parquet").exists():
        return "finding faces"
    return "writing captions"


def hashes(out: Path) -> dict[str, str]:
    """Of everything that a build is made of."""
    kinds = ("faces/*.tar", "shards/*.tar", "index/*.parquet", "rejects/*.parquet")
    return {path.relative_to(out).as_posix(): sha256(path) for kind in kinds for path in sorted(out.glob(kind))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--latency", type=float, default=1.2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        with mock_captioner().running() as address:
            assert start(recipe(address, root / "whole.yaml"), root / "whole").wait() == 0
        server = mock_captioner(latency=given.latency, honour_idempotency=True)
        out = root / "killed"
        hit: Counter[str] = Counter()
        with server.running() as address:
            recipe_file = recipe(address, root / "killed.yaml")
            while hit.total() < given.kills:
                process = start(recipe_file, out)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(draw.uniform(0.5, 22))
                if process.poll() is not None:
                    break
                hit[where(out)] += 1
                kill(process.pid)
                process.wait()
                print(f"kill {hit.total()}: {dict(hit)}", file=sys.stderr)
            begun = time.monotonic()
            assert start(recipe_file, out).wait() == 0
            last = time.monotonic() - begun
        same = hashes(out) == hashes(root / "whole")
        wrong = verify(out)
        replies = [reply for path in (out / "replies").glob("*.jsonl") for reply in read_replies(path)]
        accepted = Counter(reply.key for reply in replies if reply.verdict == ACCEPTED)
        charged = Counter(picture.charged for picture in server.log.pictures.values())
        asked = server.log.requests
    kills = ", ".join(f"{count} {what}" for what, count in hit.most_common())
    print("## A build killed again and again\n")
    print(f"`python perf/kills.py`: {SHARDS} shards of {FACES_PER_SHARD} drawn faces, captions from a mock endpoint")
    print(f"after {given.latency:g} s, concurrency 4; {hit.total()} kills at random moments ({kills}), then a run of")
    print(f"{last:.0f} s to the end.\n")
    rows = {
        "faces, shards, index and rejects, byte for byte those of a build that was left alone": same,
        "problems that `emocap inspect` finds": len(wrong),
        "faces with an accepted reply on disk": len(accepted),
        "faces with more than one": sum(count > 1 for count in accepted.values()),
        "faces charged once": charged[1],
        "faces charged more than once": sum(faces for times, faces in charged.items() if times > 1),
        "requests": asked,
        "of those, killed before their reply was on disk": asked - len(replies),
    }
    print("| | |\n| --- | --- |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    print(f"\n{describe('ray', 'openai')}\n")


if __name__ == "__main__":
    main()
