import logging
import random
import resource
import zipfile
from pathlib import Path

import pytest
import torch

from emocap.core.errors import UserError
from emocap.training import checkpoints


def test_only_the_last_are_kept(tmp_path: Path) -> None:
    for step in range(1, 6):
        checkpoints.save(tmp_path, step, {"weight": torch.tensor(step)}, keep=3)
    checkpoints.save_as(tmp_path / "best.pt", 2, {"weight": torch.tensor(2)})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.pt",
        *(f"step-{step:08d}.pt" for step in (3, 4, 5)),
    ]
    assert checkpoints.latest(tmp_path) == {"step": 5, "weight": torch.tensor(5)}
    assert checkpoints.latest(tmp_path / "empty") is None


def test_a_damaged_one_takes_no_place_of_a_whole_one(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 8, {"weight": torch.tensor(8)})
    (tmp_path / "step-00000008.pt").write_bytes(b"torn")
    checkpoints.save(tmp_path, 6, {"weight": torch.tensor(6)}, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000006.pt"]


def test_no_damage_is_taken_for_weights(tmp_path: Path) -> None:
    """Bits turned, stretches lost and ends cut off at random places."""
    weight = torch.arange(400.0)
    for step in (1, 2):
        checkpoints.save(tmp_path, step, {"weight": weight + step})
    path, draw = tmp_path / "step-00000002.pt", random.Random(0)
    whole, steps = path.read_bytes(), []
    for turn in range(300):
        content, place = bytearray(whole), draw.randrange(len(whole))
        if turn % 3 == 0:
            content[place] ^= 1 << draw.randrange(8)
        elif turn % 3 == 1:
            content[place : place + 64] = bytes(len(content[place : place + 64]))
        else:
            del content[place:]
        path.write_bytes(content)
        state = checkpoints.latest(tmp_path)
        assert state is not None
        assert torch.equal(state["weight"], weight + state["step"])
        steps.append(state["step"])
    assert steps.count(1) > 200


def test_a_full_disk_is_told_and_costs_nothing(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, {"weight": torch.zeros(10)})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(UserError, match=r"step-00000002.pt cannot be written: is the disk full\? .* goes on"):
            checkpoints.save(tmp_path, 2, {"weight": torch.zeros(100_000)}, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.pt"]


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (1, 2):
        checkpoints.save(tmp_path, step, {"weight": torch.full((1000,), float(step))})
    path = tmp_path / "step-00000002.pt"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda member: member.file_size)
        content[largest.header_offset + 2000] ^= 1
    path.write_bytes(bytes({"torn": content[:3000], "flipped": content, "empty": bytearray()}[damage]))
    with caplog.at_level(logging.WARNING):
        state = checkpoints.latest(tmp_path)
    assert state is not None
    assert state["step"] == 1
    assert "step-00000002.pt is damaged (" in caplog.text
    (tmp_path / "step-00000001.pt").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"every checkpoint in .* is damaged; delete the folder"):
        checkpoints.latest(tmp_path)
