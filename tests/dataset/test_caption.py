"""Builds that ask an endpoint for their captions."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from emocap.captioning.mock_server import mock_captioner
from emocap.core.errors import UserError
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build
from emocap.llm.mock_server import picture_name, random_faults
from emocap.llm.reply_log import read_replies
from emocap.schema.shards import read_rejects, read_shard
from emocap.schema.verify import verify

pytestmark = pytest.mark.usefixtures("ray_session")

FACES = 60


Asking = Callable[..., BuildRecipe]


def test_with_every_fault_at_30_percent_each_face_is_captioned_or_rejected_with_its_reason(
    tmp_path: Path, asking_recipe: Asking
) -> None:
    server = mock_captioner(random_faults(0.3, seed=3), retry_after="0.2", honour_idempotency=True)
    with server.running() as address:
        # One ask in three hundred fails twice for the same reason: with two asks some faces end in rejects.
        manifest = build(asking_recipe(address, deadline=1.5, asks=2), tmp_path / "out")
    out = tmp_path / "out"
    assert verify(out) == []
    made = [sample for tar in sorted((out / "shards").glob("*.tar")) for sample in read_shard(tar)]
    fallen = read_rejects(out / "rejects")
    keys = Counter([sample.record.key for sample in made] + [row.key for row in fallen])
    assert len(keys) == FACES
    assert set(keys.values()) == {1}
    assert {row.stage for row in fallen} <= {"caption"}
    assert {row.reason for row in fallen} <= {
        "cut", "empty", "refused", "not_json", "wrong_schema", "lint", "endpoint_failed",
    }  # fmt: skip
    assert all(row.text is not None for row in fallen if row.reason not in ("endpoint_failed", "empty"))
    good = [server.log.pictures[picture_name(sample.jpeg)].captions_charged for sample in made]
    assert good == [1] * len(made)
    replies = [reply for path in (out / "replies").glob("*.jsonl") for reply in read_replies(path)]
    spent = manifest["captioner"]
    assert spent["replies"] == len(replies)
    assert spent["accepted"] == len(made)
    assert spent["completion_tokens"] == sum(reply.completion_tokens for reply in replies) > 0
    assert spent["cost"] == pytest.approx(sum(reply.cost for reply in replies))
    assert {path.stem for path in (out / "replies").glob("*.jsonl")} == {f"emocap-{n:06d}" for n in range(3)}


def test_a_budget_stops_the_build_and_a_higher_one_goes_on(tmp_path: Path, asking_recipe: Asking) -> None:
    server = mock_captioner()
    with server.running() as address:
        whole = asking_recipe(address)
        with pytest.raises(UserError, match=r"raise captioner\.budget"):
            build(asking_recipe(address, budget=0.15), tmp_path / "out")
        assert not (tmp_path / "out/manifest.json").exists()
        before = server.log.requests
        assert 0 < before < FACES
        manifest = build(asking_recipe(address, budget=100.0), tmp_path / "out")
        assert server.log.requests == FACES
        assert build(whole, tmp_path / "whole")["shards"] == manifest["shards"]
    assert manifest["captioner"]["accepted"] == FACES
    replies = [json.loads(line) for path in (tmp_path / "out/replies").glob("*") for line in path.open()]
    assert len({reply["key"] for reply in replies}) == len(replies) == FACES


def test_the_faces_of_one_build_are_captioned_again_by_another(drawn_build: Path, tmp_path: Path) -> None:
    mine = BuildRecipe.model_validate(
        {
            "sources": [{"build": str(drawn_build)}],
            "faces": {"detector": "given", "size": 48},
            "shards": {"samples": 50},
        }
    )
    manifest = build(mine, tmp_path / "out")
    assert manifest["counts"]["samples"] == 120
    theirs = json.loads((drawn_build / "manifest.json").read_text())
    assert [shard["sha256"] for shard in manifest["shards"]] == [shard["sha256"] for shard in theirs["shards"]]
