"""Steps and scores as in MME-Emotion: found as its evaluation finds them, and nothing lost on the way."""

import base64
import io
import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emocap.benchmarks.cards import Card
from emocap.benchmarks.drawing import write_fixture
from emocap.benchmarks.examples import Example
from emocap.benchmarks.fixtures.faces import film
from emocap.captioning.mock_server import mock_captioner
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.evaluation.recipe import GenerationRecipe
from emocap.evaluation.suite import choose
from emocap.evaluation.tasks import reasoning
from emocap.evaluation.tasks.reasoning import scores_of, steps_of
from emocap.io.media import Film
from emocap.llm.mock_server import MockServer, random_faults
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

FAST = ("deadline=2", "patience=60")
AIDS = generation(FAST, "openai:steps", "openai:judge")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    for name in ("mme-emotion-er-lab", "mme-emotion-er-wild", "mme-emotion-fg-er"):
        write_fixture(name, load(Card, "benchmarks", name), folder)
    return folder


@pytest.mark.parametrize(
    ("reply", "one", "several"),
    [
        ("<score>Step 1: 1/1, Step 2: 0/1, Step 3: 1/1</score>", [1, 0, 1], [1, 0, 1]),
        ("<score>Step 1: 1/1</score>", [1], [1]),
        ("<score>Step 1: 1/1, Step 2: 2/3</score>", [1], [1, 2 / 3]),
        ("<score>Step 1:1/1, Step 2:  0/2</score>", [], [1, 0]),
        ("<score>Step 1: 1/1, Step 2: 1/0</score>", [1], [1, 0]),
        ("<score>Step 1: 3/1</score>", [3], [3]),
        ("<score>Step 1: 1/12</score>", [1], [1 / 12]),
        ("<score>Step 1: 1, Step 2: 0</score>", [], []),
        ("<score>Step 1: 1/1,\nStep 2: 0/1</score>", [], []),
        ("Step 1: 1/1", [], []),
        ("<score>Step 1: 1/1", [], []),
        ("First <score>Step 1: 0/1</score>, then <score>Step 1: 1/1</score>", [0], [0]),
        ("", [], []),
    ],
)
def test_scores_are_found_as_the_evaluation_finds_them(reply: str, one: list[float], several: list[float]) -> None:
    assert scores_of(reply, several=False) == one
    assert scores_of(reply, several=True) == several


def test_steps_stand_within_their_tags() -> None:
    assert steps_of("Here: <step>Step 1: A.\nStep 2: B.</step> Good?") == "Step 1: A.\nStep 2: B."
    assert [steps_of(text) for text in ("Step 1: A.", "<step>Step 1: A.", "<step> </step>", "")] == [None] * 4


def play(asked: Mapping[str, Any], shown: str) -> str:
    """A model that answers in three ways, an extractor and a judge that do what they are asked to."""
    text = asked["messages"][-1]["content"][-1]["text"]
    if asked["model"] == "tiny":
        options = re.search(r"out of: (.+)\.$", text)
        assert options
        chosen = random.Random(shown).choice(options[1].split(", "))
        kind = random.Random(shown + "kind").randrange(3)
        return ("I cannot tell what people feel.", chosen, f"The brows move. The mouth does not. So {chosen}.")[kind]
    if asked["model"] == "steps":
        answer = text.rpartition("The answer:\n")[2]
        parts = [part.strip() for part in answer.split(".") if part.strip()]
        parts[-1] = f"The predicted emotion is {'None' if 'cannot' in answer else parts[-1].removeprefix('So ')}"
        return "<step>" + " ".join(f"Step {n}: {part}." for n, part in enumerate(parts, start=1)) + "</step>"
    return f"<score>{', '.join(f'Step {n}: {score}' for n, score in enumerate(judged(text), start=1))}</score>"


def judged(text: str) -> list[str]:
    """The judge contradicts mouths, and counts the labels that the last step names."""
    label = re.search(r"^True emotion: (.*)$", text, re.MULTILINE)
    steps = re.split(r"Step \d+:", text.rpartition("Prediction: <step>")[2])[1:]
    assert label
    assert steps
    labels = label[1].split(", ")
    named = sum(one in steps[-1] for one in labels)
    return [*("0/1" if "mouth" in step else "1/1" for step in steps[:-1]), f"{named}/{len(labels)}"]


