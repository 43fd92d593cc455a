"""Ray Data as the engine: rows of work through a pool of workers, a block per row, with a live count of it."""

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from emocap.core.errors import UserError
from emocap.dataset.recipe import StageRecipe

Row = dict[str, Any]

_ROWS_AT_A_TIME = 4096
"""Rows that the driver hands to Ray Data in one go: its memory is bounded by them, not by the build."""


class Worker(Protocol):
    """What a stage does with one row. It is made once in every process of the pool."""

    def __call__(self, row: Row, tell: Callable[[Counter[str]], None]) -> dict[str, int]:
        """Do the work and return its counts; ``tell`` may be called meanwhile with what to add to the display."""
        ...


class ProgressCounter:
    """An actor that adds up what workers tell, for the display."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, counts: dict[str, int]) -> None:
        """Add a worker's counts."""
        self._counts.update(counts)

    def read(self) -> dict[str, int]:
        """The sum of all counts so far."""
        return dict(self._counts)


def stream(
    worker: Callable[..., Worker],
    arguments: tuple[Any, ...],
    rows: Iterator[Row],
    stage: StageRecipe,
    threads: int = 1,
    watch: Callable[[dict[str, int]], None] = lambda counts: None,
) -> Iterator[dict[str, int]]:
    """Run a worker class over rows on Ray Data and yield the counts it returns, as they come.

    Every row is a block of its own, so that what a lost worker had in hand is done again elsewhere, and nothing else
    is. ``threads``: rows that one worker has in hand at the same time. ``watch`` is given, about once a second, all
    that the workers have reported so far.

    Raises UserError where a worker raised one, once the rows that were in hand have ended.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    counter = ray.remote(ProgressCounter).options(num_cpus=0, scheduling_strategy=here).remote()
    with _watching(counter, watch):
        while window := list(itertools.islice(rows, _ROWS_AT_A_TIME)):
            pool = min(stage.workers or max(1, int(ray.cluster_resources().get("CPU", 1))), len(window))
            results = (
                ray.data.from_items([{"row": json.dumps(row)} for row in window], override_num_blocks=len(window))
                .map(
                    _Worker,  # type: ignore[arg-type]
                    fn_constructor_args=(worker, arguments, counter),
                    compute=ray.data.ActorPoolStrategy(
                        size=pool, max_concurrent_calls_per_actor=threads, enable_true_multi_threading=threads > 1
                    ),
                    num_cpus=stage.cpus,
                    num_gpus=stage.gpus or None,
                    memory=int(stage.memory_gib * 2**30) if stage.memory_gib else None,
                )
                .iter_rows()
            )
            stopped = None
            for result in results:
                counts = json.loads(result["counts"])
                if "stop" in counts:
                    stopped = stopped or counts["stop"]
                else:
                    yield counts
            if stopped:
                raise UserError(stopped)


@contextlib.contextmanager
def _watching(counter: Any, watch: Callable[[dict[str, int]], None]) -> Iterator[None]:
    import ray

    def poll() -> None:
        with contextlib.suppress(ray.exceptions.RayError):
            watch(ray.get(counter.read.remote()))

    try:
        with every_second(poll):
            yield
    finally:
        ray.kill(counter)


@contextlib.contextmanager
def every_second(poll: Callable[[], None]) -> Iterator[None]:
    """Calls ``look`` on a thread once a second while the block runs, and a last time at its end."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(1.0):
            poll()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        poll()


class _Worker:
    """A worker behind rows of JSON: Arrow would guess types for nested lists, and differently per block."""

    def __init__(self, worker: Callable[..., Worker], arguments: tuple[Any, ...], counter: Any) -> None:
        self._meter = counter
        self._stopped: str | None = None
        self._worker: Worker | None = None
        try:
            self._worker = worker(*arguments)
        except UserError as error:
            self._stopped = str(error)

    def __call__(self, row: Row) -> Row:
        if self._stopped is None and self._worker is not None:
            try:
                with self._telling() as tell:
                    return {"counts": json.dumps(self._worker(json.loads(row["row"]), tell))}
            except UserError as error:
                # What the user must change stops the build, but rows in hand come to their end first.
                self._stopped = str(error)
            except OSError as error:
                self._stopped = (
                    f"a worker cannot go on ({error}); set that right, and the same command goes on from here"
                )
        return {"counts": json.dumps({"stop": self._stopped})}

    @contextlib.contextmanager
    def _telling(self) -> Iterator[Callable[[Counter[str]], None]]:
        """Gathers what a worker tells, and passes it on once a second at most."""
        waiting: Counter[str] = Counter()
        said = time.monotonic()

        def pass_on() -> None:
            nonlocal said
            said = time.monotonic()
            if waiting:
                self._meter.add.remote(dict(waiting))
                waiting.clear()

        def tell(counts: Counter[str]) -> None:
            waiting.update(counts)
            if time.monotonic() - said > 1.0:
                pass_on()

        try:
            yield tell
        finally:
            pass_on()
