"""emocap: facial-emotion captions, the encoders learned from them, and their measurement.

What is exported here is stable; see :mod:`emocap.api`. Nothing is imported before it is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emocap import losses as losses
    from emocap import metrics as metrics
    from emocap.api import Benchmark as Benchmark
    from emocap.api import Results as Results
    from emocap.api import Run as Run
    from emocap.api import build as build
    from emocap.api import caption as caption
    from emocap.api import detect_faces as detect_faces
    from emocap.api import evaluate as evaluate
    from emocap.api import load_benchmark as load_benchmark
    from emocap.api import load_encoder as load_encoder
    from emocap.api import open_dataset as open_dataset
    from emocap.api import train as train
    from emocap.core.errors import UserError as UserError
    from emocap.core.version import __version__ as __version__

_EXPORTS = {
    **dict.fromkeys(
        (
            *("Benchmark", "Results", "Run", "build", "caption", "detect_faces", "evaluate", "load_benchmark"),
            *("load_encoder", "open_dataset", "train"),
        ),
        "emocap.api",
    ),
    "UserError": "emocap.core.errors",
    "__version__": "emocap.core.version",
}
_MODULES = ("losses", "metrics")
__all__ = [*_EXPORTS, *_MODULES]


def __getattr__(name: str) -> Any:
    import importlib

    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"emocap.{name}")
    raise AttributeError(f"module 'emocap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
