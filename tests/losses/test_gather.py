"""On 2 and 4 processes (gloo) the averages of losses and gradients over the ranks are those of one process."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import normalize

from emocap.losses.features import Features, Guide, LocalFeatures
from emocap.losses.gather import add, even_share, rank, world_size
from emocap.losses.objective import Objective
from emocap.losses.recipe import ObjectiveRecipe
from tests.support.objective_oracles import unit

B, D, M = 8, 6, 5
OWNERS = [0, 0, 0, 1, 2, 3, 3, 4, 5, 5]
"""Differing numbers of sentences per rank; the last rank of four has none."""

RECIPES: dict[str, dict[str, Any]] = {
    "ClipLoss": {"summary_weight": 0, "local_weight": 0, "join_equal": False, "mining": {"rule": "off"}},
    "transport": {"mining": {"rule": "transport", "by": "cross"}},
    "cross": {"mining": {"rule": "cross", "delta": 0.3, "k": 2}},
    "cross by rows": {"mining": {"rule": "cross", "delta": 0.3, "standardise": "row"}},
    "mutual": {"mining": {"rule": "cross", "delta": None, "k": 4, "mutual": True}},
    "consensus": {"mining": {"rule": "consensus", "delta": 0.0, "k": None}},
    "soft": {"mining": {"rule": "soft"}},
    "labels": {"mining": {"rule": "labels"}},
    "frozen guide": {"mining": {"guide": "frozen"}},
    "sigmoid": {"contrast": "sigmoid", "mining": {"rule": "cross", "delta": 0.3}},
    "CoCLR": {"contrast": "multi_instance", "mining": {"rule": "cross", "delta": None, "k": 5}},
    "EmotionCLIP": {"reweight": 10.0},
    "mined sentences": {"local": {"mining": True, "mining_delta": 0.3, "pool": "softmax"}},
    "attention": {"local": {"pool": "attention", "heads": 2}},
    "pictures": {"local": {"contrast": "pictures", "mining": True, "mining_delta": 0.3}},
    "FLAIR": {
        "contrast": "sigmoid",
        "local": {"contrast": "pictures", "candidates": "one", "pool": "attention", "heads": 2},
    },
    "FLAIR's choice under softmax": {"local": {"contrast": "pictures", "candidates": "one"}},
}
CASES = [(name, gather) for name in RECIPES for gather in ("sharded", "full")]
Result = dict[str, Tensor]


def step(name: str, gather: str) -> Result:
    """Loss, log and gradients of this rank's share of the same batch, averaged over the ranks."""
    torch.manual_seed(0)
    recipe = ObjectiveRecipe.model_validate({**RECIPES[name], "gather": gather})
    objective = Objective(recipe, D)
    # The whole batch is what the ranks train together, each through its own rows, as they do a model's weights.
    leaves = {key: torch.randn(B, D, requires_grad=True) for key in ("image", "global", "summary")}
    leaves |= {
        "patch": torch.randn(B, M, D, requires_grad=True),
        "sentence": torch.randn(len(OWNERS), D, requires_grad=True),
    }
    leaves |= {"logit_scale": torch.tensor(2.0, requires_grad=True)}
    group, summary_group = torch.tensor([0, 1, 2, 3, 0, 5, 6, 1]), torch.tensor([0, 1, 1, 3, 4, 5, 1, 7])
    label, owner = torch.tensor([0, 0, 1, 2, 1, 0, -1, 2]), torch.tensor(OWNERS)
    sentence_group, region = torch.tensor([0, 1, 2, 1, 4, 5, 6, 0, 8, 9]), torch.tensor([0, 1, 0, 1, 1, 0, 0, 1, 0, 1])
    size = B // world_size()
    mine = slice(rank() * size, (rank() + 1) * size)
    spoken = (owner >= mine.start) & (owner < mine.stop)
    features = Features(
        image_BD=normalize(leaves["image"][mine], dim=1),
        global_BD=normalize(leaves["global"][mine], dim=1),
        summary_BD=normalize(leaves["summary"][mine], dim=1),
        global_group_B=group[mine],
        summary_group_B=summary_group[mine],
        label_B=label[mine],
        local=LocalFeatures(
            leaves["patch"][mine],
            normalize(leaves["sentence"][spoken], dim=1),
            owner[spoken] - mine.start,
            sentence_group[spoken],
            region[spoken],
        ),
        guide=Guide(unit(B, D, 5)[mine], unit(B, D, 6)[mine]) if name == "frozen guide" else None,
        sentiment_BC=torch.rand(B, 7, generator=torch.Generator().manual_seed(5)).softmax(1)[mine],
    )
    loss, told = objective(features, leaves["logit_scale"], step=2)
    loss.backward()
    trained = leaves | {f"objective.{key}": value for key, value in objective.named_parameters()}
    gradients = {key: torch.zeros_like(p) if p.grad is None else p.grad for key, p in trained.items()}
    averaged = {key: add(value) / world_size() for key, value in {"mean": loss, **gradients}.items()}
    return averaged | {f"told.{key}": value for key, value in told.items()}


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    for count in (4, 2):
        if rank < count:
            dist.init_process_group("gloo", init_method=f"file://{folder}/{count}", rank=rank, world_size=count)
            made = {case: step(*case) for case in CASES}
            if rank == 0:
                torch.save(made, folder / f"{count}.pt")
            dist.destroy_process_group()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[tuple[str, str], Result]]:
    folder = tmp_path_factory.mktemp("ranks")
    spawn(work, args=(folder,), nprocs=4)
    return {count: torch.load(folder / f"{count}.pt") for count in (2, 4)}


@pytest.mark.ddp
@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize(("name", "gather"), CASES)
def test_many_ranks_are_one_process(
    made: dict[int, dict[tuple[str, str], Result]], count: int, name: str, gather: str
) -> None:
    ours, alone = made[count][name, gather], step(name, gather)
    assert ours.keys() == alone.keys()
    for key, value in alone.items():
        tolerance = 1e-5 if key.startswith("told") else 1e-9  # what is logged is fp32
        torch.testing.assert_close(ours[key], value, rtol=tolerance, atol=tolerance, equal_nan=True, msg=key)


def test_alone_nothing_is_exchanged() -> None:
    x = torch.randn(3, 2)
    share = even_share(3)
    assert share.gather(x) is x
    assert (rank(), world_size()) == (0, 1)
    assert share.rows == share.held == slice(0, 3)
    assert torch.equal(add(x), x)
