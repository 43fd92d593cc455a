"""Features over Ray: blocks of examples for workers on all machines and GPUs of a cluster, or of this machine."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import ray
import torch
from ray.exceptions import RayActorError

from emocap.core.errors import UserError
from emocap.core.ray_session import ray_session
from emocap.encoders import load
from emocap.encoders.base import Encoder, Matrix
from emocap.encoders.features import Pooling, extract_batches, frames
from emocap.io.media import MediaItem

_PICTURES = 512
"""Of a block: enough for a worker to be busy with, and little to lose with it."""
_DEATHS = 3
"""How often a block is tried again whose worker was lost."""


def wanted(workers: int | None, device: str | None) -> bool:
    """Whether Ray is to extract: more than one worker is asked for, a cluster is named, or there are several GPUs."""
    if workers is not None:
        return workers > 1
    gpus = 0 if (device or "").startswith("cpu") else torch.cuda.device_count()
    return bool(os.environ.get("RAY_ADDRESS")) or gpus > 1


class RayFeatureExtractor:
    """Workers that have loaded an encoder; use it in a ``with`` block.

    workers: how many; None: one per GPU of the cluster, or per machine where there is none. All of them must see the
    data and the weights under the same paths. Raises UserError where Ray has less than they need, and where weights
    on a worker are not those of ``encoder``.
    """

    def __init__(self, encoder: Encoder, workers: int | None = None, device: str | None = None) -> None:
        self._encoder, self._wanted, self._device = encoder, workers, device

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(ray_session())
            self._workers = self._start()
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _start(self) -> list[Any]:
        there = ray.cluster_resources()
        cpus = int(there.get("CPU", 1))
        gpus = 0 if (self._device or "").startswith("cpu") else int(there.get("GPU", 0))
        count = self._wanted or gpus or len([node for node in ray.nodes() if node["Alive"]])
        for kind, has in (("CPU", cpus), ("GPU", gpus)) if gpus else (("CPU", cpus),):
            if has < count:
                raise UserError(f"workers: {count} is more than the {has} {kind}s that Ray has")
        actor: Any = ray.remote(
            num_cpus=cpus // count if not gpus else 1,
            num_gpus=1 if gpus else 0,
            max_restarts=-1,
            max_task_retries=_DEATHS,
        )(_Worker)
        workers = [actor.remote(self._encoder.name, self._device, Path.cwd()) for _ in range(count)]
        for digest in ray.get([worker.sha256.remote() for worker in workers]):
            if isinstance(digest, UserError):
                raise digest
            if digest != self._encoder.sha256:
                raise UserError(f"workers: {self._encoder.name} has other weights on a worker than here")
        return workers

    def _end(self) -> None:
        for worker in self._workers:
            ray.kill(worker)

    def extract_batches(
        self, examples: Sequence[MediaItem], segments: int, pooling: Pooling
    ) -> Iterator[tuple[int, Matrix]]:
        """As :func:`emocap.encoders.features.extract_batches`, but that blocks come as they are done.

        A block whose worker is lost is done by its successor. Raises UserError where that does not help either.
        """
        size = max(1, _PICTURES // max(frames(example, segments, pooling) for example in examples))
        todo = iter(range(0, len(examples), size))
        idle, busy = list(self._workers), {}
        while True:
            while idle and (first := next(todo, None)) is not None:
                worker = idle.pop()
                block = list(examples[first : first + size])
                busy[worker.extract_batches.remote(block, segments, pooling)] = first, worker
            if not busy:
                return
            (done,), _ = ray.wait(list(busy))
            first, worker = busy.pop(done)
            try:
                features = ray.get(done)
            except RayActorError as error:
                raise UserError(
                    f"workers: {_DEATHS + 1} workers were lost over the pictures from {examples[first].name} on "
                    f"({str(error).splitlines()[0]}); is there memory for them?"
                ) from None
            if isinstance(features, UserError):
                raise features
            yield first, features
            idle.append(worker)


class _Worker:
    """Errors of the user's are returned: raised here, they would come out wrapped in a traceback."""

    def __init__(self, spec: str, device: str | None, folder: Path) -> None:
        os.chdir(folder)
        self._encoder: Encoder | UserError
        try:
            self._encoder = load(spec, device)
        except UserError as error:
            self._encoder = error

    def sha256(self) -> str | UserError:
        return self._encoder if isinstance(self._encoder, UserError) else self._encoder.sha256

    def extract_batches(self, examples: Sequence[MediaItem], segments: int, pooling: Pooling) -> Matrix | UserError:
        if isinstance(self._encoder, UserError):
            return self._encoder
        try:
            return np.concatenate(
                [rows_ND for _, rows_ND in extract_batches(self._encoder, examples, segments, pooling)]
            )
        except UserError as error:
            return error
