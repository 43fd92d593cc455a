import math
from typing import Any, Literal

import open_clip
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.core.errors import UserError
from emocap.losses.features import Features, Guide, LocalFeatures
from emocap.losses.objective import Objective
from emocap.losses.recipe import ObjectiveRecipe
from tests.support import objective_oracles
from tests.support.objective_oracles import unit

B, D, M = 8, 6, 5
OWNERS = [0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 7]
GROUPS = [0, 1, 2, 0, 4, 5, 6, 7, 8, 9, 10]
GLOBAL, SUMMARY = [0, 1, 2, 3, 0, 5, 6, 7], [0, 1, 2, 2, 4, 5, 2, 7]
LABELS = [0, 1, 0, -1, 1, 1, 2, 0]

pytestmark = pytest.mark.usefixtures("double")


def features(**changed: Any) -> Features:
    local = LocalFeatures(
        patch_BMD=torch.randn(B, M, D, generator=torch.Generator().manual_seed(9), requires_grad=True),
        sentence_ND=unit(len(OWNERS), D, 4).requires_grad_(),
        owner_N=torch.tensor(OWNERS),
        group_N=torch.tensor(GROUPS),
        region_N=torch.tensor(OWNERS) % 2,
    )
    made: dict[str, Any] = {
        "image_BD": unit(B, D, 0).requires_grad_(),
        "global_BD": unit(B, D, 1).requires_grad_(),
        "summary_BD": unit(B, D, 2).requires_grad_(),
        "global_group_B": torch.tensor(GLOBAL),
        "summary_group_B": torch.tensor(SUMMARY),
        "label_B": torch.tensor(LABELS),
        "local": local,
        "sentiment_BC": torch.rand(B, 7, generator=torch.Generator().manual_seed(5)).softmax(1),
    }
    return Features(**{**made, **changed})


def recipes(**changed: Any) -> ObjectiveRecipe:
    return ObjectiveRecipe.model_validate(changed)


def run(recipe: ObjectiveRecipe, some: Features, step: int = 0) -> tuple[Tensor, dict[str, Tensor], Objective]:
    objective = Objective(recipe, D)
    loss, told = objective(some, torch.tensor(math.log(10.0)), step)
    return loss, told, objective


GLOBAL_ALONE = {"summary_weight": 0, "local_weight": 0, "mining": {"rule": "off"}}


@pytest.mark.parametrize("gather", ["sharded", "full"])
def test_global_alone_without_mining_is_open_clips_loss(gather: str) -> None:
    some = features()
    loss, told, _ = run(recipes(**GLOBAL_ALONE, join_equal=False, gather=gather), some)
    theirs = open_clip.ClipLoss()(some.image_BD, some.global_BD, torch.tensor(10.0))
    torch.testing.assert_close(loss, theirs)
    leaves = (some.image_BD, some.global_BD)
    torch.testing.assert_close(torch.autograd.grad(loss, leaves), torch.autograd.grad(theirs, leaves))
    assert set(told) == {"loss", "global", "logit_scale"}


@pytest.mark.parametrize("rule", ["off", "transport", "cross", "consensus", "soft", "labels"])
@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "multi_instance"])
@pytest.mark.parametrize("join_equal", [True, False])
@pytest.mark.parametrize("reweight", [None, 10.0])
def test_the_sum_and_its_gradients_are_equation_one(
    rule: str, kind: str, join_equal: bool, reweight: float | None
) -> None:
    recipe = recipes(
        global_weight=0.5,
        summary_weight=2,
        local_weight=0.25,
        contrast=kind,
        join_equal=join_equal,
        reweight=reweight,
        mining={"rule": rule, "delta": 0.5, "k": 3, "warmup": 10},
    )
    f = features()
    assert f.local is not None
    assert f.sentiment_BC is not None
    loss, told, objective = run(recipe, f, step=10)
    guide = F.normalize(f.global_BD + f.summary_BD, dim=-1).detach()
    scale = torch.tensor(10.0)
    divergence = objective_oracles.divergences(f.sentiment_BC.tolist(), reweight) if reweight else None
    total = torch.zeros(())
    for weight, text, groups in ((0.5, f.global_BD, GLOBAL), (2, f.summary_BD, SUMMARY)):
        base = objective_oracles.joined(groups if join_equal else list(range(B)))
        wanted = objective_oracles.targets(f.image_BD.detach(), guide, LABELS, base, recipe.mining)
        bias = -10.0 if kind == "sigmoid" else 0.0
        total = total + weight * objective_oracles.contrast(f.image_BD, text, scale, *wanted, kind, bias, divergence)
    regions = torch.stack(
        [
            F.normalize(objective_oracles.pooled(f.local.patch_BMD[owner], text, recipe.local), dim=0)
            for owner, text in zip(OWNERS, f.local.sentence_ND, strict=True)
        ]
    )
    base, local_scale = objective_oracles.joined(GROUPS), objective.local_logit_scale.exp()
    bias = -10.0 if kind == "sigmoid" else 0.0
    total = total + 0.25 * objective_oracles.contrast(
        regions, f.local.sentence_ND, local_scale, base, base, kind, bias
    )
    torch.testing.assert_close(loss, total)
    leaves = (f.image_BD, f.global_BD, f.summary_BD, f.local.patch_BMD, f.local.sentence_ND)
    torch.testing.assert_close(torch.autograd.grad(loss, leaves), torch.autograd.grad(total, leaves))
    parts = 0.5 * told["global"] + 2 * told["summary"] + 0.25 * told["local"]
    torch.testing.assert_close(told["loss"], parts, rtol=1e-5, atol=0)


