"""Many cards and models: what is measured, what is passed over, and failures that do not take the rest along."""

import contextlib
import fnmatch
import glob
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emocap.benchmarks.cards import Card
from emocap.benchmarks.loading import present
from emocap.core.errors import UserError
from emocap.core.recipes import builtin
from emocap.encoders import Encoder, load
from emocap.encoders.feature_cache import Store
from emocap.encoders.features import Looking, Pooling
from emocap.evaluation import generative as generate
from emocap.evaluation.aggregates import add_suites
from emocap.evaluation.linear.fewshot import SEEDS, SHOTS
from emocap.evaluation.paired_tests import compare
from emocap.evaluation.predictions import Predictions
from emocap.evaluation.registry import PROTOCOLS, TASKS, load_card, protocols_of
from emocap.evaluation.results import ResultRow
from emocap.evaluation.runner import evaluate
from emocap.evaluation.task import Graders
from emocap.llm.chat_models import GenerativeModel, load_chat_model
from emocap.metrics.wheel.resources import Wheels
from emocap.metrics.wheel.resources import load as read_wheels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """A card that was asked for, by its name or by a pattern that it fits."""

    name: str
    card: Card
    named: bool
    overrides: tuple[str, ...] = ()
    """What was changed in it, as ``dotted.key=value``."""


