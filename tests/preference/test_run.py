import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emocap.core.errors import UserError
from emocap.preference.comparison_data import gather
from emocap.preference.pairs import Answer, Pair
from emocap.preference.run import BATCH, rank_by_judge, rank_by_people
from tests.support.describing import Oracle, by_alphabet, chance, write_descriptions

NAMES = ["ann", "bob", "cid", "dot"]
Many = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_descriptions(tmp_path / "described.csv", NAMES, 20)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "pairs.jsonl").read_text().splitlines()]


def order(result: dict[str, Any]) -> list[str]:
    return [one["name"] for one in result["ranking"]["entries"]]


def test_every_pair_is_judged_in_both_orders(table: Path, tmp_path: Path) -> None:
    judge = Oracle()
    result = rank_by_judge(gather([table]), judge, tmp_path / "out")
    assert result["pairs"] | {"left_out": None} == {
        "possible": 120,
        "judged": 120,
        "unanswered": 0,
        "answered_in_one_order": 0,
        "unreadable_replies": 0,
        "unanswered_examples": [],
        "left_out": None,
    }
    assert len(judge.asked) == 240
    assert len({pair.key for pair in judge.asked}) == 120
    assert order(result) == ["dot", "cid", "bob", "ann"]
    assert result["ranking"]["inputs"] == 20
    assert result["consistency"]["consistency"]["value"] == 1.0
    assert result == json.loads((tmp_path / "out" / "ranking.json").read_text())
    first = sum(pair.models == tuple(sorted(pair.models or ())) for pair in judge.asked[:120])
    assert 40 < first < 80  # neither of two captioners is always shown first


def test_one_order_is_enough_where_order_cannot_matter(table: Path, tmp_path: Path) -> None:
    judge = Oracle(both_orders=False)
    result = rank_by_judge(gather([table]), judge, tmp_path)
    assert len(judge.asked) == 120
    assert result["consistency"] is None
    assert "reversed_preference" not in lines(tmp_path)[0]


def test_a_judge_that_goes_by_the_order_ranks_nobody(table: Path, tmp_path: Path) -> None:
    result = rank_by_judge(gather([table]), Oracle(lambda pair: "a1"), tmp_path)
    assert {one["rank"] for one in result["ranking"]["entries"]} == {1}
    assert result["consistency"]["consistency"]["value"] == 0.0
    assert result["consistency"]["first"]["value"] == 1.0


@pytest.mark.parametrize(("pairs", "stops"), [(None, (512, 600)), (70, (32, 80, 20))])
def test_a_run_that_is_stopped_goes_on_and_asks_nothing_twice(
    table: Path, tmp_path: Path, pairs: int | None, stops: tuple[int, ...]
) -> None:
    out = tmp_path / "killed"
    many = write_descriptions(tmp_path / "many.csv", NAMES, 120) if pairs is None else table
    whole = rank_by_judge(gather([many]), Oracle(), tmp_path / "whole", pairs)
    seen: list[Pair] = []
    for stop in stops:
        judge = Oracle(most=stop)
        with pytest.raises(KeyboardInterrupt):
            rank_by_judge(gather([many]), judge, out, pairs)
        assert not (out / "ranking.json").exists()
        seen += judge.asked
    judge = Oracle()
    result = rank_by_judge(gather([many]), judge, out, pairs)
    seen += judge.asked
    assert result == whole
    assert lines(out) == lines(tmp_path / "whole")
    assert len(seen) == 2 * whole["pairs"]["judged"]


def test_half_a_line_of_a_killed_run_is_cut_off(table: Path, tmp_path: Path) -> None:
    whole = rank_by_judge(gather([table]), Oracle(), tmp_path, 40)
    book = tmp_path / "pairs.jsonl"
    content = book.read_bytes()
    book.write_bytes(content[:-20])
    judge = Oracle()
    assert rank_by_judge(gather([table]), judge, tmp_path, 40) == whole
    assert len(judge.asked) == 2
    assert book.read_bytes() == content


