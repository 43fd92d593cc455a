"""The public Python API: what the verbs of the command line do, as functions.

    import emocap

    dataset = emocap.build("photos", "runs/photos", sources=[{"path": "holiday/", "labels": "holiday.csv"}])
    run = emocap.train("emocapclip-vit-b-32", "runs/b32", data={"builds": ["runs/photos"]})
    results = emocap.evaluate(run.model, ["raf-db", "affectnet-7"], "~/benchmarks", "runs/eval")
    print(results.to_dataframe())

A recipe is the name of a built-in one, a YAML file, a dict or a recipe object; keywords change keys of it. Wrong input
raises :class:`emocap.UserError`, whose message is one line. What ``emocap`` exports is stable: a name that is removed
or changed is deprecated for one minor version first. Everything else may change from version to version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from emocap.core.errors import UserError
from emocap.core.recipes import Recipe, check, joined, read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas
    from PIL import Image

    from emocap.benchmarks.cards import Card
    from emocap.benchmarks.examples import Example
    from emocap.dataset.collection import Dataset
    from emocap.encoders.base import Encoder
    from emocap.evaluation.recipe import EvaluationRecipe
    from emocap.evaluation.results import ResultRow
    from emocap.faces.detectors.base import Detection
    from emocap.schema.captions import Caption

R = TypeVar("R", bound=Recipe)
RecipeLike = str | Path | Mapping[str, Any] | Recipe
"""The name of a built-in recipe, a YAML file, its content, or the recipe itself."""
_MAX_PIXELS = 100_000_000


class ImageTextEncoder(Protocol):
    """Any object that :func:`evaluate` can measure. Without ``encode_texts`` only its image features are measured."""

    def encode_images(self, images: "Sequence[Image.Image]") -> Any:
        """N RGB pictures → N×D features: an array or a tensor."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Any:
        """N texts → N×D embeddings: an array or a tensor."""
        ...


@dataclass(frozen=True)
class Run:
    """A finished training run.

    >>> run = emocap.Run(Path("runs/tiny"))
    >>> sorted({"step", "loss"} & set(run.metrics[-1]))
    ['loss', 'step']
    """

    folder: Path

    @property
    def model(self) -> str:
        """What :func:`load_encoder` and :func:`evaluate` take."""
        return str(self.folder)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of its log, one per logged step. Raises FileNotFoundError for a folder without a run."""
        import json

        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Results:
    """What :func:`evaluate` has measured.

    >>> results = emocap.evaluate(
    ...     "runs/tiny", "synthetic-emotions", "runs/synthetic", "runs/eval", ["zeroshot"], allow_counts=True)
    >>> results.failures
    []
    >>> table = results.to_dataframe()
    >>> bool(table.loc[table.metric == "uar", "value"].between(0, 1).all())
    True
    """

    folder: Path
    rows: "list[ResultRow]"
    failures: list[str]
    """What could not be measured, a line each."""

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for each metric of each measurement: a fraction of 1 (errors: in units of their scale), with its 95%
        interval in ``low`` and ``high``.
        """
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
    """A benchmark with its data.

    >>> benchmark = emocap.load_benchmark("synthetic-emotions", "runs/synthetic")
    >>> benchmark.card.task
    'emotion'
    >>> benchmark.examples[0].label in benchmark.card.classes
    True
    """

    card: "Card"
    examples: "list[Example]"


def build(recipe: RecipeLike, out: str | Path, **keys: Any) -> "Dataset":
    """Turn photos and videos into captioned faces, as WebDataset shards in ``out``.

    The same ``out`` again resumes. Raises UserError for a wrong recipe, inputs that are absent, and an ``out`` that
    holds something else.

    >>> drawn = {"count": 24, "people": 6, "size": 96}
    >>> dataset = emocap.build("synthetic", "runs/synthetic", sources=[{"synthetic": drawn}], shards={"samples": 12})
    >>> len(dataset)
    24
    """
    from emocap.dataset.collection import Dataset
    from emocap.dataset.recipe import BuildRecipe
    from emocap.dataset.run import build as run_build

    run_build(_recipe(BuildRecipe, "pipelines", recipe, keys), Path(out))
    return Dataset.open(out)


def open_dataset(folder: str | Path) -> "Dataset":
    """The faces of a finished build, as a sequence that can be filtered and searched.

    Raises UserError for a folder that is not a finished build.

    >>> dataset = emocap.open_dataset("runs/synthetic")
    >>> face = dataset[0]
    >>> face.image.size, face.caption is not None
    ((96, 96), True)
    >>> happy = dataset.filter(emotion="happiness")
    >>> {face.record.labels.emotion for face in happy}
    {'happiness'}
    """
    from emocap.dataset.collection import Dataset

    return Dataset.open(folder)


