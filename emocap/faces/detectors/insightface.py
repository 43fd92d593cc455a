"""InsightFace's SCRFD."""

# Tested in tests/faces/test_detection.py.

import contextlib
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from emocap.core.errors import UserError
from emocap.faces.detectors.base import Detection, DetectorType, is_line
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels

log = logging.getLogger(__name__)
CUDA = "CUDAExecutionProvider"


class InsightFace:
    """InsightFace's SCRFD with five landmarks. ``weights``: a model pack's name, fetched at first use, or a folder
    that holds an SCRFD ``.onnx``. ``device``: auto, cpu or cuda. ``threads``: of each call; one, where every core has
    a worker of its own. ``provider`` names what ONNX Runtime really runs the network on.

    Pictures go through the network one by one: it is exported for a batch of one. Raises UserError where the weights
    cannot be had or cuda cannot be used.
    """

    name = "insightface"
    licence = "InsightFace model weights: non-commercial research use only"

    def __init__(
        self, weights: str = "buffalo_l", min_score: float | None = None, device: str = "auto", threads: int = 1
    ) -> None:
        folder = Path(weights).expanduser()
        if not folder.is_dir() and ("/" in weights or folder.suffix):
            raise UserError(f"faces.weights: there is no folder {weights}; name one that holds an SCRFD .onnx file")
        if folder.is_dir() and not list(folder.glob("*.onnx")):
            raise UserError(f"faces.weights: no .onnx file in {weights}")
        try:
            self._model = _load(str(folder) if folder.is_dir() else weights, device, threads)
        # The download can fail in as many ways as the network.
        except Exception as error:
            raise UserError(
                f"InsightFace could not load {weights} ({type(error).__name__}: {error}); "
                "set faces.weights to a folder that holds an SCRFD .onnx, or faces.detector=cascade"
            ) from error
        self._model.prepare(ctx_id=0, det_thresh=0.5 if min_score is None else min_score)
        self.provider: str = self._model.session.get_providers()[0]
        if device == "cuda" and self.provider != CUDA:
            raise UserError(
                f"faces.device: cuda, but ONNX Runtime runs on {self.provider} here; install onnxruntime-gpu in place "
                "of onnxruntime, with the CUDA and cuDNN that it asks for, or set faces.device=cpu"
            )
        log.info("SCRFD runs on %s; %s", self.provider, self.licence)

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        """For each of several RGB pictures of any sizes its faces, from left to right."""
        return [[] if is_line(image) else self._find(image) for image in images]

    def _find(self, image: Pixels) -> list[Detection]:
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        faces = _detections(*self._model.detect(bgr))
        # A picture that is one tight face lacks the surroundings that SCRFD was trained with. A wide picture has them:
        # SCRFD lays it on a black square.
        if not faces and bgr.shape[1] < 1.6 * bgr.shape[0]:
            faces = self._find_tight(bgr)
        return sorted(faces, key=lambda face: face.bbox)

    def _find_tight(self, bgr: Pixels) -> list[Detection]:
        """Faces of a picture with a grey border around it, at the smallest size that the network takes."""
        size = self._model.input_sizes[0]
        scale, border = size[0] / 2 / max(bgr.shape[:2]), size[0] // 4
        small = cv2.resize(bgr, None, fx=scale, fy=scale)
        padded = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_CONSTANT, value=(127, 127, 127))
        boxes, landmarks = self._model.detect(padded, input_size=size)
        boxes[:, :4] = (boxes[:, :4] - border) / scale
        return _detections(boxes, None if landmarks is None else (landmarks - border) / scale)


def _load(weights: str, device: str, threads: int) -> Any:
    """InsightFace's model of SCRFD."""
    import onnxruntime
    from filelock import FileLock
    from insightface.app import FaceAnalysis

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    wanted = ["CPUExecutionProvider"] if device == "cpu" else [CUDA, "CPUExecutionProvider"]
    available = [name for name in wanted if name in onnxruntime.get_available_providers()]
    lock: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if not Path(weights).is_dir():
        # Workers begin together, and InsightFace would fetch and unpack a pack once for each.
        home = Path("~/.insightface").expanduser()
        home.mkdir(exist_ok=True)
        lock = FileLock(home / "emocap.lock")
    with lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = FaceAnalysis(weights, allowed_modules=["detection"], providers=available, sess_options=options)
    return app.models["detection"]


def _detections(boxes: npt.NDArray[np.float32], landmarks: npt.NDArray[np.float32] | None) -> list[Detection]:
    """InsightFace's n×5 boxes with scores and n×5×2 landmarks."""
    points = [None] * len(boxes) if landmarks is None else [tuple(map(tuple, five)) for five in landmarks.tolist()]
    return [
        Detection((x0, y0, x1, y1), score, five)
        for (x0, y0, x1, y1, score), five in zip(boxes.tolist(), points, strict=True)
    ]


def _make(recipe: FacesRecipe) -> InsightFace:
    return InsightFace(recipe.weights, recipe.min_score, recipe.device)


def _weights() -> str:
    packs = sorted(path.name for path in Path("~/.insightface/models").expanduser().glob("*") if path.is_dir())
    return f"found {', '.join(packs)}" if packs else "buffalo_l is fetched at first use"


DETECTOR = DetectorType("insightface", _make, InsightFace.licence, _weights)
