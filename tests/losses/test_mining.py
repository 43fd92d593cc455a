import math
from typing import Any

import pytest
import torch
from torch import Tensor

from emocap.losses.gather import even_share
from emocap.losses.mining import agreement, mine, mix, same
from emocap.losses.recipe import MiningRecipe
from tests.support import objective_oracles
from tests.support.objective_oracles import unit

NOBODY = torch.full((30,), -1)


def targets(
    image: Tensor, text: Tensor, base: Tensor, recipe: MiningRecipe, labels: Tensor = NOBODY
) -> tuple[Tensor, ...]:
    mined = mine(image, text, labels[: len(image)], recipe, even_share(len(image)))
    return mix(base, mined.image_QN, recipe.alpha), mix(base, mined.text_QN, recipe.alpha)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("rule", ["transport", "cross", "consensus", "soft", "labels"])
@pytest.mark.parametrize("standardise", ["batch", "row"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"by": "cross", "temperature": 0.7},
        {"k": 1},
        {"k": 50},
        {"k": None},
        {"delta": None, "k": 3},
        {"delta": None, "k": 5, "mutual": True},
        {"delta": 0.5, "alpha": 0.6, "temperature": 0.02},
        {"delta": 99.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_the_targets_are_the_formula(rule: str, standardise: str, settings: dict[str, Any], n: int) -> None:
    recipe = MiningRecipe.model_validate({"rule": rule, "standardise": standardise, "delta": 1.0, **settings})
    image, text = unit(n, 4, 0), unit(n, 4, 1)
    groups = [i // 2 for i in range(n)]
    labels = [(i * i) % 4 - 1 for i in range(n)]
    made = targets(image, text, same(torch.tensor(groups)), recipe, torch.tensor(labels))
    for ours, wanted in zip(
        made, objective_oracles.targets(image, text, labels, objective_oracles.joined(groups), recipe), strict=True
    ):
        torch.testing.assert_close(ours, torch.tensor(wanted))
        torch.testing.assert_close(ours.sum(1), torch.ones(n))


def test_equal_texts_are_joined() -> None:
    assert same(torch.tensor([0, 1, 0])).tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]]
    assert same(torch.tensor([0, 1, 0]), slice(1, 3)).tolist() == [[0, 1, 0], [0.5, 0, 0.5]]


def test_where_nothing_is_near_enough_a_row_stays_as_it_was() -> None:
    base = torch.eye(5, dtype=torch.float64)
    for made in targets(unit(5, 4, 0), unit(5, 4, 1), base, MiningRecipe(rule="cross", delta=50)):
        assert torch.equal(made, base)


def test_equal_embeddings_have_no_neighbours_by_deviations() -> None:
    """In a collapsed tower no pair stands out, and nothing is divided by zero."""
    collapsed = unit(1, 4, 0).expand(6, 4)
    for standardise in ("batch", "row"):
        recipe = MiningRecipe.model_validate({"rule": "cross", "standardise": standardise})
        for made in targets(collapsed, collapsed, torch.eye(6).double(), recipe):
            assert torch.equal(made, torch.eye(6).double())


@pytest.mark.usefixtures("double")
def test_without_a_label_a_row_stays_one_hot() -> None:
    made, _ = targets(
        unit(4, 3, 0), unit(4, 3, 1), torch.eye(4), MiningRecipe(rule="labels"), torch.tensor([2, -1, 2, -1])
    )
    assert made[1].tolist() == [0, 1, 0, 0]
    assert made[3].tolist() == [0, 0, 0, 1]
    torch.testing.assert_close(made[0], torch.tensor([0.5, 0, 0.5, 0]))


def test_no_gradient_flows_through_the_guides() -> None:
    image, text = unit(6, 4, 0).requires_grad_(), unit(6, 4, 1).requires_grad_()
    for made in targets(image, text, torch.eye(6).double(), MiningRecipe(delta=0)):
        assert not made.requires_grad


def test_in_a_plan_everybody_is_as_much_of_a_positive() -> None:
    """Nine samples that are much alike and two that are like each other: the two find each other, the nine do not."""
    many = torch.nn.functional.normalize(torch.tensor([1.0, 0, 0]) + 0.3 * unit(9, 3, 0), dim=1)
    few = torch.nn.functional.normalize(torch.tensor([0.6, 0.8, 0]) + 0.05 * unit(2, 3, 1), dim=1)
    text = torch.cat([many, few])
    mined = mine(text, text, NOBODY[:11], MiningRecipe(temperature=0.3), even_share(11)).image_QN
    torch.testing.assert_close(mined.sum(1), torch.ones(11).double())
    assert (mined.sum(0) - 1).abs().max() < 0.05
    assert mined[9, 10] > 0.8
    assert mined[10, 9] > 0.8
    assert mined.diagonal().tolist() == [0.0] * 11


def test_images_are_mined_by_texts_and_texts_by_images() -> None:
    image = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [-1, 1]]), dim=1)
    text = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [0, 1], [1, 0.1], [-1, -1]]), dim=1)
    by_text, by_image = targets(image, text, torch.eye(4), MiningRecipe(rule="cross", delta=1.0, k=1))
    assert by_text[0, 2] > 0
    assert by_text[0, 1] == 0
    assert by_image[0, 1] > 0
    assert by_image[0, 2] == 0


def test_agreement_counts_what_was_mined_between_labelled_samples() -> None:
    """A, A, A, B, B, unlabelled; the last two of A are joined by the base already."""
    labels = torch.tensor([3, 3, 3, 0, 0, -1])
    base = torch.eye(6)
    base[1, 2] = base[2, 1] = base[1, 1] = base[2, 2] = 0.5
    mined = torch.zeros(6, 6)
    mined[0, 1], mined[0, 3], mined[0, 5] = 0.5, 0.25, 0.25  # right, wrong, not known
    mined[1, 2] = 1.0  # joined anyway
    mined[3, 4] = 1.0
    mined[4, 0] = 1.0
    told = agreement(mined, base, labels, even_share(6))
    assert told["precision"] == pytest.approx((0.5 + 1) / (0.75 + 2))
    assert told["precision_macro"] == pytest.approx(((0.5 / 0.75) + 1 / 2) / 2)
    assert told["recall"] == pytest.approx(2 / (2 + 1 + 1 + 1 + 1))
    assert told["recall_macro"] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert told["per_query"] == pytest.approx(5 / 6)


def test_what_has_no_more_weight_than_chance_is_not_found() -> None:
    """A rule that divides weight among all samples has found none of them; its weight still has a precision."""
    labels = torch.tensor([1, 1, 0, 0])
    mined = torch.zeros(4, 4)
    mined[0] = torch.tensor([0.0, 0.2, 0.25, 0.55])
    told = agreement(mined, torch.eye(4), labels, even_share(4))
    assert told["precision"] == pytest.approx(0.2)
    assert told["recall"] == 0
    assert told["per_query"] == pytest.approx(1 / 4)


def test_without_labels_agreement_is_no_number() -> None:
    told = agreement(1 - torch.eye(4), torch.eye(4), torch.full((4,), -1), even_share(4))
    assert all(math.isnan(told[name]) for name in ("precision", "recall", "precision_macro", "recall_macro"))
    assert told["per_query"] == 3