def test_a_broken_book_and_that_of_another_judge(table: Path, tmp_path: Path) -> None:
    rank_by_judge(gather([table]), Oracle(), tmp_path, 20)
    with pytest.raises(UserError, match="has the verdicts of oracle, not of another; choose another folder"):
        rank_by_judge(gather([table]), Oracle(name="another"), tmp_path, 20)
    with (tmp_path / "pairs.jsonl").open("a") as book:
        book.write("{}\n")
    with pytest.raises(UserError, match=r"pairs.jsonl, line 21 is damaged"):
        rank_by_judge(gather([table]), Oracle(), tmp_path, 20)


def test_more_pairs_go_on_from_fewer(table: Path, tmp_path: Path) -> None:
    judge = Oracle()
    assert rank_by_judge(gather([table]), judge, tmp_path, 30)["pairs"]["judged"] == 30
    assert rank_by_judge(gather([table]), judge, tmp_path, 50)["pairs"]["judged"] == 50
    assert len(judge.asked) == 100
    assert rank_by_judge(gather([table]), judge, tmp_path, 20)["pairs"]["judged"] == 50
    assert rank_by_judge(gather([table]), judge, tmp_path)["pairs"]["judged"] == 120
    assert len({pair.key for pair in judge.asked}) == 120
    assert len(judge.asked) == 240


def test_a_description_that_has_changed_is_judged_again(table: Path, tmp_path: Path) -> None:
    rank_by_judge(gather([table]), Oracle(), tmp_path)
    table.write_text(table.read_text().replace("ann sees clip 3.", "ann looks again."))
    judge = Oracle()
    result = rank_by_judge(gather([table]), judge, tmp_path)
    assert {(pair.name, "ann" in (pair.models or ())) for pair in judge.asked} == {("clip3", True)}
    assert len(judge.asked) == 6
    assert result["pairs"]["judged"] == 120


def test_the_seed_turns_pairs_round_and_the_book_turns_them_back(table: Path, tmp_path: Path) -> None:
    def says(pair: Pair) -> Answer:
        return "same" if chance(pair.key) < 0.3 else by_alphabet(pair) or "same"

    for both in (False, True):
        first = rank_by_judge(gather([table]), Oracle(says, both), tmp_path / str(both), seed=0)
        judge = Oracle(says, both)
        again = rank_by_judge(gather([table]), judge, tmp_path / str(both), seed=1)
        assert judge.asked == []
        assert again["ranking"]["wins"] == first["ranking"]["wins"]


def test_fewer_pairs_come_to_the_same_order(tmp_path: Path) -> None:
    names = [f"d{n}" for n in range(6)]
    table = write_descriptions(tmp_path / "many.csv", names, 100)
    judge = Oracle()
    result = rank_by_judge(gather([table]), judge, tmp_path, 10 * BATCH)
    assert result["pairs"]["judged"] == 160
    assert result["pairs"]["possible"] == 1500
    assert result["chosen"]
    assert order(result)[0] == "d5"
    assert order(result)[-1] == "d0"


def test_pairs_without_an_answer_are_counted_and_asked_again(table: Path, tmp_path: Path) -> None:
    def silent(pair: Pair) -> Answer | None:
        return None if pair.name == "clip7" or (pair.name == "clip8" and pair.model1 == "ann") else by_alphabet(pair)

    result = rank_by_judge(gather([table]), Oracle(silent), tmp_path)
    assert result["pairs"]["judged"] == 114
    assert result["pairs"]["unanswered"] == 6
    assert result["pairs"]["answered_in_one_order"] == 3
    assert result["pairs"]["unanswered_examples"][0] == "clip7: the endpoint failed"
    assert order(result) == ["dot", "cid", "bob", "ann"]
    judge = Oracle()
    assert rank_by_judge(gather([table]), judge, tmp_path)["pairs"]["judged"] == 120
    assert {pair.name for pair in judge.asked} == {"clip7"}
    with pytest.raises(UserError, match="no pair was answered; of clip0: the endpoint failed"):
        rank_by_judge(gather([table]), Oracle(lambda pair: None), tmp_path / "other")


