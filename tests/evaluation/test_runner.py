import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from emocap import encoders
from emocap.benchmarks import loading
from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Example
from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.encoders import features
from emocap.evaluation.protocols import zeroshot
from emocap.evaluation.registry import check_card, read_examples
from emocap.evaluation.runner import evaluate
from emocap.io.media import Stored
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.schema.samples import Sample
from emocap.schema.shards import read_shard, write_shard
from tests.support.rows import flat, flat_rows


@pytest.fixture(scope="module")
def model(drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, hardly trained."""
    recipe = {
        "model": {
            "config": {
                "embed_dim": 16,
                "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1},
                "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
            }
        },
        "data": {"builds": [str(drawn_build)], "batch": 16, "workers": 0},
        "epochs": 1,
    }
    out = tmp_path_factory.mktemp("model") / "run"
    train(ClipRecipe.model_validate(recipe), out)
    return out


def cards(*names: str) -> dict[str, Card]:
    return {name: load(Card, "benchmarks", name) for name in names}


def measured(*args: Any) -> list[dict[str, Any]]:
    return [flat(row) for row in evaluate(*args)]


def test_all_protocols_leave_complete_rows(model: Path, drawn_build: Path, tmp_path: Path) -> None:
    names = ("synthetic-emotions", "synthetic-action-units")
    rows = measured(cards(*names), str(model), ["zeroshot", "probe"], drawn_build, tmp_path)
    assert rows == flat_rows(tmp_path)
    assert [(row["benchmark"], row["protocol"]) for row in rows] == [
        ("synthetic-emotions", "zeroshot"),
        ("synthetic-emotions", "probe"),
        ("synthetic-action-units", "zeroshot"),
        ("synthetic-action-units", "probe"),
    ]
    for row in rows:
        for metric in row["metrics"].values():
            assert 0 <= metric["low"] <= metric["value"] <= metric["high"] <= 1
        assert len(row["model_sha256"]) == len(row["data_sha256"]) == 64
        assert row["test_subjects"] > 1
    zero, _, _, units = rows
    assert zero["prompts"]["fear"][0] == "The face looks fearful."
    assert sum(map(sum, zero["confusion"])) == sum(zero["counts"]["test"].values())
    assert zero["labels"] == list(cards("synthetic-emotions")["synthetic-emotions"].classes)
    assert len(units["f1"]) == len(units["present"]) == len(units["labels"]) == 16
    occurring = [f1 for f1, count in zip(units["f1"], units["present"], strict=True) if count]
    assert units["metrics"]["macro_f1"]["value"] == pytest.approx(np.mean(occurring), abs=1e-3)


def test_zero_shot_is_what_open_clip_alone_computes(model: Path, drawn_build: Path, tmp_path: Path) -> None:
    card = cards("synthetic-emotions")["synthetic-emotions"]
    (row,) = measured({"c": card}, str(model), ["zeroshot"], drawn_build, tmp_path)
    network, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{model}/model")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{model}/model")
    network.eval()
    confusion = np.zeros((7, 7), dtype=int)
    with torch.no_grad():
        logits = []
        tests = [example for example in read_examples(card, drawn_build) if example.splits == ("test",)]
        for example in tests:
            assert isinstance(example.media, Stored)
            picture = Image.open(io.BytesIO(example.media.data))
            image = network.encode_image(preprocess(picture)[None], normalize=True)
            row_logits = []
            for one in card.classes.values():
                sentences = [prompt.replace("{c}", word) for prompt in card.prompts for word in one.words]
                text = network.encode_text(tokenizer(sentences), normalize=True)
                row_logits.append(float((image @ text.T).mean()))
            logits.append(row_logits)
    for example, told in zip(tests, np.array(logits).argmax(1), strict=True):
        confusion[list(card.classes).index(str(example.label)), told] += 1
    assert row["confusion"] == confusion.tolist()


def test_retrieval_leaves_a_complete_row(model: Path, drawn_build: Path, tmp_path: Path) -> None:
    (row,) = measured(cards("synthetic-retrieval"), str(model), ["retrieval"], drawn_build, tmp_path)
    assert (
        list(row["metrics"])
        == list(row["chance"])
        == [
            f"{part}_{way}_r{k}"
            for part in ("global", "local", "summary")
            for way in ("image_to_text", "text_to_image")
            for k in (1, 5, 10)
        ]
    )
    for metric in row["metrics"].values():
        assert 0 <= metric["low"] <= metric["value"] <= metric["high"] <= 1
    assert row["counts"]["train"] == {}
    pictures = sum(row["counts"]["test"].values())
    assert row["queries"]["global_image_to_text"] == row["queries"]["summary_text_to_image"] == pictures
    assert row["queries"]["local_text_to_image"] >= 3 * pictures


def test_captions_are_part_of_the_hash_where_they_are_retrieved(drawn_build: Path) -> None:
    examples = read_examples(cards("synthetic-retrieval")["synthetic-retrieval"], drawn_build)
    first = examples[0]
    assert first.caption
    reworded = replace(first, caption=first.caption.model_copy(update={"summary": "It is another."}))
    assert hashed([reworded, *examples[1:]]) != hashed(examples)


def test_a_build_without_captions_has_nothing_to_retrieve(labelled_build: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(labelled_build, tmp_path / "bare")
    for tar in (bare / "shards").glob("*.tar"):
        samples = [Sample(s.record.model_copy(update={"caption": None}), s.jpeg) for s in read_shard(tar)]
        write_shard(tar, bare / "index" / f"{tar.stem}.parquet", samples)
    with pytest.raises(UserError, match="no captioned test pictures for Synthetic faces, captions"):
        read_examples(cards("synthetic-retrieval")["synthetic-retrieval"], bare)


def test_only_a_build_has_captions_to_retrieve() -> None:
    with pytest.raises(ValueError, match="only a build has captions to retrieve"):
        check_card(
            Card.model_validate({"title": "x", "task": "retrieval", "layout": {"reader": "paths", "pattern": "x"}})
        )


def test_measuring_again_replaces_and_another_model_adds(model: Path, drawn_build: Path, tmp_path: Path) -> None:
    for _ in range(2):
        evaluate(cards("synthetic-emotions"), str(model), ["zeroshot"], drawn_build, tmp_path)
    assert len(flat_rows(tmp_path)) == 1
    evaluate(cards("synthetic-emotions"), f"{model}/model", ["zeroshot"], drawn_build, tmp_path)
    first, second = flat_rows(tmp_path)
    assert first["metrics"] == second["metrics"]
    assert first["model_sha256"] == second["model_sha256"]


def test_results_are_plain_json(model: Path, drawn_build: Path, tmp_path: Path) -> None:
    evaluate(cards("synthetic-emotions"), str(model), ["probe"], drawn_build, tmp_path)
    for line in (tmp_path / "results.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_a_card_without_any_of_the_protocols_is_told(model: Path, drawn_build: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="synthetic-action-units is measured by zeroshot or probe"):
        evaluate(cards("synthetic-action-units"), str(model), ["retrieval"], drawn_build, tmp_path)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("nowhere", "is neither a run of emocap train nor open_clip"),
        ("open_clip:ViT-B-33", "open_clip:ViT-B-33 could not be loaded"),
        ("open_clip:ViT-B-32/no/such/file.pt", "could not be loaded"),
        ("timm:no_such_model", "could not be loaded"),
    ],
)
def test_models_that_are_not_there_are_told(spec: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        encoders.load(spec)


def test_a_run_that_is_not_finished_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "open_clip_config.json").write_text((model / "model/open_clip_config.json").read_text())
    with pytest.raises(UserError, match="has no weights yet"):
        encoders.load(str(tmp_path))


def test_any_open_clip_model_can_be_measured(tmp_path: Path) -> None:
    network = open_clip.create_model("RN50-quickgelu", force_image_size=32)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(UserError):  # the weights are of another size: said, not loaded in part
        encoders.load(f"open_clip:RN50-quickgelu/{tmp_path / 'weights.pt'}")


def hashed(examples: list[Example]) -> str:
    return loading.data_sha256(examples, [example.media.sha256() for example in examples])


def toy(values: torch.Tensor, texts: Any = None) -> encoders.Encoder:
    """An encoder that gives the same features to every picture."""

    def preprocess(image: Image.Image) -> torch.Tensor:
        return torch.zeros(3, 2, 2)

    return encoders.Encoder("toy", "0" * 64, preprocess, "none", lambda batch: values.expand(len(batch), -1), texts)


def test_features_that_are_no_numbers_are_told(drawn_build: Path) -> None:
    examples = read_examples(cards("synthetic-emotions")["synthetic-emotions"], drawn_build)
    with pytest.raises(UserError, match="features that are no numbers for 120 pictures"):
        features.extract(toy(torch.tensor([1.0, float("nan")])), examples, 1)


def test_without_a_text_tower_there_is_no_zero_shot() -> None:
    sentences = zeroshot.prompts(cards("synthetic-emotions")["synthetic-emotions"])
    with pytest.raises(UserError, match="toy has no text tower"):
        zeroshot.logits(toy(torch.ones(2)), sentences, np.ones((3, 2), dtype=np.float32))


def test_the_hash_of_the_data_sees_labels_and_pixels(drawn_build: Path) -> None:
    examples = read_examples(cards("synthetic-emotions")["synthetic-emotions"], drawn_build)[:3]
    first = hashed(examples)
    assert first == hashed(list(examples))
    assert first != hashed([examples[1], examples[0], examples[2]])
    assert first != hashed(
        [*examples[:2], replace(examples[2], media=Stored(examples[0].media.pictures(1)[0].tobytes()))]
    )
    relabelled = [replace(examples[0], label="another"), *examples[1:]]
    assert hashed(relabelled) != first


def test_pictures_are_looked_at_once_for_all_cards(
    model: Path, drawn_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    encode = features._encode

    def watched(encoder: encoders.Encoder, images: torch.Tensor, example: Example) -> torch.Tensor:
        looked.append(len(images))
        return encode(encoder, images, example)

    monkeypatch.setattr(features, "_encode", watched)
    names = ("synthetic-retrieval", "synthetic-emotions", "synthetic-action-units")
    rows = measured(cards("synthetic-emotions"), str(model), ["zeroshot"], drawn_build, tmp_path)
    assert sum(looked) == sum(rows[0]["counts"]["test"].values()) < 120  # none to train a probe on
    looked.clear()
    rows = measured(cards(*names), str(model), ["zeroshot", "probe", "retrieval"], drawn_build, tmp_path)
    assert len(rows) == 5
    assert sum(looked) == 120
    # The order of the cards, and with it that of the pictures, changes nothing.
    again = measured(cards(*reversed(names)), str(model), ["zeroshot", "probe", "retrieval"], drawn_build, tmp_path)
    assert {r["benchmark"] + r["protocol"]: r["metrics"] for r in rows} == {
        r["benchmark"] + r["protocol"]: r["metrics"] for r in again
    }
