"""The local term at B·K = 8192: peak memory and time, beside the same formula written out whole.

    python perf/local_loss.py >> perf/RESULTS.md

Peak memory is that of the tensors which torch allocates for the loss and its gradients.
"""

import argparse
import itertools
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from machine import describe
from torch import Tensor

from emocap.losses.contrast import contrast, softmax
from emocap.losses.features import LocalFeatures
from emocap.losses.local import contrast_regions
from emocap.losses.mining import same
from emocap.losses.pools.sparse import SparsePool
from emocap.losses.recipe import LocalRecipe

Term = Callable[..., Tensor]

PICTURES, SENTENCES, PATCHES, WIDTH = 2048, 4, 49, 512


def whole(patch_BMD: Tensor, sentence_ND: Tensor, owner_N: Tensor, scale: Tensor, group_N: Tensor) -> Tensor:
    """Equation (4), with the patches repeated for every sentence, and all logits at once."""
    patch_NMD = F.normalize(patch_BMD, dim=-1)[owner_N]
    similarity_NM = (patch_NMD * sentence_ND[:, None, :]).sum(-1)
    low_N1, high_N1 = similarity_NM.amin(1, keepdim=True), similarity_NM.amax(1, keepdim=True)
    scaled_NM = (similarity_NM - low_N1) / (high_N1 - low_N1)
    kept_NM = scaled_NM * (scaled_NM >= 1 / PATCHES)
    weight_NM = kept_NM / kept_NM.sum(1, keepdim=True)
    region_ND = F.normalize((weight_NM[:, :, None] * patch_NMD).sum(1), dim=-1)
    base_NN = same(group_N)
    return contrast(region_ND, sentence_ND, scale, base_NN, base_NN)


def ours(patch_BMD: Tensor, sentence_ND: Tensor, owner_N: Tensor, scale: Tensor, group_N: Tensor) -> Tensor:
    local = LocalFeatures(patch_BMD, sentence_ND, owner_N, group_N, region_N=torch.zeros_like(group_N))
    return contrast_regions(local, SparsePool(), scale, LocalRecipe(), softmax, None, whole=False)


def make() -> tuple[Tensor, ...]:
    count = PICTURES * SENTENCES
    random = torch.Generator().manual_seed(0)
    return (
        torch.randn(PICTURES, PATCHES, WIDTH, generator=random).requires_grad_(),
        F.normalize(torch.randn(count, WIDTH, generator=random), dim=1).requires_grad_(),
        torch.arange(PICTURES).repeat_interleave(SENTENCES),
        torch.tensor(14.3, requires_grad=True),
        torch.randint(count, (count,), generator=random),
    )


def peak(term: Term) -> float:
    """GiB of tensors that stand at once, inputs left out."""
    inputs = make()
    with torch.profiler.profile(profile_memory=True) as profile:
        term(*inputs).backward()
    assert profile.profiler
    assert profile.profiler.kineto_results
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    steps = (event.nbytes() for event in sorted(events, key=lambda event: event.start_ns()))
    return float(max(itertools.accumulate(steps))) / 2**30


def seconds(term: Term) -> tuple[float, float]:
    """Of loss and gradients; and the loss."""
    inputs = make()
    begun = time.perf_counter()
    loss = term(*inputs)
    loss.backward()
    return time.perf_counter() - begun, loss.item()


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    terms = {"written out whole": whole, "emocap": ours}
    # Turn about, so that what else the machine does falls on both.
    rounds = [{name: seconds(term) for name, term in terms.items()} for _ in range(3)]
    rows = [(name, peak(term), *min(r[name] for r in rounds)) for name, term in terms.items()]
    print("## The local term at B·K = 8192\n")
    print(f"`python perf/local_loss.py`: {PICTURES} pictures of {PATCHES} patches, {SENTENCES} sentences each, width")
    print(f"{WIDTH}, fp32 on the CPU; loss and gradients, the least time of three rounds.\n")
    print("| | peak memory, GiB | seconds | loss |\n| --- | --- | --- | --- |")
    for name, memory, time_, loss in rows:
        print(f"| {name} | {memory:.2f} | {time_:.1f} | {loss:.4f} |")
    print(f"| ratio | {rows[1][1] / rows[0][1]:.2f} | {rows[1][2] / rows[0][2]:.2f} | |\n\n{describe('torch')}\n")


if __name__ == "__main__":
    main()
