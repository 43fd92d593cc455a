import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from emocap.evaluation.linear import fewshot
from emocap.evaluation.linear.logistic import GRID


def blobs(each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(9).normal(size=(3, 8)) * 3
    labels = np.repeat(np.arange(3), each)
    noise = np.random.default_rng(seed).normal(size=(len(labels), 8))
    return (centres[labels] + 0.5 * noise + 20).astype(np.float32), labels


@pytest.mark.parametrize("shots", fewshot.SHOTS)
def test_so_many_of_each_class_are_drawn(shots: int) -> None:
    labels = np.repeat([0, 1, 2], [30, 5, 20])
    rows = fewshot.draw(labels, 4, shots, np.random.default_rng(0))
    assert [len(own) for own in rows] == [shots, min(shots, 5), shots, 0]
    for number, own in enumerate(rows):
        assert (labels[own] == number).all()
        assert len(set(own)) == len(own)


@pytest.mark.parametrize("shots", fewshot.SHOTS)
def test_a_handful_suffices_for_what_is_far_apart(shots: int) -> None:
    train, labels = blobs(20, 0)
    test, wanted = blobs(15, 1)
    shot = fewshot.fit(train, labels, 3, shots, test, seed=0)
    assert (shot.predicted == wanted).mean() > 0.95
    assert shot.c == fewshot.FIXED_C if shots < fewshot.SWEEP_FROM else shot.c in GRID
    again = fewshot.fit(train, labels, 3, shots, test, seed=0)
    assert (again.score == shot.score).all()
    assert (fewshot.fit(train, labels, 3, shots, test, seed=1).score != shot.score).any()


def test_nothing_but_the_shots_is_learned() -> None:
    """Whatever is not drawn may be anything."""
    train, labels = blobs(20, 0)
    drawn = np.concatenate(fewshot.draw(labels, 3, 4, np.random.default_rng([7, 4])))
    other = np.full_like(train, 1e3)
    other[drawn] = train[drawn]
    one, two = (fewshot.fit(rows, labels, 3, 4, train, seed=7) for rows in (train, other))
    assert (one.score == two.score).all()


def test_c_is_chosen_by_what_is_held_out_of_the_shots() -> None:
    """Against a sweep written out, fold by fold; noise that is learned by heart asks for a strong regularisation."""
    random = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), 8)
    strong, weak = (random.normal(size=(24, 8)) + step * (labels[:, None] == np.arange(8)) for step in (9.0, 0.5))
    chosen = [
        fewshot.fit(rows.astype(np.float32), labels, 3, 8, rows.astype(np.float32), 0).c for rows in (strong, weak)
    ]
    assert chosen[0] > 10 * chosen[1]
    rows = fewshot.draw(labels, 3, 8, np.random.default_rng([0, 8]))
    losses = []
    for c in GRID:
        told = 0.0
        for fold in range(4):
            held = [row for own in rows for place, row in enumerate(own) if place % 4 == fold]
            kept = [row for own in rows for place, row in enumerate(own) if place % 4 != fold]
            mean = weak[kept].mean(0)
            scale = np.sqrt(((weak[kept] - mean) ** 2).mean())
            model = LogisticRegression(C=c, tol=1e-10, max_iter=10_000).fit((weak[kept] - mean) / scale, labels[kept])
            told += log_loss(labels[held], model.predict_proba((weak[held] - mean) / scale), normalize=False)
        losses.append(told)
    assert chosen[1] == GRID[int(np.argmin(losses))]
