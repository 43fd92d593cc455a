"""What a build recipe may say about faces."""

# Tested in tests/faces/test_detection.py.

from typing import Literal

from pydantic import Field

from emocap.core.recipes import Recipe


class FacesRecipe(Recipe):
    """How faces are found, cut out and filtered. A filter that is null keeps every face."""

    detector: str = "insightface"
    """insightface: SCRFD, with landmarks. cascade: embedded, no weights. given: boxes that come with the source. Or
    that of a plug-in."""
    weights: str = "buffalo_l"
    """InsightFace model pack, fetched at first use (non-commercial licence), or a folder that holds an .onnx file."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where SCRFD runs. auto: on a GPU where ONNX Runtime can use one; cuda: nowhere else."""
    batch: int = Field(8, ge=1)
    """Pictures that are decoded before the detector is called; more take more memory and are not faster."""
    min_score: float | None = None
    """Least confidence of the detector; its own default where null (insightface 0.5, cascade 5 windows)."""
    min_size: int | None = Field(48, ge=1)
    """Least side of a face's box in pixels of the source."""
    min_sharpness: float | None = Field(None, ge=0)
    """Least sharpness, the variance of the Laplacian at 128 pixels; below about 20 looks blurred."""
    max_yaw: float | None = Field(None, ge=0, le=180)
    """Degrees that a head may be turned to either side; like pitch and roll, it takes landmarks to know."""
    max_pitch: float | None = Field(None, ge=0, le=180)
    """Degrees that a head may be raised or lowered."""
    max_roll: float | None = Field(None, ge=0, le=180)
    """Degrees that a head may be tilted to either side."""
    max_dark: float | None = Field(None, ge=0, le=1)
    """Largest share of the crop that may be black (grey below 5)."""
    max_bright: float | None = Field(None, ge=0, le=1)
    """Largest share of the crop that may be white (grey above 250)."""
    duplicates: int | None = Field(16, ge=0, le=256)
    """Faces whose perceptual hashes differ in at most so many of 256 bits are near-duplicates, of which one is kept,
    the labelled before the larger before the first; null keeps all. On the London Set, 16 finds 98 of a hundred
    copies that were compressed, scaled or brightened, and takes no smile for the same face at rest; 24 finds 99, and
    takes 3 smiles (perf/duplicates.py)."""
    margin: float = Field(0.3, ge=0, le=2)
    """How much larger than the box's longer side the square crop is."""
    align: bool = False
    """Whether the crop's square is turned so that the eyes are level; faces without landmarks stay as they are."""
    size: int = Field(256, ge=16, le=2048)
    """Side of the stored crop in pixels."""
    jpeg_quality: int = Field(95, ge=1, le=100)
    max_pixels: int = Field(100_000_000, ge=1)
    """Larger pictures are rejected from their header."""
    block: int = Field(64, ge=1)
    """Inputs per file in faces/: the unit of work, and of what is repeated after a crash."""