def detect_faces(image: "Image.Image | str | Path", detector: str = "insightface", **keys: Any) -> "list[Detection]":
    """The faces in a picture: boxes (x0, y0, x1, y1) in pixels, scores, and five landmarks if the detector has them.

    keys: of ``faces`` in a build's recipe, such as ``weights`` or ``min_score``. Raises UserError for a detector that
    does not exist or has no weights, and for a file that is not a picture.

    >>> faces = emocap.detect_faces("people.png", "cascade")
    >>> any(face.contains(220, 110) for face in faces)
    True
    """
    import numpy as np

    from emocap.faces.detection import make_detector
    from emocap.faces.recipe import FacesRecipe

    made = make_detector(check(FacesRecipe, {"detector": detector, **keys}, "faces"))
    if made is None:
        raise UserError(f"the detector {detector} finds no faces: their boxes come with the data")
    return made.detect([np.asarray(_picture(image))])[0]


def caption(
    labels: Mapping[str, Any] | None = None,
    image: "Image.Image | str | Path | None" = None,
    captioner: str = "annotations",
    *,
    key: str = "face",
    replies: str | Path | None = None,
    **keys: Any,
) -> "Caption":
    """The caption of one face, from its labels or by a model that sees its picture.

    labels: ``emotion``, ``action_units`` (code → intensity, 0 to 5), ``intensity`` (0 to 1), ``valence`` and
    ``arousal`` (-1 to 1). image: the face, cut out. captioner: ``annotations`` words the labels; ``openai`` asks the
    model that ``keys`` describe, such as ``model`` and ``endpoints`` of ``captioner`` in a build's recipe. key: the
    same labels and key give the same caption; another key gives another wording. replies: folder where a model's
    replies are kept, so that none is paid for twice. Raises UserError if no caption can be made.

    >>> made = emocap.caption({"emotion": "happiness", "action_units": {"6": 3, "12": 4}})
    >>> made.emotions
    ['happiness']
    >>> sorted({entry.region for entry in made.local} & {"cheeks", "mouth"})
    ['cheeks', 'mouth']
    """
    import numpy as np
    from pydantic import ValidationError

    from emocap.captioning.recipe import CaptionerRecipe
    from emocap.captioning.single import caption_face
    from emocap.schema.samples import Labels

    try:
        known = Labels.model_validate(dict(labels)) if labels is not None else None
    except ValidationError as error:
        raise UserError(f"no caption can be made of these labels: {error.errors()[0]['msg']}") from None
    if image is None and captioner != "annotations":
        raise UserError(f"the captioner {captioner} needs the picture of the face")
    pixels = np.zeros((1, 1, 3), np.uint8) if image is None else _picture(image)
    recipe = check(CaptionerRecipe, {"backend": captioner, **keys}, "captioner")
    return caption_face(pixels, known, recipe, key, Path(replies) if replies else None)


def train(recipe: RecipeLike, out: str | Path, **keys: Any) -> Run:
    """Train what a recipe describes: checkpoints, a log, and ``out/model``, which open_clip loads.

    The same ``out`` again resumes. Raises UserError for a wrong recipe, data that is absent, and an ``out`` that holds
    another run.

    >>> data = {"builds": ["runs/synthetic"], "batch": 8}
    >>> run = emocap.train("emocapclip-tiny", "runs/tiny", data=data, epochs=1, device="cpu")
    >>> run.model
    'runs/tiny'
    """
    from emocap.methods import registry

    if isinstance(recipe, str | Path):
        content, where = read("models", str(recipe))
    else:
        content, where = _content(recipe), Path("recipe")
    content = joined(content, keys)
    registry.train(registry.check_recipe(content, str(where)), Path(out))
    return Run(Path(out))


