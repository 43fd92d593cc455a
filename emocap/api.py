"""The public Python API: what the verbs of the command line do, as functions.

    import emocap

    dataset = emocap.build("photos", "runs/photos", sources=[{"path": "holiday/"}])
    run = emocap.train("emocapclip-vit-b-32", "runs/b32", data={"builds": ["runs/photos"]})
    results = emocap.evaluate(run.model, ["raf-db", "affectnet-7"], "~/benchmarks", "runs/eval")
    print(results.to_dataframe())

Recipes are names of built-in ones, YAML files, or dicts; keywords change keys of a recipe. Wrong input raises
:class:`emocap.core.errors.UserError`, one line. What ``emocap`` exports is stable; everything else may change from
version to version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from emocap.core.errors import UserError
from emocap.core.recipes import Recipe, check, read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas
    from PIL import Image

    from emocap.benchmarks.cards import Card
    from emocap.benchmarks.examples import Example
    from emocap.dataset.collection import Dataset
    from emocap.encoders.base import Encoder
    from emocap.evaluation.results import ResultRow
    from emocap.faces.detectors.base import Detection
    from emocap.schema.captions import Caption

R = TypeVar("R", bound=Recipe)
RecipeLike = str | Path | Mapping[str, Any] | Recipe
"""The name of a built-in recipe, a YAML file, its content, or the recipe itself."""


class ImageTextEncoder(Protocol):
    """Any object that :func:`evaluate` can measure."""

    def encode_images(self, images: "Sequence[Image.Image]") -> Any:
        """N RGB pictures → N×D features: an array or a tensor."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Any:
        """N texts → N×D embeddings: an array or a tensor."""
        ...


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    folder: Path

    @property
    def model(self) -> str:
        """What :func:`load_encoder` and :func:`evaluate` take."""
        return str(self.folder)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of its log."""
        import json

        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Results:
    """What :func:`evaluate` has measured."""

    folder: Path
    rows: "list[ResultRow]"
    failures: list[str]
    """What could not be measured, a line each."""

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for each metric of each measurement, with its 95% interval."""
        import pandas

        return pandas.DataFrame(
            {
                **{name: getattr(row, name) for name in ("benchmark", "task", "protocol", "shots", "fold", "model")},
                "metric": metric,
                **value.model_dump(),
            }
            for row in self.rows
            for metric, value in row.metrics.items()
        )


@dataclass(frozen=True)
class Benchmark:
    """A benchmark with its data."""

    card: "Card"
    examples: "list[Example]"


def build(recipe: RecipeLike, out: str | Path, **keys: Any) -> "Dataset":
    """Photos and videos → faces → captions → shards in ``out``; the same ``out`` again goes on where it stopped.

    Raises UserError as ``emocap build`` does.
    """
    from emocap.dataset.collection import Dataset
    from emocap.dataset.recipe import BuildRecipe
    from emocap.dataset.run import build as run_build

    run_build(_recipe(BuildRecipe, "pipelines", recipe, keys), Path(out))
    return Dataset.open(out)


def open_dataset(folder: str | Path) -> "Dataset":
    """A finished build, as a sequence of faces that can be filtered and searched. Raises UserError."""
    from emocap.dataset.collection import Dataset

    return Dataset.open(folder)


def detect_faces(image: "Image.Image | str | Path", detector: str = "insightface", **keys: Any) -> "list[Detection]":
    """The faces in a picture, from left to right: boxes in pixels, scores, and landmarks where there are some.

    keys: of ``faces`` in a build's recipe, such as ``weights`` or ``min_score``. Raises UserError for a detector that
    does not exist or has no weights, and for a file that is no picture.
    """
    import numpy as np

    from emocap.faces.detection import make_detector
    from emocap.faces.recipe import FacesRecipe

    made = make_detector(check(FacesRecipe, {"detector": detector, **keys}, "faces"))
    if made is None:
        raise UserError(f"the detector {detector} finds no faces: their boxes come with the data")
    return made.detect([np.asarray(_picture(image))])[0]


