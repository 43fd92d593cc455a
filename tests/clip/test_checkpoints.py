import logging
import zipfile
from pathlib import Path

import pytest
import torch

from emocap.clip import checkpoints
from emocap.errors import UserError


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
    assert "step-00000002.pt is damaged" in caplog.text
    (tmp_path / "step-00000001.pt").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"every checkpoint in .* is damaged; delete the folder"):
        checkpoints.latest(tmp_path)
