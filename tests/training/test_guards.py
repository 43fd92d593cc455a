from pathlib import Path

from emocap.training.guards import SpikeGuard, no_number
from emocap.training.process_group import ProcessGroup


def test_a_norm_far_above_the_median_is_a_spike() -> None:
    is_spike = SpikeGuard(3.0)
    assert not any(is_spike(norm) for norm in (1.0, 50.0, *8 * [1.0]))  # too few to know what is usual
    assert [is_spike(norm) for norm in (2.9, 3.1, 1.0, 100.0)] == [False, True, False, True]
    assert not any(SpikeGuard(None)(norm) for norm in (*20 * [1.0], 1e9))


def test_a_lasting_rise_becomes_usual() -> None:
    is_spike = SpikeGuard(3.0)
    skipped = [is_spike(norm) for norm in (*100 * [1.0], *100 * [5.0])]
    assert skipped[100]
    assert not skipped[-1]


def test_what_is_said_names_step_terms_and_keys(tmp_path: Path) -> None:
    told = {"loss": float("nan"), "local": 2.0}
    message = str(no_number(7, told, 1.5, [f"face-{n}" for n in range(12)], ProcessGroup(), tmp_path))
    assert "step 7 (loss nan, local 2, gradient norm 1.5)" in message
    assert "face-0; " in message
    assert "and 2 more" in message
    assert "face-11" in (tmp_path / "stopped.json").read_text()