@dataclass(frozen=True)
class GenerationConfig:
    """How models that write are asked, and who reads what they write."""

    settings: Sequence[str] = ()
    """``key=value`` of ChatRecipe; see :func:`emocap.llm.chat_models.load_chat_model`."""
    extractor: str | None = None
    """``openai:NAME``; so is the judge."""
    judge: str | None = None
    wheel: Path | None = None
    """Folder of emotion wheels; None: ``emotion_wheel`` beside the data where it is there."""


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Cards, and ``dotted.key=value`` overrides of them, from one list of both."""
    overrides = [one for one in arguments if re.match(r"[A-Za-z_][\w.-]*=", one) and not Path(one).is_file()]
    return [one for one in arguments if one not in overrides], overrides


def choose(names: Sequence[str], overrides: Sequence[str] = ()) -> list[Chosen]:
    """The cards that names, YAML files and patterns mean, each once. overrides: of every one of them.

    A pattern is of files, or else of the names of built-in cards. Raises UserError where one fits nothing, and as
    recipes do.
    """
    if not names:
        raise UserError("no card is named; emocap benchmarks lists them")
    found: dict[str, Chosen] = {}
    for name in names:
        pattern = any(sign in name for sign in "*?[")
        for one in _fitting(name) if pattern else [name]:
            stem = Path(one).stem
            card = load_card(one, overrides)
            if stem not in found or not pattern:
                found[stem] = Chosen(stem, card, not pattern, tuple(overrides))
    return list(found.values())


def _fitting(pattern: str) -> list[str]:
    files = sorted(path for path in glob.glob(pattern) if path.endswith((".yaml", ".yml")))
    known = sorted(path.stem for path in builtin("benchmarks").glob("*.yaml"))
    fitting = files or fnmatch.filter(known, Path(pattern).name.removesuffix(".yaml"))
    if not fitting:
        raise UserError(f"{pattern} fits no file and no built-in card; emocap benchmarks lists them")
    return fitting


def writes(model: str) -> bool:
    """Whether ``model`` names one that writes: ``openai:NAME``, or ``predictions:[NAME=]FILE``."""
    return model.partition(":")[0] in ("openai", "predictions")


def measure(
    chosen: Sequence[Chosen],
    models: Sequence[str | Encoder],
    protocols: Sequence[str] | None,
    data: Path,
    out: Path,
    *,
    pooling: Pooling = "mean",
    cache: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    allow_counts: bool = False,
    allow_missing: bool = False,
    shots: Sequence[int] = SHOTS,
    seeds: int = SEEDS,
    writing: GenerationConfig | None = None,
    tell: Callable[[str | ResultRow], None] = log.info,
) -> list[str]:
    """Measure every model on every card, and return what failed, a line each; the rows are in ``out/results.jsonl``.

    protocols: None for all that a card and a model have. cache: None keeps features for as long as this runs. tell:
    hears every row, and a line for each card that is passed over. Cards that a pattern has found are passed over where
    their data, or any protocol of theirs, is not there; named ones fail. allow_missing: leave out examples whose media
    is missing or cannot be read, and count them in ``missing`` of a row.
    """
    todo = []
    for one in chosen:
        if not one.named and not present(one.card, data):
            tell(f"{one.name}: passed over, {data / (one.card.folder or '')} does not hold its data")
        elif not one.named and protocols and not set(protocols) & set(protocols_of(one.card)):
            tell(f"{one.name}: passed over, it is measured by --protocol {' or '.join(protocols_of(one.card))}")
        else:
            todo.append(one)
    if not todo:
        raise UserError(
            f"--data: none of these cards has its data in {data}; emocap benchmarks tells where it belongs"
        )
    store, failures = Store(cache), list[str]()
    for model in models:
        try:
            if isinstance(model, str) and writes(model):
                asking = writing or GenerationConfig()
                failures += _written(model, todo, protocols, data, out, asking, tell, not allow_counts, allow_missing)
                continue
            encoder = load(model, device) if isinstance(model, str) else model
            with _looking(encoder, pooling, store, workers, device) as looking:
                for one in todo:
                    having = [PROTOCOLS[name] for name in protocols_of(one.card) if not PROTOCOLS[name].generates]
                    able = [p.name for p in having if encoder.texts or not p.reads_texts]
                    wanted = protocols or able
                    if not wanted or not having:
                        told = f"it measures models that write, not {encoder.name}"
                        if one.named and protocols:
                            failures.append(f"{one.name}: {told}; name one by openai:NAME, or give --predictions")
                        else:
                            tell(f"{one.name}: passed over, {told}")
                        continue
                    run = partial(
                        evaluate,
                        {one.name: one.card},
                        encoder,
                        data=data,
                        out=out,
                        shots=shots,
                        seeds=seeds,
                        looking=looking,
                        exact=not allow_counts,
                        allow_missing=allow_missing,
                        overrides=one.overrides,
                    )
                    rows, failed = _each(run, [p for p in wanted if p in protocols_of(one.card)] or wanted)
                    for row in rows:
                        tell(row)
                    failures += [line if one.name in line else f"{one.name}: {line}" for line in failed]
        except UserError as error:
            failures.append(str(error))
    compare(out)
    return list(dict.fromkeys(failures))


def _written(
    spec: str,
    todo: Sequence[Chosen],
    protocols: Sequence[str] | None,
    data: Path,
    out: Path,
    writing: GenerationConfig,
    tell: Callable[[str | ResultRow], None],
    exact: bool,
    allow_missing: bool,
) -> list[str]:
    """What failed of the cards that a model which writes was asked about; the rows are stored and told."""
    if protocols and "generate" not in protocols:
        raise UserError(f"{spec} writes, and is measured by --protocol generate")
    failures = []
    with contextlib.ExitStack() as open_ones:

        def asked(role: str, name: str) -> GenerativeModel:
            return open_ones.enter_context(load_chat_model(name, writing.settings, out, role))

        model = asked("model", spec) if spec.startswith("openai:") else _predictions(spec)
        aids = Graders(
            asked("extractor", writing.extractor) if writing.extractor else None,
            asked("judge", writing.judge) if writing.judge else None,
            _wheels(todo, writing.wheel, data),
        )
        for one in todo:
            if "generate" not in protocols_of(one.card) and not one.named:
                tell(f"{one.name}: passed over, it does not measure models that write")
                continue
            try:
                rows = generate.evaluate(
                    one.name,
                    one.card,
                    model,
                    data,
                    out,
                    aids,
                    exact=exact,
                    allow_missing=allow_missing,
                    overrides=one.overrides,
                )
                for row in rows:
                    tell(row)
            except UserError as error:
                failures.append(str(error) if one.name in str(error) else f"{one.name}: {error}")
        for row in add_suites(out, model.name):
            tell(row)
    return failures


def _wheels(todo: Sequence[Chosen], folder: Path | None, data: Path) -> Wheels | None:
    """The emotion wheels, where some card needs them and they are not the small ones."""
    folder = folder or (data / "emotion_wheel" if (data / "emotion_wheel").is_dir() else None)
    return read_wheels(folder) if folder and any(TASKS[one.card.task].uses_wheels for one in todo) else None


def _predictions(spec: str) -> Predictions:
    name, equals, place = spec.removeprefix("predictions:").partition("=")
    return Predictions(Path(place), name) if equals else Predictions(Path(name))


def _each(
    run: Callable[[Sequence[str]], list[ResultRow]], protocols: Sequence[str]
) -> tuple[list[ResultRow], list[str]]:
    """The rows of all protocols and what failed: what one of them lacks does not lose the others' rows."""
    try:
        return run(protocols), []
    except UserError as error:
        if len(protocols) == 1:
            return [], [str(error)]
    rows, failed = [], []
    for protocol in protocols:
        try:
            rows += run([protocol])
        except UserError as error:
            failed.append(str(error))
    return rows, failed


@contextlib.contextmanager
def _looking(
    encoder: Encoder, pooling: Pooling, store: Store, workers: int | None, device: str | None
) -> Iterator[Looking]:
    from emocap.encoders import ray_features

    if not ray_features.wanted(workers, device):
        yield Looking(pooling, store)
        return
    with ray_features.RayFeatureExtractor(encoder, workers, device) as together:
        yield Looking(pooling, store, together)
