from emocap.core.progress import Stage
from emocap.dataset.display import Display, describe


def test_a_line_says_what_was_kept_and_why_the_rest_was_not() -> None:
    counts = {"inputs": 9, "frames": 1200, "faces": 800, "faces: no_face": 300, "read: broken_image": 2}
    assert describe(counts, ("frames", "faces")) == (
        "1,200 frames, 800 faces, 302 rejected (no_face 300, broken_image 2)"
    )
    reasons = {f"faces: reason{number}": number for number in range(1, 7)}
    assert describe(reasons, ()) == "21 rejected (reason6 6, reason5 5, reason4 4, reason3 3, ...)"


def test_a_line_says_what_was_spent() -> None:
    spent = {"samples": 3, "prompt_tokens": 1500, "completion_tokens": 500, "cost": 1.234}
    assert describe(spent, ("samples",)) == "3 samples, 2,000 tokens, 1.23 spent"
    assert describe({"cost": 0.00123}, ()) == "0.0012 spent"
    assert describe({}, ("samples",)) == ""


def test_rows_in_hand_run_ahead_and_earlier_runs_are_added() -> None:
    stage = Stage("faces", 100, None)
    display = Display(stage, "inputs", ("faces",))
    display.before({"inputs": 40, "faces": 30})
    assert stage.done == 40
    display.live({"inputs": 7, "faces": 5, "faces: no_face": 2})
    assert (stage.done, stage._message) == (47, "35 faces, 2 rejected (no_face 2)")
    display.done({"inputs": 10, "faces": 8, "faces: no_face": 2})
    assert (stage.done, stage._message) == (50, "38 faces, 2 rejected (no_face 2)")
    display.live({"inputs": 999, "faces": 8})
    assert stage.done == 100
