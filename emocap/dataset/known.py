"""A face that a source knows of beforehand."""

# Tested in tests/dataset/test_labels.py.

from dataclasses import dataclass

from emocap.faces.detectors.base import Detection
from emocap.schema.samples import Labels


@dataclass(frozen=True)
class Known:
    """A face that is known beforehand: its labels and, where the source says so, where it is (pixels), and in which
    moment of a film.
    """

    labels: Labels
    point: tuple[float, float] | None = None
    face: Detection | None = None
    time: float | None = None
    """Seconds."""
    frame: int | None = None
    """Which frame of the film, counted from 0."""

    @property
    def where(self) -> tuple[float, float] | None:
        """A point in the face, where the source says so."""
        return self.face.centre if self.face else self.point

    @property
    def place(self) -> object:
        """What tells it from another face in the same picture; None: nothing does."""
        return self.face.bbox if self.face else self.point

    @property
    def spot(self) -> object:
        """What tells it from another face in the same input."""
        return self.place, self.time, self.frame
