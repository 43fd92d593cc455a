"""The states of all random generators that training draws from, as values that a checkpoint can hold."""

# Tested in tests/methods/clip/test_grad_cache.py.

import random
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """Where the generators of torch (CPU and current GPU), Python and numpy stand."""
    kind, key, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(key, dtype=np.int64)), *rest],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put all generators where they stood."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
    random.setstate(state["python"])
    kind, key, *rest = state["numpy"]
    np.random.set_state((kind, key.numpy().astype(np.uint32), *rest))


def seed_all(seed: int) -> None:
    """Start all generators from a seed."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
