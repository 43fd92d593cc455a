"""The method written out from its formulas, a pair at a time; slow, and in float64. Gradients come from autograd."""

import math
import statistics

import torch
from torch import Tensor

from emocap.losses.recipe import LocalRecipe, MiningRecipe

Matrix = list[list[float]]


def unit(n: int, d: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(n, d, generator=random, dtype=torch.float64), dim=1)


def softmax_row(logits: list[Tensor], targets: list[float]) -> Tensor:
    """−Σ_j W_j log softmax_j."""
    total = sum(torch.exp(x) for x in logits)
    return -sum(
        (w * torch.log(torch.exp(x) / total) for w, x in zip(targets, logits, strict=True) if w), torch.zeros(())
    )


def sigmoid_row(logits: list[Tensor], targets: list[float]) -> Tensor:
    """−Σ_j log σ(z_j · logit_j)."""
    return sum(
        (torch.log(1 + torch.exp(-x if w > 0 else x)) for w, x in zip(targets, logits, strict=True)),
        start=torch.zeros(()),
    )


def multi_instance_row(logits: list[Tensor], targets: list[float]) -> Tensor:
    """−log Σ_j mask_j softmax_j."""
    total = sum(torch.exp(x) for x in logits)
    near = [torch.exp(x) / total for w, x in zip(targets, logits, strict=True) if w > 0]
    return -torch.log(torch.stack(near).sum())


ROWS = {"softmax": softmax_row, "sigmoid": sigmoid_row, "multi_instance": multi_instance_row}


def contrast(
    a: Tensor,
    b: Tensor,
    scale: Tensor,
    ab: Matrix,
    ba: Matrix,
    kind: str = "softmax",
    bias: Tensor | float = 0.0,
    divergence: Matrix | None = None,
) -> Tensor:
    """Equation (2), any row loss; ``divergence``: what EmotionCLIP takes from the logit of image i, text j."""
    n = len(a)
    total = torch.zeros(())
    for i in range(n):
        forth = [scale * (a[i] @ b[j]) + bias for j in range(n)]
        back = [scale * (b[i] @ a[j]) + bias for j in range(n)]
        if divergence is not None:
            forth = [x - (divergence[i][j] if ab[i][j] == 0 else 0) for j, x in enumerate(forth)]
            back = [x - (divergence[j][i] if ba[i][j] == 0 else 0) for j, x in enumerate(back)]
        total = total + ROWS[kind](forth, ab[i]) + ROWS[kind](back, ba[i])
    return total / (2 * n)


def divergences(sentiments: Matrix, scale: float) -> Matrix:
    """What is taken: scale / |KL(p_j ‖ p_i)|."""

    def kl(p: list[float], q: list[float]) -> float:
        return sum(x * math.log(max(x, 1e-6) / max(y, 1e-6)) for x, y in zip(p, q, strict=True))

    return [[scale / max(abs(kl(q, p)), 1e-6) for q in sentiments] for p in sentiments]


def joined(groups: list[int]) -> Matrix:
    """Base targets: equal numbers are positives of each other."""
    return [[(g == h) / groups.count(g) for h in groups] for g in groups]


def _standardised(similarity: Matrix, how: str) -> Matrix:
    n = len(similarity)
    if n < 3:
        return [[0.0] * n for _ in range(n)]
    made = []
    for row in range(n):
        rows = range(n) if how == "batch" else [row]
        others = [similarity[i][j] for i in rows for j in range(n) if i != j]
        mean, deviation = statistics.fmean(others), max(statistics.pstdev(others), 1e-6)
        made.append([(x - mean) / deviation for x in similarity[row]])
    return made


