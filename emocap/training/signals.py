"""SIGTERM, by which Slurm and others announce that a job is to make room, as a question that the loop can ask."""

# Tested in tests/training/test_engine.py.

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

EXIT_CODE = 128 + signal.SIGTERM
"""What a process that SIGTERM has ended leaves by custom."""


@contextlib.contextmanager
def watch_sigterm() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether SIGTERM has come; while the block runs, the signal does nothing else."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # only the main thread may catch signals
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