def load_encoder(spec: str | Path, device: str | None = None) -> "Encoder":
    """An encoder of images and texts, on a device of torch (None: a GPU if there is one).

    spec: a run folder, ``open_clip:NAME/PRETRAINED``, ``timm:NAME``, ``hf:NAME``, ``farl:FILE``, ``flip:FILE`` or
    ``exp-clip:FILE``. Raises UserError for anything else, and for weights that are absent or do not fit.

    >>> encoder = emocap.load_encoder("runs/tiny", "cpu")
    >>> faces = [face.image for face in emocap.open_dataset("runs/synthetic")[:3]]
    >>> encoder.encode_images(faces).shape
    (3, 96)
    >>> encoder.predict(faces, ["a happy face", "a sad face"]).sum(axis=1).round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    from emocap.encoders import load

    return load(str(spec), device)


def load_benchmark(name: str | Path, data: str | Path, overrides: Sequence[str] = ()) -> Benchmark:
    """A benchmark's card, by its name or YAML file, and its examples below ``data``.

    overrides: changes to the card, such as ``layout.last=1``. Raises UserError for a card that does not exist and for
    data that is absent or not as its reader expects.

    >>> len(emocap.load_benchmark("synthetic-emotions", "runs/synthetic").examples)
    24
    """
    from emocap.evaluation.registry import load_card, read_examples

    card = load_card(str(name), overrides)
    return Benchmark(card, read_examples(card, Path(data).expanduser()))


def evaluate(
    model: "str | Path | ImageTextEncoder | None",
    cards: "str | Path | Sequence[str] | Mapping[str, Any] | EvaluationRecipe",
    data: str | Path | None = None,
    out: str | Path = "runs/eval",
    protocols: Sequence[str] | str | None = None,
    **keys: Any,
) -> Results:
    """Measure a model on benchmarks; rows are added to ``out/results.jsonl``.

    model: as for :func:`load_encoder`, ``openai:NAME`` for a generative model, any object with ``encode_images`` and
    ``encode_texts``, or None if the recipe names models. cards: names or patterns of benchmarks, or the recipe of an
    evaluation as a YAML file, a dict or an object. protocols: some of ``zeroshot``, ``probe``, ``fewshot``,
    ``retrieval`` and ``generate``, or ``all``. keys: of :class:`emocap.evaluation.recipe.EvaluationRecipe`. Raises
    UserError if nothing can be measured at all; single failures are in ``Results.failures``.

    >>> import numpy as np
    >>> class Colours:
    ...     def encode_images(self, images):
    ...         return np.array([np.asarray(image).mean((0, 1)) for image in images])
    >>> where = {"data": "runs/synthetic", "out": "runs/colours"}
    >>> results = emocap.evaluate(Colours(), "synthetic-emotions", protocols=["probe"], allow_counts=True, **where)
    >>> [(row.benchmark, row.protocol, row.model) for row in results.rows]
    [('synthetic-emotions', 'probe', 'Colours')]
    """
    from emocap.encoders.wrapped import wrap
    from emocap.evaluation.recipe import EvaluationRecipe, read_recipe
    from emocap.evaluation.suite import measure

    encoders = [] if model is None or isinstance(model, str | Path) else [wrap(model)]
    given: dict[str, Any] = {"data": str(data) if data else None, "protocols": protocols}
    given |= {"models": [str(model)] if isinstance(model, str | Path) else [] if encoders else None}
    given = {**{key: value for key, value in given.items() if value is not None}, **keys}
    if isinstance(protocols, Sequence) and not isinstance(protocols, str):
        given["protocols"] = list(protocols)
    if isinstance(cards, Mapping | Recipe):
        recipe = check(EvaluationRecipe, joined(_content(cards), given), "evaluation")
    else:
        recipe = read_recipe([str(cards)] if isinstance(cards, str | Path) else list(cards), given)
    rows: list[ResultRow] = []

    def keep(news: "str | ResultRow") -> None:
        if not isinstance(news, str):
            rows.append(news)

    return Results(Path(out), rows, measure(recipe, Path(out), encoders, keep))


def _picture(image: "Image.Image | str | Path") -> "npt.NDArray[np.uint8]":
    import numpy as np

    from emocap.io.images import ImageError, decode, to_rgb

    if not isinstance(image, str | Path):
        return np.asarray(to_rgb(image))
    try:
        return decode(Path(image).read_bytes(), _MAX_PIXELS)
    except (OSError, ImageError) as error:
        raise UserError(f"{image}: {error}") from None


def _recipe(kind: type[R], folder: str, recipe: RecipeLike, keys: Mapping[str, Any]) -> R:
    if isinstance(recipe, kind) and not keys:
        return recipe
    if isinstance(recipe, str | Path):
        content, where = read(folder, str(recipe))
        return check(kind, joined(content, keys), str(where))
    return check(kind, joined(_content(recipe), keys), "recipe")


def _content(recipe: Mapping[str, Any] | Recipe) -> dict[str, Any]:
    return recipe.model_dump() if isinstance(recipe, Recipe) else dict(recipe)
