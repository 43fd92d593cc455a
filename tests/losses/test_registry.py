import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from emocap.losses.gather import RowPartition
from emocap.losses.mined_contrast import MinedContrastLoss
from emocap.losses.recipe import LocalRecipe, MiningRecipe, ObjectiveRecipe
from emocap.losses.registry import CONTRASTS, POOLS, RULES, Mined, MiningRule


def test_all_that_comes_with_emocap_is_registered() -> None:
    assert set(CONTRASTS.names()) == {"softmax", "sigmoid", "multi_instance"}
    assert set(RULES.names()) == {"transport", "cross", "consensus", "soft", "labels"}
    assert set(POOLS.names()) == {"sparse", "softmax", "attention"}


def test_what_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match="no mining rule 'transpart'; did you mean transport"):
        MiningRecipe(rule="transpart")
    with pytest.raises(ValidationError, match="no pool 'sparce'; did you mean sparse"):
        LocalRecipe(pool="sparce")
    with pytest.raises(ValidationError, match="no contrast 'sigmoyd'; did you mean sigmoid"):
        ObjectiveRecipe(contrast="sigmoyd")


def test_a_rule_of_a_plug_in_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def next_one(image: Tensor, text: Tensor, label: Tensor, recipe: MiningRecipe, share: RowPartition) -> Mined:
        shifted_QN = torch.eye(share.total).roll(1, dims=1)[share.rows]
        return Mined(shifted_QN, shifted_QN)

    RULES.names()
    monkeypatch.setitem(RULES._items, "next", MiningRule("next", next_one))
    torch.manual_seed(0)
    image, text = torch.randn(6, 4), torch.randn(6, 4)
    ours = MinedContrastLoss("next", alpha=0.5)
    a, b = (torch.nn.functional.normalize(one, dim=-1) for one in (image, text))
    logits = ours.logit_scale.exp() * a @ b.T
    target = 0.5 * torch.eye(6) + 0.5 * torch.eye(6).roll(1, dims=1)
    forth = -(target * logits.log_softmax(1)).sum(1).mean()
    back = -(target * logits.T.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(ours(image, text), (forth + back) / 2)
