import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array

from emocap.core.errors import UserError
from emocap.encoders import Encoder
from emocap.evaluation.protocols import retrieval
from emocap.evaluation.protocols.retrieval import RANKS, by_lot, hits_at, measure
from emocap.schema.captions import Caption, LocalCaption


def caption(whole: str, local: Sequence[str], summary: str) -> Caption:
    return Caption(global_=whole, local=[LocalCaption(region="mouth", text=text) for text in local], summary=summary)


def encoder(vectors: dict[str, np.ndarray] | None) -> Encoder:
    """An encoder that knows the embedding of every text."""

    def preprocess(image: Image.Image) -> torch.Tensor:
        raise NotImplementedError

    def texts(sentences: Sequence[str]) -> torch.Tensor:
        assert vectors is not None
        return torch.tensor(np.stack([vectors[text] for text in sentences]))

    return Encoder("toy", "0" * 64, preprocess, "none", lambda batch: batch, texts if vectors else None)


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = random.normal(size=shape).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def some(seed: int, pictures: int = 60) -> tuple[list[Caption], dict[str, np.ndarray], np.ndarray]:
    """Captions with many equal texts, an embedding for each, and pictures that lie near their global captions."""
    random = np.random.default_rng(seed)
    captions = [
        caption(
            f"global {random.integers(25)}",
            [f"local {n}" for n in random.integers(40, size=random.integers(1, 5))],
            f"summary {n}",
        )
        for n in range(pictures)
    ]
    texts = sorted({text for one in captions for text in one.texts()})
    vectors = dict(zip(texts, unit(random, len(texts), 8), strict=True))
    images = np.stack([vectors[one.global_] for one in captions]) + 0.8 * unit(random, pictures, 8)
    return captions, vectors, 3 * images.astype(np.float32)


def slowly(captions: Sequence[Caption], vectors: dict[str, np.ndarray], images: np.ndarray) -> dict[str, float]:
    """Every recall by sorting, one query after the other."""
    told = {}
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    for part in ("global", "local", "summary"):
        own = [
            [entry.text for entry in one.local]
            if part == "local"
            else [one.global_ if part == "global" else one.summary]
            for one in captions
        ]
        different = sorted({text for texts in own for text in texts})
        for k in (1, 5, 10):
            right = []
            for image, texts in zip(images, own, strict=True):
                ranked = sorted(different, key=lambda text: -float(vectors[text] @ image))
                right.append(any(text in texts for text in ranked[:k]))
            told[f"{part}_image_to_text_r{k}"] = float(np.mean(right))
            right = []
            for text in itertools.chain(*own):
                order = sorted(range(len(images)), key=lambda row: -float(vectors[text] @ images[row]))
                right.append(any(text in own[row] for row in order[:k]))
            told[f"{part}_text_to_image_r{k}"] = float(np.mean(right))
    return told


def named(recalls: Sequence[retrieval.Recall], rows: np.ndarray) -> dict[str, float]:
    return {f"{one.name}_r{k}": one.at(place, rows) for one in recalls for place, k in enumerate(RANKS)}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cells", [50, 16_000_000])
def test_recall_is_what_sorting_gives(seed: int, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "_CELLS_AT_ONCE", cells)
    captions, vectors, images = some(seed)
    told = named(measure(encoder(vectors), captions, images), np.arange(len(captions)))
    assert told == pytest.approx(slowly(captions, vectors, images))
    assert 0 < told["global_image_to_text_r1"] < told["global_image_to_text_r10"] <= 1


def test_a_resample_counts_the_queries_of_its_pictures() -> None:
    captions, vectors, images = some(0)
    recalls = {one.name: one for one in measure(encoder(vectors), captions, images)}
    one = recalls["local_text_to_image"]
    assert one.queries_N.tolist() == [len(c.local) for c in captions]
    rows = np.array([3, 3, 7])
    assert one.at(0, rows) == pytest.approx(
        (2 * one.hits_NK[3, 0] + one.hits_NK[7, 0]) / (2 * len(captions[3].local) + len(captions[7].local))
    )


def test_an_encoder_to_which_all_is_equal_scores_as_by_lot() -> None:
    captions, vectors, images = some(1)
    same = dict.fromkeys(vectors, unit(np.random.default_rng(0), 8))
    # Its rounding must not decide either.
    random = np.random.default_rng(2)
    wavering = {text: vector + 1e-7 * random.normal(size=8).astype(np.float32) for text, vector in same.items()}
    for texts in (same, wavering):
        recalls = measure(encoder(texts), captions, np.broadcast_to(images[0], images.shape))
        told = named(recalls, np.arange(len(captions)))
        chance = {f"{one.name}_r{k}": one.chance_K[place] for one in recalls for place, k in enumerate(RANKS)}
        assert told == pytest.approx(chance)
        assert told["summary_image_to_text_r5"] == told["summary_text_to_image_r5"] == pytest.approx(5 / 60)


def test_ties_are_broken_by_lot() -> None:
    """Two dozen draws of an order of the tied ones, against the chance that is computed."""
    random = np.random.default_rng(0)
    query = np.ones((1, 1), dtype=np.float32)
    cosines = np.array([0.9, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.2], dtype=np.float32)
    right = np.array([0, 0, 1, 1, 0, 0, 0, 0, 1])
    (told,) = hits_at(query, cosines[:, None], csr_array(right[None]))
    drawn = []
    for _ in range(20_000):
        lot = random.permutation(9)
        order = lot[np.argsort(-cosines[lot], kind="stable")]
        drawn.append([right[order[:k]].any() for k in RANKS])
    assert told == pytest.approx(np.mean(drawn, axis=0), abs=0.015)
    assert told[0] == 0
    assert told[2] == 1


def test_by_lot_is_the_share_of_draws_that_hold_a_right_one() -> None:
    right = csr_array(np.array([[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1] + 11 * [0]]))
    draws = list(itertools.combinations(range(12), 5))
    wanted = [np.mean([0 in draw or 1 in draw for draw in draws]), np.mean([0 in draw for draw in draws])]
    assert by_lot(right)[:, 1] == pytest.approx(wanted)


def test_equal_texts_are_one_target_and_right_for_whoever_has_them() -> None:
    vectors = {"smiles": np.array([1, 0]), "frowns": np.array([0, 1])}
    vectors = {text: vector.astype(np.float32) for text, vector in vectors.items()}
    captions = [caption(text, [text], text) for text in ("smiles", "frowns", "smiles")]
    # The second smile looks more like the first one's: every query still finds a picture or text that is right.
    images = np.array([[1, 0.2], [0.1, 1], [1, 0.0]], dtype=np.float32)
    told = named(measure(encoder(vectors), captions, images), np.arange(3))
    assert set(told.values()) == {1.0}


def test_without_a_text_tower_there_is_no_retrieval() -> None:
    captions, _, images = some(0, 5)
    with pytest.raises(UserError, match="toy has no text tower: probe can measure it, retrieval cannot"):
        measure(encoder(None), captions, images)
