"""Detectors behind one interface: the embedded cascade, and InsightFace's SCRFD."""

import contextlib
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from emocap.core.errors import UserError
from emocap.faces.recipe import FacesRecipe
from emocap.io.images import Pixels

log = logging.getLogger(__name__)

CUDA = "CUDAExecutionProvider"

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""


@dataclass(frozen=True)
class Detection:
    """A face: its box, the detector's confidence, and five landmarks where the detector finds them."""

    bbox: Box
    score: float
    landmarks: tuple[tuple[float, float], ...] | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        return (self.bbox[0] + self.bbox[2]) / 2, (self.bbox[1] + self.bbox[3]) / 2

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return (self.bbox[2] - self.bbox[0]) * (self.bbox[3] - self.bbox[1])

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies in the box."""
        return self.bbox[0] <= x <= self.bbox[2] and self.bbox[1] <= y <= self.bbox[3]


class Detector(Protocol):
    """Finds faces. ``name`` goes into the records, ``licence`` into the manifest."""

    name: str
    licence: str

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        """For each of several RGB pictures of any sizes its faces, from left to right."""
        ...


def _is_line(image: Pixels) -> bool:
    """Whether a picture is so narrow that nothing would be left of its width once it is scaled for a detector."""
    return bool(100 * min(image.shape[:2]) < max(image.shape[:2]))


class Cascade:
    """The frontal-face cascade of local binary patterns that scikit-image carries: no weights to fetch, no landmarks.

    The cascade slides over the picture and over its mirror image at many scales; windows that agree (overlap of at
    least one half) are one face. Its score is how many agree, from 5 (often mistaken) to about 80 (certain). Faces
    below a sixteenth of the picture, and faces turned or tilted by more than about 20 degrees, are beyond it.
    """

    name = "cascade"
    licence = "lbpcascade_frontalface of OpenCV, BSD-3-Clause, as distributed with scikit-image"

    def __init__(self, min_score: float | None = None, longest_side: int = 640) -> None:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade as Windows

        self._windows = Windows(lbp_frontal_face_cascade_filename())
        self._min_score = 5.0 if min_score is None else min_score
        self._longest_side = longest_side

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        """For each of several RGB pictures of any sizes its faces, from left to right."""
        return [[] if _is_line(image) else self._find(image) for image in images]

    def _find(self, image: Pixels) -> list[Detection]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        scale = min(1.0, self._longest_side / max(grey.shape))
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.createCLAHE(2.0, (8, 8)).apply(grey)
        # A picture that is one tight face lacks the border that the cascade was trained with.
        border = min(grey.shape) // 4 if min(grey.shape) < 200 else 0
        grey = cv2.copyMakeBorder(grey, border, border, border, border, cv2.BORDER_REPLICATE)
        if min(grey.shape) < 24:
            return []
        mirrored = self._slide(np.ascontiguousarray(grey[:, ::-1]))
        mirrored[:, [0, 2]] = grey.shape[1] - mirrored[:, [2, 0]]
        windows = (np.concatenate([self._slide(grey), mirrored]) - border) / scale
        faces = [face for face in _join(windows) if face.score >= self._min_score]
        return sorted(faces, key=lambda face: face.bbox)

    def _slide(self, grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Every window in which the cascade sees a face: n×4, x0, y0, x1, y1."""
        smallest = max(24, int(0.06 * min(grey.shape)))
        found = self._windows.detect_multi_scale(
            grey,
            scale_factor=1.05,
            step_ratio=1.5,
            min_size=(smallest, smallest),
            max_size=(min(grey.shape), min(grey.shape)),
            min_neighbor_number=1,  # every window on its own: they are joined where they can be counted
            intersection_score_threshold=1.01,
        )
        corners = [(w["c"], w["r"], w["c"] + w["width"], w["r"] + w["height"]) for w in found]
        return np.array(corners, dtype=np.float64).reshape(-1, 4)


def _join(windows: npt.NDArray[np.float64]) -> list[Detection]:
    """Groups of windows around their densest members first; a group inside a stronger one is dropped."""
    agree = overlap(windows, windows)[0] >= 0.5
    left = np.ones(len(windows), dtype=bool)
    faces: list[Detection] = []
    while left.any():
        support = (agree & left).sum(1) * left
        group = agree[support.argmax()] & left
        left &= ~group
        box = windows[group].mean(0)
        kept = np.array([face.bbox for face in faces]).reshape(-1, 4)
        if not (overlap(box[None], kept)[1] >= 0.4).any():
            faces.append(Detection((box[0], box[1], box[2], box[3]), float(group.sum())))
    return faces


def overlap(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Intersection over union, and over the smaller box, of n and m boxes: two n×m arrays, 0 for empty boxes."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = sides.clip(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1)[:, None], (b[:, 2:] - b[:, :2]).prod(-1)[None]
    whole, smaller = area_a + area_b - shared, np.minimum(area_a, area_b)
    return shared / np.where(whole > 0, whole, 1), shared / np.where(smaller > 0, smaller, 1)


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
        return [[] if _is_line(image) else self._find(image) for image in images]

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


def make(recipe: FacesRecipe, threads: int = 1) -> Detector:
    """The detector of a recipe; ``given`` needs none. Raises UserError as InsightFace does."""
    if recipe.detector == "cascade":
        return Cascade(recipe.min_score)
    return InsightFace(recipe.weights, recipe.min_score, recipe.device, threads)