def ask(
    mock: MockServer,
    name: str,
    data: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    writing: GenerationRecipe = AIDS,
) -> dict[str, Any]:
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        failed = measure(choose([name]), ["openai:tiny"], None, data, out, allow_counts=True, generation=writing)
    assert failed == []
    return row_of(out)


def row_of(out: Path) -> dict[str, Any]:
    (row,) = flat_rows(out)
    return row


def value(row: dict[str, Any], metric: str) -> float:
    found: float = row["metrics"][metric]["value"]
    return found


@pytest.mark.parametrize("name", ["mme-emotion-er-wild", "mme-emotion-fg-er"])
def test_answers_are_brought_into_steps_and_judged(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(answers=play)
    row = ask(mock, name, data, tmp_path, monkeypatch)
    bodies = [seen.body for seen in mock.seen if seen.body["model"] == "judge"]
    scores = [
        [
            int(c) / int(k)
            for c, k in (score.split("/") for score in judged(body["messages"][1]["content"][-1]["text"]))
        ]
        for body in bodies
    ]
    assert len(scores) == row["questions"] == row["scored"] == sum(row["counts"]["test"].values())
    rec = float(np.mean([one[-1] for one in scores]))
    rea = np.mean([float(np.mean(one[:-1])) if len(one) > 1 else 0.0 for one in scores])
    for official in ("", "_official"):
        assert value(row, f"rec_s{official}") == pytest.approx(rec, abs=1e-4)
        assert value(row, f"rea_s{official}") == pytest.approx(rea, abs=1e-4)
        assert value(row, f"cot_s{official}") == pytest.approx((rec + rea) / 2, abs=1e-4)
    assert {len(one) for one in scores} > {1} or name == "mme-emotion-fg-er"
    assert next(iter(row["metrics"])) == "rec_s"
    assert (row["without_steps"], row["unjudged"], row["unparsable"], row["scores_unlike_steps"]) == ({}, {}, 0, 0)
    assert (row["extractor"], row["judge"], row["mean_steps"]) == (
        "openai:steps",
        "openai:judge",
        pytest.approx(np.mean([len(one) for one in scores]), abs=1e-4),
    )
    assert all(body["temperature"] == 0 for body in bodies)
    told = pq.read_table(tmp_path / row["predictions"]).to_pylist()
    assert {one["predicted"] for one in told if "cannot" in one["reply"]} == {"The predicted emotion is None."}


def test_the_judge_sees_a_frame_of_every_second_and_knows_label_and_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fixture("mme-emotion-ml-er", load(Card, "benchmarks", "mme-emotion-ml-er"), tmp_path)
    long = sorted((tmp_path / "MME-Emotion").rglob("*.mp4"))[0]
    film([Image.new("RGB", (64, 64), (n, n, n)) for n in range(60)], long)
    mock = mock_captioner(answers=play)
    ask(mock, "mme-emotion-ml-er", tmp_path, tmp_path / "out", monkeypatch)
    contents = [s.body["messages"][1]["content"] for s in mock.seen if s.body["model"] == "judge"]
    assert sorted(len(content) - 1 for content in contents) == [1] * (len(contents) - 1) + [3]
    (most,) = (content for content in contents if len(content) == 4)
    shades = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(part["image_url"]["url"].partition(",")[2])))).mean()
        for part in most[:-1]
    ]
    assert np.allclose(shades, [0, 25, 50], atol=2)
    assert "There is no sound, as fits anger,disgust" in most[-1]["text"]
    assert "\nTrue emotion: anger, disgust\n" in most[-1]["text"]
    assert "K is the number of true emotions, 2," in most[-1]["text"]
    (steps, *_) = (s.body["messages"] for s in mock.seen if s.body["model"] == "steps")
    assert len(steps[1]["content"]) == 1  # the extractor sees the answer alone