def caption(labels: Mapping[str, Any] | None = None, *, key: str = "face") -> "Caption":
    """The caption of a face whose labels are known: emotion, action_units, intensity, valence, arousal.

    The same labels and key give the same caption; keys vary the phrasing. Raises UserError where no caption can be
    made of the labels.
    """
    from pydantic import ValidationError

    from emocap.captioning.annotations import caption as from_labels
    from emocap.captioning.base import CaptionError
    from emocap.schema.samples import Labels

    try:
        return from_labels(Labels.model_validate(dict(labels or {})), key)[0]
    except (CaptionError, ValidationError) as error:
        raise UserError(f"no caption can be made of these labels: {error}") from None


def train(recipe: RecipeLike, out: str | Path, **keys: Any) -> Run:
    """Train what a recipe describes; the same ``out`` again goes on where it stopped. Raises UserError."""
    from emocap.methods import registry

    if isinstance(recipe, str | Path):
        content, where = read("models", str(recipe))
    else:
        content, where = _content(recipe), Path("recipe")
    content = _joined(content, keys)
    registry.train(registry.check_recipe(content, str(where)), Path(out))
    return Run(Path(out))


def load_encoder(spec: str | Path, device: str | None = None) -> "Encoder":
    """An encoder: a run, ``open_clip:NAME/PRETRAINED``, ``timm:NAME``, ``hf:NAME`` and others. Raises UserError."""
    from emocap.encoders import load

    return load(str(spec), device)


def load_benchmark(name: str, data: str | Path, overrides: Sequence[str] = ()) -> Benchmark:
    """A benchmark's card, by its name or YAML file, and its examples below ``data``.

    overrides: changes to the card, as ``layout.last=1``. Raises UserError.
    """
    from emocap.evaluation.registry import load_card, read_examples

    card = load_card(name, overrides)
    return Benchmark(card, read_examples(card, Path(data).expanduser()))


def evaluate(
    model: "str | Path | ImageTextEncoder",
    cards: str | Sequence[str],
    data: str | Path,
    out: str | Path,
    protocols: Sequence[str] | None = None,
    *,
    overrides: Sequence[str] = (),
    **options: Any,
) -> Results:
    """Measure a model on benchmarks; rows are added to ``out/results.jsonl``.

    model: as for :func:`load_encoder`, ``openai:NAME`` for a generative model, or any object with ``encode_images``
    and ``encode_texts``. protocols: None for all that a card and a model have. overrides: changes
    to every card, as ``layout.last=1``. options: those of :func:`emocap.evaluation.suite.measure`, such as
    ``allow_missing``. Raises UserError where nothing can be measured at all; what fails alone
    stands in ``failures``.
    """
    from emocap.encoders.wrapped import wrap
    from emocap.evaluation.suite import choose, measure

    rows: list[ResultRow] = []
    named = str(model) if isinstance(model, str | Path) else wrap(model)
    failures = measure(
        choose([cards] if isinstance(cards, str) else list(cards), overrides),
        [named],
        protocols,
        Path(data).expanduser(),
        Path(out),
        tell=lambda told: None if isinstance(told, str) else rows.append(told),
        **options,
    )
    return Results(Path(out), rows, failures)


def _picture(image: "Image.Image | str | Path") -> "npt.NDArray[np.uint8]":
    import numpy as np

    from emocap.io.images import ImageError, decode, to_rgb

    if not isinstance(image, str | Path):
        return np.asarray(to_rgb(image))
    try:
        return decode(Path(image).read_bytes(), 100_000_000)
    except (OSError, ImageError) as error:
        raise UserError(f"{image}: {error}") from None


def _recipe(kind: type[R], folder: str, recipe: RecipeLike, keys: Mapping[str, Any]) -> R:
    if isinstance(recipe, kind) and not keys:
        return recipe
    if isinstance(recipe, str | Path):
        content, where = read(folder, str(recipe))
        return check(kind, _joined(content, keys), str(where))
    return check(kind, _joined(_content(recipe), keys), "recipe")


def _content(recipe: Mapping[str, Any] | Recipe) -> dict[str, Any]:
    return recipe.model_dump() if isinstance(recipe, Recipe) else dict(recipe)


def _joined(base: Any, over: Any) -> Any:
    """Sections are joined key by key; everything else is replaced."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: _joined(base.get(key), value) for key, value in over.items()}}
