"""A full EmoCapCLIP step beside bare ClipLoss steps and beside the same objective written naively.

    python perf/train.py >> perf/RESULTS.md
    python perf/train.py --device cuda --precision bf16 --models ViT-B-32 ViT-B-16 --batch 512 --peak-tflops 989

A step is forward, backward and AdamW on random weights. Captions are those of drawn faces, in their true lengths;
pictures are noise, whose pixels cost what any do.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import open_clip
import torch
import torch.nn.functional as F
from local_loss import whole
from machine import describe
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from emocap.captioning.annotations import caption
from emocap.losses.contrast import contrast
from emocap.losses.features import Features, LocalFeatures
from emocap.losses.gather import even_share
from emocap.losses.mining import mine, mix, same
from emocap.losses.objective import Objective
from emocap.losses.recipe import ObjectiveRecipe
from emocap.methods.clip.batch import Batch
from emocap.methods.clip.recipe import ModelRecipe
from emocap.methods.clip.towers import Tokens, create, encode_images, encode_texts
from emocap.schema.samples import Labels
from emocap.synthetic import EMOTIONS7, sample_expression

SENTENCES = 5
STEPS = {
    "EmoCapCLIP": "the full objective: global, summary, 5 local sentences, mining, as `emocap train` computes it",
    "bare, texts as ours": "ClipLoss over the same pictures and the same text tokens: all texts are encoded, each "
    "cut as ours, the loss is that of the global captions",
    "bare, texts at 77": "the same, with all texts at 77 tokens, as open_clip encodes them",
    "bare, one text at 77": "ClipLoss over the same pictures and the global captions alone, at 77 tokens",
    "written naively": "the full objective with every text at 77 tokens, all logits at once, patches repeated for "
    "every sentence",
}


class Run:
    """A model, its optimizer and one batch; every step begins from what the last one left."""

    def __init__(self, name: str, size: int, device: torch.device, bf16: bool) -> None:
        torch.manual_seed(0)
        self.device, self.bf16 = device, bf16
        with tempfile.TemporaryDirectory() as folder:
            self.model = create(ModelRecipe(name=name), Path(folder)).to(device)
            tokens = Tokens(Path(folder))
        self.model.to(memory_format=torch.channels_last)
        self.objective = Objective(ObjectiveRecipe(), self.model.text.output_dim).to(device)  # type: ignore
        trained = [*self.model.parameters(), *self.objective.parameters()]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
        self.batch = make_batch(tokens, size, self.model.visual.image_size[0], device)  # type: ignore

    def step(self, loss: Callable[["Run"], Tensor]) -> float:
        """One step; its loss."""
        made = loss(self)
        made.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return made.item()

    def encode(self, texts: list[Tensor], cut: bool, patches: bool) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Images, patches, and texts that go through the tower together, cut and once each or whole and all."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            image_BD, patch_BMD = encode_images(self.model, self.batch.image_B3HW, patches=patches)
            token_NL = torch.cat(texts)
            model: nn.Module = self.model
            text_ND = encode_texts(model, token_NL) if cut else model.encode_text(token_NL, normalize=True)  # type: ignore
        parts = text_ND.float().split([len(part) for part in texts])
        return image_BD.float(), None if patch_BMD is None else patch_BMD.float(), list(parts)


def make_batch(tokens: Tokens, size: int, side: int, device: torch.device) -> Batch:
    captions, owners, sentences = [], [], []
    for number in range(size):
        random = Random(number)
        shown = sample_expression(random, random.choice(EMOTIONS7))
        labels = Labels(emotion=shown.emotion, action_units=shown.action_units, intensity=shown.intensity)
        made, _ = caption(labels, str(number))
        captions.append(made)
        chosen = random.sample(made.local, min(SENTENCES, len(made.local)))
        sentences += [entry.text for entry in chosen]
        owners += [number] * len(chosen)
    parts = [[made.global_ for made in captions], [made.summary for made in captions], sentences]
    token = [tokens(part).to(device) for part in parts]
    number_ = [torch.tensor([sorted(set(part)).index(text) for text in part], device=device) for part in parts]
    return Batch(
        keys=[str(number) for number in range(size)],
        image_B3HW=torch.randn(size, 3, side, side, device=device),
        global_BL=token[0],
        summary_BL=token[1],
        sentence_NL=token[2],
        owner_N=torch.tensor(owners, device=device),
        global_group_B=number_[0],
        summary_group_B=number_[1],
        sentence_group_N=number_[2],
        region_N=torch.zeros_like(number_[2]),
        label_B=torch.full((size,), -1, device=device),
    )


def emocap(run: Run) -> Tensor:
    b = run.batch
    texts = [b.global_BL, b.summary_BL, b.sentence_NL]
    image_BD, patch_BMD, (global_BD, summary_BD, sentence_ND) = run.encode(texts, cut=True, patches=True)
    assert patch_BMD is not None
    local = LocalFeatures(patch_BMD, sentence_ND, b.owner_N, b.sentence_group_N, b.region_N)
    features = Features(image_BD, global_BD, summary_BD, b.global_group_B, b.summary_group_B, b.label_B, local)
    return run.objective(features, run.model.logit_scale, 0)[0]  # type: ignore[no-any-return]


def naive(run: Run) -> Tensor:
    b = run.batch
    texts = [b.global_BL, b.summary_BL, b.sentence_NL]
    image_BD, patch_BMD, (global_BD, summary_BD, sentence_ND) = run.encode(texts, cut=False, patches=True)
    assert patch_BMD is not None
    scale, recipe = run.model.logit_scale.exp(), run.objective.recipe.mining  # type: ignore
    guide_BD = F.normalize(global_BD + summary_BD, dim=-1)
    mined = mine(image_BD, guide_BD, b.label_B, recipe, even_share(len(image_BD)))
    loss = torch.zeros((), device=run.device)
    for text_BD, group_B in ((global_BD, b.global_group_B), (summary_BD, b.summary_group_B)):
        base_BB = same(group_B)
        ab_BB, ba_BB = mix(base_BB, mined.image_QN, recipe.alpha), mix(base_BB, mined.text_QN, recipe.alpha)
        loss = loss + contrast(image_BD, text_BD, scale, ab_BB, ba_BB)
    local_scale = run.objective.local_logit_scale.exp()
    return loss + whole(patch_BMD, sentence_ND, b.owner_N, local_scale, b.sentence_group_N)


def bare(cut: bool, all_texts: bool) -> Callable[[Run], Tensor]:
    clip_loss = open_clip.ClipLoss()

    def loss(run: Run) -> Tensor:
        b = run.batch
        texts = [b.global_BL, b.summary_BL, b.sentence_NL] if all_texts else [b.global_BL]
        image_BD, _, text = run.encode(texts, cut=cut, patches=False)
        made: Tensor = clip_loss(image_BD, text[0], run.model.logit_scale.exp())  # type: ignore
        return made

    return loss


LOSSES = dict(zip(STEPS, (emocap, bare(True, True), bare(False, True), bare(False, False), naive), strict=True))


def measure(run: Run, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds, FLOPs and peak memory of every kind of step; turn about, so that what else runs falls on all."""
    cuda = run.device.type == "cuda"
    told: dict[str, dict[str, float]] = {name: {} for name in LOSSES}
    for name, loss in LOSSES.items():
        with FlopCounterMode(display=False) as counter:
            run.step(loss)
        told[name]["flops"] = counter.get_total_flops()
        if cuda:
            torch.cuda.reset_peak_memory_stats()
            run.step(loss)
            told[name]["memory"] = torch.cuda.max_memory_allocated() / 2**30
    seconds: dict[str, list[float]] = {name: [] for name in LOSSES}
    for _ in range(rounds):
        for name, loss in LOSSES.items():
            begun = time.perf_counter()
            run.step(loss)  # its .item() waits for the device
            seconds[name].append(time.perf_counter() - begun)
    for name, all_ in seconds.items():
        told[name]["seconds"] = statistics.median(all_)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["ViT-B-32"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--peak-tflops", type=float, help="of the device, to tell how much of it is used")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    print("## A training step\n")
    print(f"`python perf/train.py`: a step (forward, backward, AdamW) on {where} in {arguments.precision},")
    print(f"{arguments.batch} pictures with {SENTENCES} local sentences each, captions of drawn faces; the median of")
    print(f"{arguments.rounds} rounds, turn about.\n")
    for name, meaning in STEPS.items():
        print(f"- **{name}**: {meaning}")
    for name in arguments.models:
        run = Run(name, arguments.batch, device, arguments.precision == "bf16")
        told = measure(run, arguments.rounds)
        ours = told["EmoCapCLIP"]["seconds"]
        token_NL = torch.cat([run.batch.global_BL, run.batch.summary_BL, run.batch.sentence_NL])
        length = (token_NL.argmax(-1) + 1).float().mean()
        print(f"\n{name}: {len(token_NL)} texts, {len(token_NL.unique(dim=0))} of them different, {length:.1f} tokens")
        print("on average.\n")
        print("| | seconds | samples/s | EmoCapCLIP takes | TFLOP | TFLOP/s | of the peak | peak memory, GiB |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for kind, row in told.items():
            rate = row["flops"] / row["seconds"] / 1e12
            used = f"{rate / arguments.peak_tflops:.2f}" if arguments.peak_tflops else ""
            memory = f"{row['memory']:.1f}" if "memory" in row else ""
            print(
                f"| {kind} | {row['seconds']:.3f} | {arguments.batch / row['seconds']:.1f} | "
                f"{ours / row['seconds']:.2f} × | {row['flops'] / 1e12:.2f} | {rate:.2f} | {used} | {memory} |"
            )
        del run
    print(f"\n{describe('torch', 'open_clip_torch')}\n")


if __name__ == "__main__":
    main()