def people(path: Path, rows: list[list[str]], models: bool = True) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "a1", "a2", "preference", *(["model1", "model2"] if models else [])])
        table.writerows(rows)
    return path


def preferred(count: int, models: bool = True) -> list[list[str]]:
    """Pairs of three captioners of which people prefer c to b to a, mostly."""
    rows = []
    for number in range(count):
        first, second = [("a", "b"), ("b", "c"), ("c", "a")][number % 3]
        pair = Pair(f"clip{number // 3}", f"{first} on {number}", f"{second} on {number}", first, second)
        says = "same" if number % 7 == 0 else by_alphabet(pair)
        rows.append([pair.name, pair.a1, pair.a2, str(says), *([first, second] if models else [])])
    return rows


def test_people_rank_captioners(tmp_path: Path) -> None:
    table = people(tmp_path / "judged.csv", preferred(90))
    result = rank_by_people(gather([table]), f"people:{table}", tmp_path / "out")
    assert order(result) == ["c", "b", "a"]
    assert result["pairs"]["judged"] == result["pairs"]["possible"] == 90
    assert result["ranking"]["inputs"] == 30
    assert result["agreement"] is None
    assert not (tmp_path / "out" / "next.csv").exists()


def test_a_judge_is_held_against_people(tmp_path: Path) -> None:
    table = people(tmp_path / "judged.csv", preferred(90, models=False), models=False)
    says = {(row[0], row[1], row[2]): row[3] for row in preferred(90)}

    def told(pair: Pair) -> Answer:
        """Agrees with people wherever they see it, and says a1 to what they call the same."""
        straight = says.get((pair.name, pair.a1, pair.a2))
        turned = says.get((pair.name, pair.a2, pair.a1))
        answer = straight or {"a1": "a2", "a2": "a1", "same": "same"}[str(turned)]
        return "a1" if answer == "same" else answer  # type: ignore[return-value]

    result = rank_by_judge(gather([table]), Oracle(told), tmp_path / "out")
    agrees = result["agreement"]
    assert (agrees["pairs"], agrees["decided"]) == (90, 77)
    assert agrees["two_class"]["waf"]["value"] == agrees["two_class"]["acc_half"]["value"] == 1.0
    assert agrees["three_class"]["acc"]["value"] == pytest.approx(77 / 90)
    assert agrees["confusion"][2] == [13, 0, 0]
    assert result["ranking"] is None
    assert result["consistency"]["consistency"]["value"] == pytest.approx(77 / 90)
    with pytest.raises(UserError, match="does not say that"):
        rank_by_judge(gather([table]), Oracle(told), tmp_path / "fewer", pairs=10)
    with pytest.raises(UserError, match="no columns model1 and model2"):
        rank_by_people(gather([table]), "people", tmp_path / "people")


def test_given_pairs_are_chosen_from_where_authors_are_known(tmp_path: Path) -> None:
    table = people(tmp_path / "judged.csv", preferred(90))
    judge = Oracle()
    result = rank_by_judge(gather([table]), judge, tmp_path / "out", pairs=24)
    assert result["pairs"]["judged"] == 24
    assert result["agreement"]["pairs"] == 24
    given = {(row[0], row[1], row[2]) for row in preferred(90)}
    assert {(pair.name, pair.a1, pair.a2) for pair in judge.asked} & given
    assert all((p.name, p.a1, p.a2) in given or (p.name, p.a2, p.a1) in given for p in judge.asked)


