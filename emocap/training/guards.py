"""Guards that stop a run from going wrong unseen: spikes of the gradient, and losses that are not finite."""

import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emocap.core.errors import UserError, few
from emocap.core.files import write_json
from emocap.training.process_group import ProcessGroup


class SpikeGuard:
    """Finds gradient norms that are far above the median of the last hundred steps."""

    def __init__(self, factor: float | None) -> None:
        self._factor = factor
        self.norms: deque[float] = deque(maxlen=100)

    def __call__(self, norm: float) -> bool:
        """Whether the step with this norm is to be skipped; the first ten never are."""
        spike = (
            self._factor is not None and len(self.norms) >= 10 and norm > self._factor * statistics.median(self.norms)
        )
        self.norms.append(norm)
        return spike


def no_number(
    step: int, logs: Mapping[str, Any], norm: float, keys: Sequence[str], group: ProcessGroup, out: Path
) -> UserError:
    """The error where loss, gradient or weights are not finite: the same on every rank.

    The keys of the whole batch are left in ``out/stopped.json``.
    """
    terms = group.means(logs)
    everywhere = [key for share in group.gather(list(keys)) for key in share]
    parts = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
    if group.first:
        write_json(
            out / "stopped.json", {"step": step, "terms": parts, "gradient_norm": str(norm), "keys": everywhere}
        )
    return UserError(
        f"loss or gradient is no number at step {step} ({parts}, gradient norm {norm:.4g}); begin again under "
        f"another folder with a lower optimizer.lr or with optimizer.clip_norm, or look at the batch, which "
        f"{out / 'stopped.json'} lists: {few(everywhere)}"
    )
