"""Real voices and others: scores from odds, the EER beside scikit-learn, and endpoints that tell no odds."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_curve

from emocap.benchmarks.cards import Card
from emocap.benchmarks.drawing import write_fixture
from emocap.captioning.mock_server import mock_captioner
from emocap.core.recipes import load
from emocap.evaluation.suite import choose
from emocap.evaluation.tasks.spoofing import decision, score, words
from emocap.llm.chat_models import Response
from emocap.llm.mock_server import MockServer, random_faults
from emocap.metrics.arrays import Numbers
from emocap.reports.page import write_report
from tests.support.measuring import generation, measure
from tests.support.rows import flat_rows

CARD = load(Card, "benchmarks", "asvspoof2019-la")
KNOWN = words(CARD)
FAST = ("deadline=2", "patience=60")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    write_fixture("asvspoof2019-la", CARD, folder)
    return folder


@pytest.fixture(scope="module")
def trials(data: Path) -> list[tuple[str, str, bool]]:
    """Recording, attack, and whether the voice is real."""
    (protocol,) = data.rglob("*.trl.txt")
    lines = [line.split() for line in protocol.read_text().splitlines()]
    return [(name, attack, key == "bonafide") for _, name, _, attack, key in lines]


def oracle(real: Any, scores: Any) -> float:
    """Where the ROC of scikit-learn crosses FPR = 1 - TPR, looked for by halving."""
    false, true, _ = roc_curve(real, scores, drop_intermediate=False)
    place = np.arange(len(false), dtype=float)
    low, high = 0.0, float(len(false) - 1)
    for _ in range(200):
        middle = (low + high) / 2
        over = np.interp(middle, place, false) >= 1 - np.interp(middle, place, true)
        low, high = (low, middle) if over else (middle, high)
    return float(np.interp(high, place, false))


def run(models: list[str], data: Path, out: Path, *settings: str) -> list[str]:
    return measure(
        choose(["asvspoof2019-la"]),
        models,
        None,
        data,
        out,
        allow_counts=True,
        generation=generation((*FAST, *settings)),
    )


def told(out: Path) -> tuple[Row, list[Row]]:
    (row,) = flat_rows(out)
    return row, pq.read_table(out / row["predictions"]).to_pylist()


def value(row: Row, metric: str) -> float | None:
    found: float | None = row["metrics"][metric]["value"]
    return found


def logits(trials: list[tuple[str, str, bool]], seed: int = 0) -> dict[str, list[float]]:
    """As the code of ALLM4ADD writes them: of the path of another machine, those of fake and of real."""
    random = np.random.default_rng(seed)
    return {
        f"/data/ASVspoof2019/LA/eval/wav/{name}.wav": [random.normal() + 12, random.normal() + 12 + 1.5 * real]
        for name, _, real in trials
    }


def test_logits_in_the_form_of_the_repository(data: Path, trials: list[tuple[str, str, bool]], tmp_path: Path) -> None:
    pairs = logits(trials)
    (tmp_path / "p.json").write_text(json.dumps(pairs))
    assert run([f"predictions:qwen={tmp_path / 'p.json'}"], data, tmp_path) == []
    row, lines = told(tmp_path)
    scores = np.array([r - f for f, r in pairs.values()])
    real = np.array([one for _, _, one in trials])
    assert list(row["metrics"]) == ["eer", "uar", "accuracy", "eer_scored"]
    assert value(row, "eer") == value(row, "eer_scored") == pytest.approx(oracle(real, scores), abs=1e-4)
    assert value(row, "uar") == pytest.approx(balanced_accuracy_score(real, scores > 0), abs=1e-4)
    assert value(row, "accuracy") == pytest.approx((real == (scores > 0)).mean(), abs=1e-4)
    assert row["metrics"]["eer"]["low"] <= value(row, "eer") <= row["metrics"]["eer"]["high"]
    assert row["counts"]["test"] == {"fake": 52, "real": 12}
    assert row["test_subjects"] == 4
    assert (row["unparsable"], row["no_odds"], row["one_sided"], row["unanswered"]) == (0, 0, 0, {})
    assert row["labels"] == ["real", "fake"]
    assert [line["score"] for line in lines] == pytest.approx(scores.tolist())


def test_an_attack_is_measured_against_all_real_voices(
    data: Path, trials: list[tuple[str, str, bool]], tmp_path: Path
) -> None:
    pairs = logits(trials, seed=1)
    (tmp_path / "p.json").write_text(json.dumps(pairs))
    assert run([f"predictions:qwen={tmp_path / 'p.json'}"], data, tmp_path) == []
    row, _ = told(tmp_path)
    scores = np.array([r - f for f, r in pairs.values()])
    attacks = np.array([attack for _, attack, _ in trials])
    assert list(row["subgroups"]) == ["attack"]
    assert list(row["subgroups"]["attack"]) == [f"A{number:02d}" for number in range(7, 20)]
    for attack, found in row["subgroups"]["attack"].items():
        own = np.isin(attacks, [attack, "-"])
        real = attacks[own] == "-"
        assert found["n"] == 4
        assert found["metrics"]["eer"] == pytest.approx(oracle(real, scores[own]), abs=1e-4)
        assert found["metrics"]["uar"] == pytest.approx(balanced_accuracy_score(real, scores[own] > 0), abs=1e-4)
    page = write_report([tmp_path], tmp_path / "report.html").read_text()
    for text in ("By attack", "A19", "EER of what has a score"):
        assert text in page


def test_silence_is_the_worst_score(data: Path, trials: list[tuple[str, str, bool]], tmp_path: Path) -> None:
    """Two real voices and six others are not in the file, and one row of either is no pair of numbers."""
    pairs: dict[str, Any] = logits(trials, seed=2)
    real = np.array([one for _, _, one in trials])
    gone = np.zeros(len(trials), dtype=bool)
    gone[[*np.flatnonzero(real)[:3], *np.flatnonzero(~real)[:7]]] = True
    names = list(pairs)
    odd = [np.flatnonzero(real)[2], np.flatnonzero(~real)[6]]
    scores = np.array([r - f for f, r in pairs.values()])
    for place in np.flatnonzero(gone):
        del pairs[names[place]]
    pairs |= {names[odd[0]]: [1.0, float("nan")], names[odd[1]]: [1.0]}
    (tmp_path / "p.json").write_text(json.dumps(pairs))
    assert run([f"predictions:qwen={tmp_path / 'p.json'}"], data, tmp_path) == []
    row, _ = told(tmp_path)
    worst = np.where(gone, np.where(real, -99, 99), scores)
    assert value(row, "eer") == pytest.approx(oracle(real, worst), abs=1e-4)
    assert value(row, "eer_scored") == pytest.approx(oracle(real[~gone], scores[~gone]), abs=1e-4)
    assert value(row, "accuracy") == pytest.approx(((real == (scores > 0)) & ~gone).mean(), abs=1e-4)
    assert (row["unanswered"], row["unparsable"], row["no_odds"]) == ({"no_prediction": 8}, 2, 2)
    assert row["labels"] == ["real", "fake"]
    assert np.sum(row["confusion"]) == 64
    assert [line[2] for line in row["confusion"]] == [3, 7]
    assert row["chance"]["uar"] == 0.5


def test_rows_of_text_decide_and_have_no_eer(
    data: Path, trials: list[tuple[str, str, bool]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{name},{'Real.' if real or place % 2 else 'It is fake'}" for place, (name, _, real) in enumerate(trials)]
    (tmp_path / "p.csv").write_text("\n".join(["name,response", *rows]))
    assert run([f"predictions:{tmp_path / 'p.csv'}"], data, tmp_path) == []
    row, _ = told(tmp_path)
    assert (value(row, "eer"), value(row, "eer_scored"), row["no_odds"]) == (None, None, 64)
    missed = sum(not real and place % 2 for place, (_, _, real) in enumerate(trials))
    assert value(row, "accuracy") == pytest.approx(1 - missed / 64, abs=1e-4)
    assert value(row, "uar") == pytest.approx((1 + 1 - missed / 52) / 2, abs=1e-4)
    assert "asvspoof2019-la: no reply has log-probabilities, so the EER is undefined" in caplog.text
    write_report([tmp_path], tmp_path / "report.html")


def ask(mock: MockServer, data: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *settings: str) -> list[str]:
    with mock.running() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        return run(["openai:tiny"], data, out, *settings)


def test_endpoints_are_asked_for_the_odds_of_the_first_word(
    data: Path, trials: list[tuple[str, str, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(answers=lambda asked, shown: "Real.")
    assert ask(mock, data, tmp_path, monkeypatch) == []
    body = mock.seen[0].body
    assert (body["logprobs"], body["top_logprobs"], body["max_tokens"]) == (True, 20, 16)
    sound, text = body["messages"][0]["content"]
    assert (sound["type"], text["text"]) == ("input_audio", "Is this audio real or fake?")
    row, lines = told(tmp_path)
    scores = np.array([line["score"] for line in lines])
    real = np.array([one for _, _, one in trials])
    assert value(row, "eer") == pytest.approx(oracle(real, scores), abs=1e-4)
    assert value(row, "accuracy") == pytest.approx(((scores > 0) == real).mean(), abs=1e-4)
    assert row["no_odds"] == row["one_sided"] == 0
    requests = mock.log.requests
    assert ask(mock, data, tmp_path, monkeypatch) == []
    assert mock.log.requests == requests == 64


def test_a_server_that_refuses_odds_is_asked_without(
    data: Path, trials: list[tuple[str, str, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = mock_captioner(answers=lambda asked, shown: "Fake.")
    assert ask(mock, data, tmp_path, monkeypatch, "first_token_logprobs=0") == []
    assert "logprobs" not in mock.seen[0].body
    assert mock.log.requests == 64
    row, _ = told(tmp_path)
    assert (value(row, "eer"), value(row, "uar"), row["no_odds"]) == (None, 0.5, 64)
    assert value(row, "accuracy") == pytest.approx(52 / 64, abs=1e-4)


def test_in_a_storm_all_is_counted(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock = mock_captioner(random_faults(0.3, seed=3), retry_after="0.05", answers=lambda asked, shown: "Real.")
    assert ask(mock, data, tmp_path, monkeypatch, "asks=1") == []
    row, lines = told(tmp_path)
    silent = [line for line in lines if line["reply"] is None]
    assert len(lines) == 64
    assert sum(row["unanswered"].values()) == len(silent) > 0
    assert {line["predicted"] for line in silent} == {None}
    scores = [line["score"] for line in lines]
    real = np.array([line["true"] == "real" for line in lines])
    assert sum(one is None for one in scores) == len(silent) + row["no_odds"]
    worst: Numbers = np.array([(-99 if r else 99) if s is None else s for s, r in zip(scores, real, strict=True)])
    assert value(row, "eer") == pytest.approx(oracle(real, worst), abs=1e-4)
    kept = np.array([one is not None for one in scores])
    assert value(row, "eer_scored") == pytest.approx(oracle(real[kept], worst[kept]), abs=1e-4)


def odds(**tokens: float) -> Response:
    return Response("?", first_token_logprobs={name.replace("_", " "): math.log(p) for name, p in tokens.items()})


@pytest.mark.parametrize(
    ("response", "expected", "one_sided"),
    [
        (odds(Real=0.6, Fake=0.3), math.log(2), False),
        (odds(real=0.2, _Real=0.3, REAL=0.1, Fake=0.1, _fake=0.1, It=0.1), math.log(3), False),
        (odds(Ġreal=0.4, ġFake=0.1, **{"▁Fake": 0.1, '"fake': 0.1}), math.log(2), False),
        (odds(Real=0.9, The=0.09, It=0.01), math.log(90), True),  # fake is at most as likely as the least listed
        (odds(The=0.9, Fake=0.08, It=0.02), math.log(0.25), True),
        (odds(Real=0.9), 0.0, True),
        (odds(Reality=0.5, Fak=0.5), math.nan, False),
        (odds(The=0.9), math.nan, False),
        (Response("Real", first_token_logprobs={}), math.nan, False),
        (Response("Real"), math.nan, False),
        (Response(None, "cut"), math.nan, False),
        (Response("[1, 3]", fields={"value": [1, 3]}), 2.0, False),
        (Response("[1, 3, 4]", fields={"value": [1, 3, 4]}), math.nan, False),
        (Response("x", fields={"value": ["1", "3"]}), math.nan, False),
    ],
)
def test_scores(response: Response, expected: float, one_sided: bool) -> None:
    found, sided = score(response, KNOWN)
    assert found == pytest.approx(expected, nan_ok=True)
    assert sided is one_sided


@pytest.mark.parametrize(
    ("text", "known_score", "place"),
    [
        ("Fake.", 0.1, 0),  # odds speak first
        ("Real.", -0.1, 1),
        ("Real.", 0.0, 0),
        ("fake", math.nan, 1),
        ("The audio is REAL!", math.nan, 0),
        ("It may be real or fake.", math.nan, 2),
        ("Really?", math.nan, 2),
        (None, math.nan, 2),
    ],
)
def test_decisions(text: str | None, known_score: float, place: int) -> None:
    assert decision(Response(text), known_score, KNOWN) == place


def test_cards_may_have_other_words(tmp_path: Path) -> None:
    one = Card.model_validate(
        {
            "title": "Ours",
            "task": "spoofing",
            "layout": {"reader": "messages", "file": "eval.jsonl"},
            "classes": {"bonafide": ["Genuine", "Authentic"], "spoof": []},
            "generate": {"prompt": "Genuine or spoof?", "modalities": ["sound"]},
        }
    )
    known = words(one)
    assert [sorted(some) for some in known] == [["authentic", "bonafide", "genuine"], ["spoof"]]
    assert score(odds(Genuine=0.1, Authentic=0.2, Spoof=0.1), known)[0] == pytest.approx(math.log(3))