def test_in_a_storm_every_clip_is_scored_or_counted_and_nothing_is_asked_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(random_faults(0.3, seed=8), retry_after="0.05", answers=play)
    writing = generation((*FAST, "asks=1", "extractor.asks=1", "judge.asks=1"), "openai:steps", "openai:judge")
    row = ask(mock, "mme-emotion-er-wild", data, tmp_path, monkeypatch, writing)
    lost = [sum(row[key].values()) for key in ("unanswered", "without_steps", "unjudged")]
    assert all(lost)
    assert row["unparsable"] > 0
    assert sum(lost) + row["unparsable"] + row["scored"] == row["questions"] == 21
    assert value(row, "rec_s") == pytest.approx(value(row, "rec_s_official") * row["scored"] / 21, abs=2e-4)
    before = mock.log.requests
    again = ask(mock, "mme-emotion-er-wild", data, tmp_path, monkeypatch, writing)
    assert mock.log.requests == before
    assert {**again, "seconds": 0} == {**row, "seconds": 0}


def test_the_judge_sees_a_frame_of_each_of_the_first_ten_seconds() -> None:
    card = load(Card, "benchmarks", "mme-emotion-er-lab")
    asked = reasoning._judging(card, Example("a", Film(Path("a.mp4")), labels=("anger",)), "Step 1: It is anger.")
    assert (asked.media, asked.every, asked.frames, asked.sound) == (Film(Path("a.mp4")), 1.0, 10, False)


