"""Threads that work a little ahead of the consumer of their results."""

# Tested in tests/encoders/test_features.py.

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = min(16, os.cpu_count() or 1)


T = TypeVar("T")


R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T], most: int) -> Iterator[R]:
    """Threaded map that prefetches at most ``most`` items; results come in order."""
    pool = ThreadPoolExecutor(THREADS)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