def test_a_pair_that_is_given_twice_is_judged_once_and_held_against_both(tmp_path: Path) -> None:
    rows = [["x", "One.", "Two.", "a1", "a", "b"], ["x", "Two.", "One.", "a1", "b", "a"]]
    table = people(tmp_path / "judged.csv", rows)
    judge = Oracle(lambda pair: "a1" if pair.model1 == "b" else "a2")
    result = rank_by_judge(gather([table]), judge, tmp_path / "out")
    assert len(judge.asked) == 2
    assert result["agreement"]["confusion"] == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert result["pairs"]["left_out"][0]["reason"] == "repeated pair, counted again"
    told = rank_by_people(gather([table]), "people", tmp_path / "people")
    assert told["ranking"]["wins"] == [[0, 1], [1, 0]]


def test_people_are_told_what_to_judge_next(table: Path, tmp_path: Path) -> None:
    """Round after round: what next.csv asks for is filled in and added, until the order is known."""
    judged, out = people(tmp_path / "judged.csv", []), tmp_path / "out"
    with pytest.raises(UserError, match="nobody has judged a pair yet"):
        rank_by_people(gather([table, judged]), "people", out)
    for wanted in (16, 32, 48, 48):
        result = rank_by_people(gather([table, judged]), "people", out, wanted)
        if not (out / "next.csv").exists():
            break
        with (out / "next.csv").open(newline="") as file, judged.open("a", newline="") as more:
            for row in csv.DictReader(file):
                pair = Pair(row["name"], row["a1"], row["a2"], row["model1"], row["model2"])
                cells = [pair.name, pair.a1, pair.a2, str(by_alphabet(pair)), pair.model1, pair.model2]
                csv.writer(more).writerow(cells)
    assert result["pairs"]["judged"] == 48
    assert result["pairs"]["possible"] == 120
    assert order(result) == ["dot", "cid", "bob", "ann"]
    assert len({one.pair.key for one in gather([judged]).given or []}) == 48


def test_who_is_compared_with_nobody_is_named(table: Path, tmp_path: Path) -> None:
    more = write_descriptions(tmp_path / "late.csv", ["eve"], 0)
    more.write_text(more.read_text() + "clip999,eve,Too late.\n")
    result = rank_by_judge(gather([table, more]), Oracle(), tmp_path)
    assert result["uncompared"] == ["eve"]
    assert "eve" not in order(result)


def test_nothing_to_judge_says_why(tmp_path: Path) -> None:
    table = people(tmp_path / "judged.csv", [["x", "", "Two.", "a1", "a", "b"]])
    with pytest.raises(UserError, match=r"no pair to judge: 1 × empty description \(.*line 2: a1 of x\)"):
        rank_by_judge(gather([table]), Oracle(), tmp_path)
    with pytest.raises(UserError, match="nobody has judged a pair yet"):
        rank_by_people(gather([table]), "people", tmp_path)


def judged_by(tmp_path: Path, rows: str, columns: str = "name,a1,a2,model1,model2,preference") -> Path:
    path = tmp_path / "people.csv"
    path.write_text(f"{columns}\n{rows}")
    return path


def test_several_verdicts_on_a_pair_are_one_pair(tmp_path: Path) -> None:
    path = judged_by(tmp_path, "x,One.,Two.,a,b,a1\nx,Two.,One.,b,a,a1\nx,One.,Two.,a,b,a1\n")
    result = rank_by_people(gather([path]), "people", tmp_path)
    assert (result["pairs"]["judged"], result["pairs"]["possible"]) == (1, 1)
    assert [one["compared"] for one in result["ranking"]["entries"]] == [3, 3]


def test_what_is_no_table_of_verdicts_says_so(table: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no table of pairs, which has the columns name, a1, a2 and preference"):
        rank_by_people(gather([table]), "people:described.csv", tmp_path)
    with pytest.raises(UserError, match=r"nobody has judged a pair yet: 1 × a model paired with itself"):
        rank_by_people(gather([judged_by(tmp_path, "x,One.,Two.,a,a,a1\n")]), "people", tmp_path)
    anonymous = judged_by(tmp_path, "x,One.,Two.,\n", "name,a1,a2,preference")
    with pytest.raises(UserError, match="the table of pairs does not say that"):
        rank_by_people(gather([anonymous]), "people", tmp_path, pairs=3)
