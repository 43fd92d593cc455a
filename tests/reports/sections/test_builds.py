import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from emocap.core.files import write_json
from emocap.reports.build_index import BuildIndex, evenly
from emocap.reports.page import write_report
from emocap.reports.sections.builds import read_build
from emocap.reports.sections.gallery import read_gallery
from emocap.schema.shards import Reject, read_index, read_shard, write_rejects
from tests.reports.test_page import check


def cards(html: str) -> list[str]:
    return re.findall(r'<article class="card face.*?</article>', html, re.DOTALL)


def test_the_funnel_shows_what_was_counted(labelled_build: Path, asked_build: Path) -> None:
    funnel = [("inputs", 120), ("frames", 120), ("faces", 120), ("captioned", 120)]
    assert read_build(labelled_build, "drawn").funnel == funnel
    funnel = [("inputs", 120), ("frames", 480), ("faces", 120), ("captioned", 96)]
    assert read_build(asked_build, "qwen").funnel == funnel


def test_tracks_and_copies_are_steps_of_the_funnel(labelled_build: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(labelled_build, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["counts"]["found"] = 127
    manifest["counts"]["rejects"] = [
        {"stage": "select", "reason": "duplicate", "count": 7},
        {"stage": "select", "reason": "not_best_of_track", "count": 300},
    ]
    write_json(copy / "manifest.json", manifest)
    assert read_build(copy, "copy").funnel[2:5] == [
        ("faces", 427),
        ("best of their tracks", 127),
        ("after duplicates", 120),
    ]


def test_charts_hold_every_face(labelled_build: Path) -> None:
    charts = read_build(labelled_build, "drawn").histograms
    assert [chart.title.split(",")[0] for chart in charts][-2:] == ["Sharpness", "Words per caption"]
    for chart in charts:
        assert sum(int(told.rpartition(": ")[2].replace(",", "")) for _, told in chart.bars) == 120
        assert max(height for height, _ in chart.bars) == 1
    assert "Detector's score" not in [chart.title for chart in charts]  # drawn faces all have 1


def test_every_caption_of_a_card_is_there_word_by_word(labelled_build: Path, tmp_path: Path) -> None:
    html = write_report([labelled_build], tmp_path / "page.html").read_text()
    check(html)
    shown = {re.search(r'data-key="([^"]+)"', card)[1]: card for card in cards(html)}  # type: ignore[index]
    for tar in (labelled_build / "shards").glob("*.tar"):
        for sample in read_shard(tar):
            assert sample.record.caption
            for text in sample.record.caption.texts():
                assert f">{text}<" in unescape(shown[sample.record.key])


def test_a_large_build_shows_240_faces_from_all_of_its_shards(labelled_build: Path) -> None:
    build = read_build(labelled_build, "drawn")
    few = build.rows.spread(30)
    assert few == build.rows.spread(30)
    assert len(few) == len({row["key"] for row in few}) == 30
    assert [row["shard"] for row in few].count("emocap-000000") in (12, 13)
    assert len({row["shard"] for row in few}) == 3
    assert read_gallery([build]).cards[5] == read_gallery([build]).cards[5]
    assert len(read_gallery([build]).cards) == 120


@pytest.mark.parametrize(("total", "most"), [(0, 5), (3, 5), (5, 5), (999, 240), (10**9, 240)])
def test_places_are_spread_evenly(total: int, most: int) -> None:
    places = evenly(total, most)
    assert len(places) == min(total, most)
    assert places == sorted(set(places))
    for i, place in enumerate(places):
        assert i * total // len(places) <= place < (i + 1) * total // len(places)


def test_an_order_with_a_period_does_not_show() -> None:
    odd = sum(place % 2 for place in evenly(2000, 100))
    assert 30 < odd < 70


def test_rejects_are_shown_with_picture_and_reply(asked_build: Path, tmp_path: Path) -> None:
    (fallen,) = read_build(asked_build, "qwen").rejects
    assert (fallen.stage, fallen.reason, fallen.count) == ("caption", "schema", 24)
    assert len(fallen.examples) == 6
    assert all(example.picture for example in fallen.examples)  # from faces/: rejects hold none
    html = write_report([asked_build], tmp_path / "page.html").read_text()
    assert "I &lt;b&gt;cannot&lt;/b&gt; say" in html
    assert "<b>cannot" not in html


def test_reasons_have_examples_wherever_they_lie(labelled_build: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(labelled_build, tmp_path / "copy")
    jpeg = next(read_shard(next((labelled_build / "shards").glob("*.tar")))).jpeg
    many = [Reject("faces", "no_face", "none", f"{i}.jpg") for i in range(3000)]
    write_rejects(copy / "rejects" / "a.parquet", many)
    rare = Reject("faces", "too_small", "9 pixels", "/secret/place/rare.jpg", "k", jpeg=jpeg)
    write_rejects(copy / "rejects" / "b.parquet", [rare])
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["counts"]["rejects"] = [
        {"stage": "faces", "reason": "too_small", "count": 1},
        {"stage": "faces", "reason": "no_face", "count": 3000},
    ]
    write_json(copy / "manifest.json", manifest)
    first, second = read_build(copy, "copy").rejects
    assert (first.reason, len(first.examples)) == ("no_face", 6)
    assert [(e.source, bool(e.picture)) for e in second.examples] == [("rare.jpg", True)]


def test_what_captions_took_is_told(asked_build: Path, labelled_build: Path) -> None:
    told = dict(read_build(asked_build, "qwen").cost)
    assert told["replies"] == "144"
    assert told["tokens in"] == "86,400"
    assert told["cost"] == "0.05 of 5.00"
    assert told["cost per 1,000 captions"] == "0.500"
    assert read_build(labelled_build, "drawn").cost == []
    facts = dict(read_build(asked_build, "qwen").facts)
    assert (facts["Model"], facts["Prompt"]) == ("qwen", "emocap-1")


def test_faces_that_two_builds_share_stand_once_with_both_captions(
    labelled_build: Path, asked_build: Path, tmp_path: Path
) -> None:
    html = write_report([labelled_build, asked_build], tmp_path / "page.html").read_text()
    check(html)
    assert "96 faces are in two builds or more; here are 96 of them." in html
    pairs = [card for card in cards(html) if 'class="card face pair"' in card]
    assert len(pairs) == 96
    for pair in pairs:
        assert pair.count("<img") == 1
        assert "annotations, phrases-1" in pair
        assert "qwen, emocap-1" in pair
        assert "qwen sees a face" in pair
    keys = [re.search(r'data-key="([^"]+)"', card)[1] for card in cards(html)]  # type: ignore[index]
    assert len(keys) == len(set(keys)) > 96


def test_builds_of_the_same_name_are_told_apart(labelled_build: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(labelled_build, tmp_path / name / "build")
    html = write_report([tmp_path / "a/build", tmp_path / "b/build"], tmp_path / "page.html").read_text()
    assert "captions: a/build<" in html
    assert "captions: b/build<" in html


def test_faces_without_captions_are_shown(labelled_build: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(labelled_build, tmp_path / "bare")
    for folder in ("shards", "index"):
        shutil.rmtree(bare / folder)
    manifest = json.loads((bare / "manifest.json").read_text())
    manifest |= {"shards": [], "captioner": {"backend": "none"}}
    manifest["counts"]["samples"] = 0
    write_json(bare / "manifest.json", manifest)
    html = write_report([bare], tmp_path / "page.html").read_text()
    check(html)
    assert len(cards(html)) == 120
    assert read_build(bare, "bare").funnel == [("inputs", 120), ("frames", 120), ("faces", 120)]


def test_a_build_in_which_nothing_was_found_has_a_page(labelled_build: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    shutil.copytree(labelled_build, empty, ignore=lambda *_: ["shards", "index", "faces", "rejects"])
    manifest = json.loads((empty / "manifest.json").read_text())
    counts = dict.fromkeys(("inputs", "frames", "found", "faces", "samples"), 0)
    manifest |= {"shards": [], "counts": {**counts, "rejects": []}}
    write_json(empty / "manifest.json", manifest)
    html = write_report([empty], tmp_path / "page.html").read_text()
    check(html)
    assert cards(html) == []


def test_rows_are_found_by_key(labelled_build: Path) -> None:
    rows = BuildIndex.of(labelled_build, captioned=True)
    keys = read_index(labelled_build / "index")["key"].to_pylist()
    found = rows.find([keys[70], "nobody", keys[3]])
    assert {key: rows.sample(row).record.key for key, row in found.items()} == {keys[3]: keys[3], keys[70]: keys[70]}
    assert rows.find([]) == {}
