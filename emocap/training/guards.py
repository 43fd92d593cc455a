"""What keeps a run from going wrong in silence: spikes of the gradient, and losses that are no numbers."""

import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError, few
from emocap.core.files import write_json
from emocap.training.process_group import Ranks


class SpikeGuard:
    """Tells gradient norms that are far above what was usual in the last hundred steps."""

    def __init__(self, factor: float | None) -> None:
        self._factor = factor
        self.norms: deque[float] = deque(maxlen=100)

    def __call__(self, norm: float) -> bool:
        """Whether the step with this norm is to be skipped; the first ten only teach what is usual."""
        spike = (
            self._factor is not None and len(self.norms) >= 10 and norm > self._factor * statistics.median(self.norms)
        )
        self.norms.append(norm)
        return spike


def no_number(
    step: int, told: Mapping[str, Any], norm: float, keys: Sequence[str], ranks: Ranks, out: Path
) -> UserError:
    """What is to be said where loss, gradient or weights are no numbers: the same on every rank.

    The keys of the whole batch are left in ``out/stopped.json``.
    """
    terms = ranks.means(told)
    everywhere = [key for share in ranks.gather(list(keys)) for key in share]
    parts = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
    if ranks.first:
        write_json(
            out / "stopped.json", {"step": step, "terms": parts, "gradient_norm": str(norm), "keys": everywhere}
        )
    return UserError(
        f"loss or gradient is no number at step {step} ({parts}, gradient norm {norm:.4g}); begin again under "
        f"another --out with a lower optimizer.lr or with optimizer.clip_norm, or look at the batch, which "
        f"{out / 'stopped.json'} lists: {few(everywhere)}"
    )
