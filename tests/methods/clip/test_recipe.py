"""What a training recipe refuses before anything is read."""

import pytest

from emocap.core.errors import UserError
from emocap.core.recipes import load
from emocap.methods.clip.recipe import ClipRecipe

MEASURED = "evaluate={cards: [benchmarks/faces.yaml], data: faces/, protocols: [zeroshot, fewshot], best: %s}"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("data.crop=[0, 1]", "data.crop: the least and the greatest share"),
        ("data.crop=[1, 0.8]", "data.crop: the least and the greatest share"),
        ("data.crop=[0.8, 2]", "data.crop: the least and the greatest share"),
        ("data.split=trian", "data.split: input should be 'train' or 'test'"),
        ("optimizer.betas=[1.5, 2]", "optimizer.betas.0: input should be less than 1"),
        ("optimizer.lr=.inf", "optimizer.lr: input should be a finite number"),
        ("epochs=.nan", "epochs: input should be a finite number"),
        ("seed=-1", "seed: input should be greater than or equal to 0"),
        ("seed=4294967296", "seed: input should be less than 4294967296"),
        ("model.name=ViT-B-32", "model: a model has either a name or a config"),
        ("model.config={embed_dim: 16}", "model: config: an open_clip configuration has vision_cfg and text_cfg"),
        ("objective.mining.guide=ema", "objective.mining.guide is ema, but there is none: set ema"),
        ("objective.local.candidates=one", "candidates: one needs contrast: pictures"),
        ("objective={global_weight: 0, summary_weight: 0, local_weight: 0}", "one of the weights must be above 0"),
        ("objective={contrast: multi_instance, local: {contrast: pictures}}", "multi_instance does not go with"),
        (MEASURED % "faces/zeroshot", "best: write CARD/PROTOCOL/METRIC"),
        (MEASURED % "faces/probe/uar", "best: write CARD/PROTOCOL/METRIC"),
        (MEASURED % "places/zeroshot/uar", "best: write CARD/PROTOCOL/METRIC"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(setting: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        load(ClipRecipe, "models", "emocapclip-tiny", [setting])
    assert told in str(error.value)


@pytest.mark.parametrize("best", ["faces/zeroshot/uar", "faces/fewshot-4/uar"])
def test_the_best_may_be_chosen_by_what_a_protocol_reports(best: str) -> None:
    recipe = load(ClipRecipe, "models", "emocapclip-tiny", [MEASURED % best])
    assert recipe.evaluate
    assert recipe.evaluate.best == best
