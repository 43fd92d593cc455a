"""A Ray session: on the cluster that RAY_ADDRESS names, or on this machine alone."""

# Tested in tests/encoders/test_ray_features.py.

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from emocap.core.errors import UserError


@contextlib.contextmanager
def ray_session() -> Iterator[None]:
    """A Ray session: the cluster that RAY_ADDRESS names, or this machine for as long as the block runs."""
    # Ray speaks of its own workings on stderr; what fails in a worker is raised here all the same.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    mine = not ray.is_initialized()
    if mine:
        # Left to itself, Ray would join whatever cluster was last started on this machine, be it alive or not.
        address = os.environ.get("RAY_ADDRESS") or "local"
        _reach(address)
        dashboard = False if address == "local" else None
        with _silence():
            ray.init(address, include_dashboard=dashboard, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_auto_log_stats = False
    try:
        yield
    finally:
        if mine:
            ray.shutdown()


def _reach(address: str) -> None:
    """Raises UserError where nobody listens at the address of a cluster: Ray itself would wait for it for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, ValueError) as error:
            raise UserError(
                f"no Ray cluster answers at RAY_ADDRESS={address} ({error}); start it, or unset the variable"
            ) from None


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches stderr while the block runs, not even from C++; exceptions pass."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