def test_mining_waits_for_its_warm_up() -> None:
    mined, plain = recipes(mining={"rule": "cross", "delta": 0.0, "warmup": 5}), recipes(mining={"rule": "off"})
    before, after = (run(mined, features(), step)[0] for step in (4, 5))
    torch.testing.assert_close(before, run(plain, features())[0])
    assert not torch.isclose(before, after)


def test_labels_serve_the_log_alone_unless_they_are_the_rule() -> None:
    nobody = torch.full((B,), -1)
    recipe = recipes(mining={"delta": 0.0})
    loss, told, _ = run(recipe, features())
    torch.testing.assert_close(loss, run(recipe, features(label_B=nobody))[0])
    for name in ("precision", "recall", "precision_macro", "recall_macro"):
        assert 0 <= told[f"mined_{name}"] <= 1
        assert 0 <= told[f"mined_{name}_text"] <= 1
    assert told["mined_per_query"] > 0
    perfect = recipes(mining={"rule": "labels"})
    loss, told, _ = run(perfect, features())
    assert told["mined_precision"] == told["mined_recall"] == told["mined_recall_macro"] == 1
    torch.testing.assert_close(
        run(perfect, features(label_B=nobody))[0], run(recipes(mining={"rule": "off"}), features())[0]
    )
    assert not torch.isclose(loss, run(perfect, features(label_B=nobody))[0])


def test_a_guide_that_is_given_chooses_instead_of_the_online_towers() -> None:
    recipe = recipes(mining={"delta": 0.5, "guide": "frozen"})
    f = features()
    online = F.normalize(f.global_BD + f.summary_BD, dim=-1)
    same_one = run(recipe, features(guide=Guide(f.image_BD, online)))[0]
    torch.testing.assert_close(same_one, run(recipe, f)[0])
    assert not torch.isclose(same_one, run(recipe, features(guide=Guide(unit(B, D, 7), unit(B, D, 8))))[0])


def test_a_reweighting_without_sentiments_is_told() -> None:
    with pytest.raises(UserError, match=r"objective\.reweight: the data has no sentiments"):
        run(recipes(reweight=10), features(sentiment_BC=None))


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("contrast", ["regions", "pictures"])
def test_whatever_learns_gets_a_gradient(kind: str, contrast: str) -> None:
    objective = Objective(recipes(contrast=kind, local={"pool": "attention", "heads": 2, "contrast": contrast}), D)
    scale = torch.tensor(2.0, requires_grad=True)
    objective(features(), scale, step=0)[0].backward()
    for name, parameter in [("logit_scale", scale), *objective.named_parameters()]:
        assert parameter.grad is not None, name
        # Keys share a bias: it moves all scores alike, but not that of the token that stands for nothing.
        assert parameter.grad.abs().max() > 0, name


def test_what_is_not_used_does_not_ask_for_a_gradient() -> None:
    objective = Objective(recipes(**GLOBAL_ALONE, contrast="sigmoid"), D)
    loss, _ = objective(features(), torch.tensor(2.0), step=0)
    loss.backward()
    assert {name for name, p in objective.named_parameters() if p.requires_grad} == {"bias"}
    assert all(p.grad is not None for p in objective.parameters() if p.requires_grad)


@pytest.mark.parametrize("rule", ["transport", "cross", "consensus", "soft", "labels"])
@pytest.mark.parametrize("contrast", ["regions", "pictures"])
def test_one_sample_is_no_harm(rule: str, contrast: str) -> None:
    whole = features()
    assert whole.local is not None
    local = LocalFeatures(
        whole.local.patch_BMD[:1],
        whole.local.sentence_ND[:2],
        torch.tensor([0, 0]),
        torch.tensor([0, 1]),
        torch.tensor([0, 1]),
    )
    one = Features(
        whole.image_BD[:1],
        whole.global_BD[:1],
        whole.summary_BD[:1],
        torch.tensor([3]),
        torch.tensor([4]),
        torch.tensor([0]),
        local,
    )
    loss, told, _ = run(recipes(mining={"rule": rule}, local={"contrast": contrast, "mining": True}), one)
    loss.backward()
    assert told["global"] == told["summary"] == 0
    assert torch.isfinite(loss)


@pytest.mark.parametrize("contrast", ["softmax", "sigmoid"])
def test_the_bias_of_a_model_learns_under_a_sigmoid_alone(contrast: Literal["softmax", "sigmoid"]) -> None:
    bias = torch.nn.Parameter(torch.tensor(-12.0))
    objective = Objective(ObjectiveRecipe(contrast=contrast), 8, bias)
    assert bias.requires_grad == (contrast == "sigmoid")
    assert (objective.bias is bias) == (contrast == "sigmoid")
