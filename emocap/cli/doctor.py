"""What this machine has: versions, devices, ONNX providers, weights and their licences."""

# Tested in tests/cli/test_main.py.

import importlib.metadata
import platform
from collections.abc import Iterator

from emocap.core.version import __version__

_PACKAGES = (
    "torch", "torchvision", "open_clip_torch", "webdataset", "ray", "pyarrow", "pillow", "opencv-python",
    "insightface", "scikit-image", "scikit-learn", "numpy", "pydantic",
)  # fmt: skip


def examine() -> Iterator[tuple[str, str]]:
    """Name and value of everything that decides how emocap runs here."""
    yield "emocap", __version__
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for package in _PACKAGES:
        try:
            yield package, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield package, "MISSING: install emocap again"
    yield "torch devices", _torch()
    yield "onnx providers", _onnx()
    yield from _weights()


def _torch() -> str:
    try:
        import torch
        import torchvision  # noqa: F401  its operators fail to load beside another build of torch
    except (ImportError, RuntimeError) as error:
        return f"BROKEN: {error}; install torch and torchvision from the same index, for example with uv"
    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    others = ["mps"] if torch.backends.mps.is_available() else []
    return ", ".join([*cuda, *others, f"cpu ({torch.get_num_threads()} threads)"])


def _onnx() -> str:
    import onnxruntime

    from emocap.faces.detectors.insightface import CUDA

    providers = onnxruntime.get_available_providers()
    cpu_only = "" if CUDA in providers else "; SCRFD on a GPU takes onnxruntime-gpu in place of onnxruntime"
    return f"{onnxruntime.__version__} on {', '.join(providers)}{cpu_only}"


def _weights() -> Iterator[tuple[str, str]]:
    from emocap.faces.detection import DETECTORS

    for detector in DETECTORS:
        if detector.make:
            yield f"{detector.name} weights", f"{detector.weights()}; {detector.licence or 'licence unknown'}"
