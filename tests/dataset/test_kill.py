"""Builds that are killed, as a whole or a node at a time: nothing is lost, and nothing is paid for twice."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emocap.captioning.mock_server import mock_captioner
from emocap.core.recipes import to_yaml
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build
from emocap.schema.verify import verify

pytestmark = [pytest.mark.slow, pytest.mark.ddp]

FACES = 60


def hashes(out: Path) -> dict[str, str]:
    return {shard["name"]: shard["sha256"] for shard in json.loads((out / "manifest.json").read_text())["shards"]}


@contextlib.contextmanager
def command(recipe_file: Path, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A build in processes of its own, none of which is left when the block ends."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    words = [sys.executable, "-m", "emocap", "build", str(recipe_file), "--out", str(out)]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        for number in descendants(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.wait()


def descendants(process: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found = [process]
    for number in found:
        found += children.get(number, [])
    return found


def test_killed_at_any_moment_it_ends_in_the_same_shards_and_pays_for_no_face_twice(
    tmp_path: Path, ray_session: None, asking_recipe: Callable[..., BuildRecipe]
) -> None:
    draw = random.Random(1)
    with mock_captioner().running() as address:
        build(asking_recipe(address, samples=6), tmp_path / "whole")
    server = mock_captioner(latency=0.2, honour_idempotency=True)
    recipe_file, out = tmp_path / "recipe.yaml", tmp_path / "out"
    with server.running() as address:
        recipe_file.write_text(to_yaml(asking_recipe(address, concurrency=2, samples=6)))
        for done in ("faces/faces-*.parquet", "replies/*.jsonl", "index/emocap-*.parquet", "index/emocap-*5.parquet"):
            with command(recipe_file, out) as process:
                deadline = time.monotonic() + 120
                while process.poll() is None and not list(out.glob(done)) and time.monotonic() < deadline:
                    time.sleep(0.01)
                time.sleep(draw.uniform(0, 0.5))
            assert not (out / "manifest.json").exists()
        with command(recipe_file, out) as process:
            assert process.wait(timeout=180) == 0
    assert hashes(out) == hashes(tmp_path / "whole")
    assert verify(out) == []
    assert [picture.charged for picture in server.log.pictures.values()] == [1] * FACES
    replies = [json.loads(line) for path in (out / "replies").glob("*.jsonl") for line in path.open()]
    assert Counter(reply["key"] for reply in replies).most_common(1)[0][1] == 1
    assert len(replies) == FACES


THREE_NODES = textwrap.dedent(
    """
    import pathlib, sys, threading, time
    import ray
    from ray.cluster_utils import Cluster
    from emocap.dataset.recipe import BuildRecipe
    from emocap.dataset.run import build
    from emocap.core.recipes import load

    recipe_file, out, victim = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)

    def alive():
        return sum(node["Alive"] for node in ray.nodes())

    def kill():
        while not list(out.glob(victim)):
            time.sleep(0.01)
        cluster.remove_node(nodes[0], allow_graceful=False)
        killed_while_building.append(not (out / "manifest.json").exists())

    killed_while_building = []
    killer = threading.Thread(target=kill, daemon=True)
    if victim != "-":
        killer.start()
    build(load(BuildRecipe, "pipelines", recipe_file), out)
    if victim != "-":
        killer.join(timeout=60)
        # A small build may be done before the cluster misses the node.
        deadline = time.monotonic() + 60
        while alive() == 3 and time.monotonic() < deadline:
            time.sleep(0.1)
    print("alive", alive(), *killed_while_building, flush=True)
    ray.shutdown()
    cluster.shutdown()
    """
)


def three_nodes(recipe_file: Path, out: Path, victim: str = "-") -> str:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    words = [sys.executable, "-c", THREE_NODES, str(recipe_file), str(out), victim]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    (alive,) = (line for line in done.stdout.splitlines() if line.startswith("alive"))
    return alive


def test_a_cluster_of_three_nodes_that_loses_one_makes_the_shards_of_one_node(
    drawn_build: Path, drawn_recipe: BuildRecipe, tmp_path: Path
) -> None:
    recipe_file = tmp_path / "recipe.yaml"
    faces = drawn_recipe.faces.model_copy(update={"block": 4})
    recipe_file.write_text(to_yaml(drawn_recipe.model_copy(update={"faces": faces})))
    assert three_nodes(recipe_file, tmp_path / "three") == "alive 3"
    assert three_nodes(recipe_file, tmp_path / "two", "faces/faces-*3.parquet") == "alive 2 True"
    assert hashes(tmp_path / "three") == hashes(tmp_path / "two") == hashes(drawn_build)
    assert verify(tmp_path / "two") == []