def test_without_a_judge_it_says_so_before_anybody_is_paid(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(answers=play)
    (tmp_path / "said.json").write_text(json.dumps(dict.fromkeys(CLIPS, "She frowns: anger.")))
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        for model in ("openai:tiny", f"predictions:{tmp_path / 'said.json'}"):
            (told,) = measure(
                choose(["mme-emotion-er-lab"]),
                [model],
                None,
                data,
                tmp_path,
                allow_counts=True,
                generation=generation(FAST, "openai:steps"),
            )
            assert "set generation.judge=openai:NAME" in told
    assert mock.log.requests == 0


CLIPS = [f"IEMOCAP/video/er-lab-{n:04d}.mp4" for n in range(5)]
LABELS = ["Anger", "Sadness", "Surprise", "Happiness", "Neutral"]


def judged_file(path: Path, scores: list[str | None], responses: list[str] | None = None, **more: Any) -> Path:
    """What the released evaluation leaves."""
    rows = [
        {
            "video_id": clip,
            "ground_truth": label,
            "model_response": response,
            "step": "<step>Step 1: It moves. Step 2: The predicted emotion is Anger.</step>",
            "score": score,
            "input_tokens": 900,
            "output_tokens": 20,
            **more,
        }
        for clip, label, score, response in zip(CLIPS, LABELS, scores, responses or ["Anger"] * 5, strict=True)
    ]
    path.write_text(json.dumps(rows))
    return path


def test_what_the_released_evaluation_leaves_needs_no_judge(data: Path, tmp_path: Path) -> None:
    told = [
        "<score>Step 1: 1/1, Step 2: 1/1</score>",
        "<score>Step 1: 0/1, Step 2: 0/1</score>",
        "<score>Step 1: 1/1</score>",
        "The steps are good.",
        None,
    ]
    path = judged_file(tmp_path / "theirs.json", told)
    spec = f"predictions:{path}"
    assert measure(choose(["mme-emotion-er-lab"]), [spec], None, data, tmp_path, allow_counts=True) == []
    row = row_of(tmp_path)
    metrics = {name: one["value"] for name, one in row["metrics"].items()}
    assert metrics == {
        "rec_s": 0.4,  # (1 + 0 + 1 + 0 + 0) / 5
        "rea_s": 0.2,  # (1 + 0 + 0 + 0 + 0) / 5
        "cot_s": 0.3,
        "rec_s_official": pytest.approx(2 / 3),  # of the three with scores
        "rea_s_official": pytest.approx(1 / 3),
        "cot_s_official": 0.5,
    }
    assert (row["scored"], row["unparsable"], row["unjudged"]) == (3, 1, {"no_score_in_file": 1})
    assert (row["scores_unlike_steps"], row["scores_from_file"], row["without_clue"]) == (1, 5, 0)
    assert all(one["low"] <= one["value"] <= one["high"] for one in row["metrics"].values())
    predicted = pq.read_table(tmp_path / row["predictions"]).to_pydict()["predicted"]
    assert predicted == [
        "Anger",
        "The predicted emotion is Anger.",
        "Surprise",
        *["The predicted emotion is Anger."] * 2,
    ]


def test_scores_above_one_and_of_no_answer_count_in_the_official_numbers_alone(data: Path, tmp_path: Path) -> None:
    told = ["<score>Step 1: 1/1, Step 2: 5/1</score>", *["<score>Step 1: 1/1, Step 2: 1/1</score>"] * 4]
    path = judged_file(tmp_path / "theirs.json", [*told], ["Anger", "", "Anger", "Anger", "Anger"])
    measure(choose(["mme-emotion-er-lab"]), [f"predictions:{path}"], None, data, tmp_path, allow_counts=True)
    row = row_of(tmp_path)
    assert (value(row, "rec_s_official"), value(row, "rec_s")) == (1.8, 0.6)
    assert (row["unanswered"], row["unparsable"]) == ({"empty": 1}, 1)


def test_numbers_agree_with_the_loop_of_the_evaluation(data: Path, tmp_path: Path) -> None:
    chance = random.Random(0)
    forms = ("Step {}: 1/1", "Step {}: 0/1", "Step {}: 1", "Step {}:1/1", "Step {}: 2/3")
    for _ in range(20):
        told = [
            f"<score>{', '.join(chance.choice(forms).format(n) for n in range(1, chance.randint(1, 5)))}</score>"
            for _ in CLIPS
        ]
        path = judged_file(tmp_path / "theirs.json", [*told])
        measure(choose(["mme-emotion-er-lab"]), [f"predictions:{path}"], None, data, tmp_path, allow_counts=True)
        rec = rea = count = 0.0
        for score in told:
            found = [int(n) for n in re.findall(r": (\d)/1", score)]
            if found:
                count += 1
                rec += found[-1]
                rea += sum(found[:-1]) / len(found[:-1]) if len(found) > 1 else 0
        row = row_of(tmp_path)
        if not count:
            assert row["metrics"]["rec_s_official"]["value"] is None
            continue
        assert value(row, "rec_s_official") == pytest.approx(rec / count, abs=1e-4)
        assert value(row, "rea_s_official") == pytest.approx(rea / count, abs=1e-4)
        assert value(row, "cot_s_official") == pytest.approx((rec + rea) / (2 * count), abs=1e-4)
        assert value(row, "rec_s") == pytest.approx(rec / 5, abs=1e-4)


def test_predictions_about_other_labels_are_refused(data: Path, tmp_path: Path) -> None:
    path = judged_file(tmp_path / "theirs.json", [None] * 5, ground_truth="Fear")
    (failed,) = measure(
        choose(["mme-emotion-er-lab"]), [f"predictions:{path}"], None, data, tmp_path, allow_counts=True
    )
    with pytest.raises(UserError, match=r"ground_truth of IEMOCAP/\S+ is 'Fear' in the predictions and 'Anger'"):
        raise UserError(failed)


def test_numbers_beyond_all_bounds_are_no_scores(data: Path, tmp_path: Path) -> None:
    write_fixture("mme-emotion-ml-er", load(Card, "benchmarks", "mme-emotion-ml-er"), tmp_path)
    asked = json.loads((tmp_path / "MME-Emotion/ML-ER/question/ML_ER.json").read_text())
    broken = f"<score>Step 1: {'9' * 5000}/{'9' * 5000}</score>"
    rows = [
        {
            "video_id": one["video_id"],
            "model_response": "x",
            "step": "",
            "score": broken if n else "<score>: 1/2</score>",
        }
        for n, one in enumerate(asked)
    ]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    spec = f"predictions:{tmp_path / 'p.json'}"
    assert measure(choose(["mme-emotion-ml-er"]), [spec], None, tmp_path, tmp_path, allow_counts=True) == []
    row = row_of(tmp_path)
    assert (row["scored"], row["unparsable"], value(row, "rec_s_official")) == (1, len(rows) - 1, 0.5)
    assert row["without_steps"] == {"no_tags": len(rows)}
