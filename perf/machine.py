"""Where a measurement was made."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def describe(*packages: str) -> str:
    """One line: processor, cores, memory, versions, commit."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    what = [names[0] if names else platform.processor(), f"{cores} cores", f"{memory:.0f} GiB"]
    return ", ".join([*what, f"Python {platform.python_version()}", *versions, f"commit {_commit()}"])


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (" with changes" if git("status", "--porcelain", "-uno") else "")
