import math
from typing import Any

import open_clip
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emocap.clip.batch import Features, LocalFeatures
from emocap.clip.contrast import contrast
from emocap.clip.local import pool_regions
from emocap.clip.mining import same, targets
from emocap.clip.objective import Objective
from emocap.clip.recipe import ObjectiveRecipe

B, D, M = 8, 6, 5
OWNER = torch.tensor([0, 0, 1, 2, 3, 3, 4, 5, 6, 7, 7])


def unit(n: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(n, D, generator=torch.Generator().manual_seed(seed)), dim=1)


def features(**changed: Any) -> Features:
    local = LocalFeatures(
        patch_BMD=torch.randn(B, M, D, generator=torch.Generator().manual_seed(9)),
        sentence_ND=unit(len(OWNER), 4),
        owner_N=OWNER,
        group_N=torch.tensor([0, 1, 2, 0, 4, 5, 6, 7, 8, 9, 10]),
    )
    made: dict[str, Any] = {
        "image_BD": unit(B, 0),
        "global_BD": unit(B, 1),
        "summary_BD": unit(B, 2),
        "global_group_B": torch.tensor([0, 1, 2, 3, 0, 5, 6, 7]),
        "summary_group_B": torch.arange(B),
        "local": local,
    }
    return Features(**{**made, **changed})


SCALE = torch.tensor(math.log(10.0))


def test_global_alone_without_mining_is_open_clips_loss() -> None:
    recipe = ObjectiveRecipe.model_validate({"summary_weight": 0, "local_weight": 0, "mining": {"rule": "off"}})
    some = features(global_group_B=torch.arange(B))
    loss, told = Objective(recipe)(some, SCALE, step=0)
    torch.testing.assert_close(loss, open_clip.ClipLoss()(some.image_BD, some.global_BD, SCALE.exp()))
    assert set(told) == {"loss", "global", "logit_scale"}


def test_the_sum_is_equation_one() -> None:
    recipe = ObjectiveRecipe.model_validate(
        {"global_weight": 0.5, "summary_weight": 2, "local_weight": 0.25, "mining": {"delta": 0.5, "warmup": 10}}
    )
    f = features()
    assert f.local is not None
    objective = Objective(recipe)
    loss, told = objective(f, SCALE, step=10)
    guide = F.normalize(f.global_BD + f.summary_BD, dim=-1)
    total = torch.zeros(())
    for weight, text, group in ((0.5, f.global_BD, f.global_group_B), (2, f.summary_BD, f.summary_group_B)):
        to_text, to_image = targets(f.image_BD, guide, same(group), recipe.mining)
        total = total + weight * contrast(f.image_BD, text, SCALE.exp(), to_text, to_image)
    regions = pool_regions(f.local.patch_BMD, f.local.sentence_ND, OWNER, recipe.local)
    base = same(f.local.group_N)
    total = total + 0.25 * contrast(regions, f.local.sentence_ND, objective.local_logit_scale.exp(), base, base)
    torch.testing.assert_close(loss, total)
    assert told["loss"] == pytest.approx(0.5 * told["global"] + 2 * told["summary"] + 0.25 * told["local"], rel=1e-5)


def test_mining_waits_for_its_warm_up() -> None:
    mined = ObjectiveRecipe.model_validate({"mining": {"delta": 0.0, "warmup": 5}})
    plain = ObjectiveRecipe.model_validate({"mining": {"rule": "off"}})
    before, after = (Objective(mined)(features(), SCALE, step=step)[0] for step in (4, 5))
    torch.testing.assert_close(before, Objective(plain)(features(), SCALE, step=4)[0])
    assert not torch.isclose(before, after)


def test_labels_serve_the_log_alone() -> None:
    recipe = ObjectiveRecipe.model_validate({"mining": {"delta": 0.0}})
    without, _ = Objective(recipe)(features(), SCALE, step=0)
    beside, told = Objective(recipe)(features(), SCALE, step=0, label_B=torch.tensor([0, 0, 1, 1, 0, 0, 1, -1]))
    torch.testing.assert_close(without, beside)
    assert 0 <= told["mined_precision"] <= 1
    assert told["mined_per_query"] > 0


def test_both_logit_scales_learn() -> None:
    objective = Objective(ObjectiveRecipe())
    scale = SCALE.clone().requires_grad_()
    objective(features(), scale, step=0)[0].backward()
    assert scale.grad is not None
    assert scale.grad.abs() > 0
    assert objective.local_logit_scale.grad is not None
    assert objective.local_logit_scale.grad.abs() > 0