def _smaller(a: Matrix, b: Matrix) -> Matrix:
    return [[min(x, y) for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def mined(
    image: Tensor, text: Tensor, labels: list[int], recipe: MiningRecipe
) -> tuple[list[set[int]], list[set[int]], Matrix, Matrix]:
    """Equation (3): N_i of image queries and of text queries, and the guides of both."""
    n = len(image)
    images, texts = (image @ image.T).tolist(), (text @ text.T).tolist()
    z_images, z_texts = _standardised(images, recipe.standardise), _standardised(texts, recipe.standardise)
    if recipe.rule == "consensus":
        images = texts = _smaller(images, texts)
        z_images = z_texts = _smaller(z_images, z_texts)

    def find(scores: Matrix) -> list[set[int]]:
        found = []
        for i in range(n):
            others = [j for j in range(n) if j != i]
            if recipe.rule == "labels":
                others = [j for j in others if labels[i] >= 0 and labels[i] == labels[j]]
            elif recipe.rule != "soft":
                if recipe.delta is not None:
                    others = [j for j in others if scores[i][j] >= recipe.delta]
                others = sorted(others, key=lambda j: -scores[i][j])[: recipe.k]
            found.append(set(others))
        if recipe.mutual and recipe.rule not in ("soft", "labels"):
            found = [{j for j in others if i in found[j]} for i, others in enumerate(found)]
        return found

    if recipe.rule == "labels":
        images = texts = [[0.0] * n for _ in range(n)]
    return find(z_texts), find(z_images), texts, images


def targets(
    image: Tensor, text: Tensor, labels: list[int], base: Matrix, recipe: MiningRecipe
) -> tuple[Matrix, Matrix]:
    """W for image queries and for text queries."""
    if recipe.rule == "off":
        return base, base
    if recipe.rule == "transport":
        other = text if recipe.by == "text" else image
        return _mixed(base, plan(text, recipe), recipe.alpha), _mixed(base, plan(other, recipe), recipe.alpha)
    by_text, by_image, texts, images = mined(image, text, labels, recipe)
    made: list[Matrix] = []
    for found, guide in ((by_text, texts), (by_image, images)):
        rows = []
        for i, others in enumerate(found):
            shares = {j: math.exp(guide[i][j] / recipe.temperature) for j in others}
            total = sum(shares.values())
            mixed = [
                (1 - recipe.alpha) * w + recipe.alpha * shares.get(j, 0) / (total or 1) for j, w in enumerate(base[i])
            ]
            rows.append(mixed if others else base[i])
        made.append(rows)
    return made[0], made[1]


def pooled(patches: Tensor, text: Tensor, recipe: LocalRecipe) -> Tensor:
    """Equation (4) for one picture and one text, without parameters; not normalised."""
    units = [patch / torch.sqrt((patch * patch).sum()) for patch in patches]
    similar = [text @ patch for patch in units]
    if recipe.pool == "softmax":
        weights = [torch.exp(x / recipe.temperature) for x in similar]
    else:
        low, high = min(similar), max(similar)
        scaled = [(x - low) / (high - low) for x in similar]
        weights = [x if x >= 1 / len(scaled) else 0 * x for x in scaled]
    total = sum(weights)
    return sum((w * patch for w, patch in zip(weights, units, strict=True)), torch.zeros_like(text)) / total


def sentences_joined(
    sentences: Tensor, groups: list[int], regions: list[int], recipe: LocalRecipe
) -> list[list[bool]]:
    """W' as yes and no."""
    n = len(sentences)
    z = _standardised((sentences.detach() @ sentences.detach().T).tolist(), "batch")

    def together(i: int, j: int) -> bool:
        equal = recipe.join_equal and groups[i] == groups[j]
        near = recipe.mining and regions[i] == regions[j] and z[i][j] >= recipe.mining_delta
        return i == j or equal or near

    return [[together(i, j) for j in range(n)] for i in range(n)]


def plan(guide: Tensor, recipe: MiningRecipe) -> Matrix:
    """Sinkhorn's balancing of exp(z / temperature) without its diagonal, ten rounds, rows last."""
    n = len(guide)
    if n < 3:
        return [[0.0] * n for _ in range(n)]
    z = _standardised((guide @ guide.T).tolist(), recipe.standardise)
    made = [[math.exp(z[i][j] / recipe.temperature) if i != j else 0.0 for j in range(n)] for i in range(n)]
    for _ in range(10):
        columns = [sum(row[j] for row in made) for j in range(n)]
        made = [[x / columns[j] for j, x in enumerate(row)] for row in made]
        made = [[x / sum(row) for x in row] for row in made]
    return made


def _mixed(base: Matrix, found: Matrix, alpha: float) -> Matrix:
    return [
        [(1 - alpha) * b + alpha * f for b, f in zip(*rows, strict=True)] if any(rows[1]) else rows[0]
        for rows in zip(base, found, strict=True)
    ]
