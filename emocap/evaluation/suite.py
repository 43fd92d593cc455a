"""Many cards and models: what is measured, what is skipped, and failures that do not stop the rest."""

import contextlib
import fnmatch
import glob
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emocap.benchmarks.cards import Card
from emocap.benchmarks.loading import present
from emocap.core.errors import UserError
from emocap.core.recipes import builtin
from emocap.encoders import Encoder, load
from emocap.encoders.feature_cache import Store, default_folder
from emocap.encoders.features import ExtractionConfig
from emocap.evaluation import generative as generate
from emocap.evaluation.aggregates import add_suites
from emocap.evaluation.paired_tests import compare
from emocap.evaluation.predictions import Predictions
from emocap.evaluation.recipe import EvaluationRecipe, is_setting
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


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Cards, and ``dotted.key=value`` overrides of them, from one list of both."""
    overrides = [one for one in arguments if is_setting(one)]
    return [one for one in arguments if one not in overrides], overrides


def choose(names: Sequence[str], overrides: Sequence[str] = ()) -> list[Chosen]:
    """The cards that names, YAML files and patterns mean, each once; ``overrides`` change every one of them.

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


def is_generative(model: str) -> bool:
    """Whether ``model`` names a generative model: ``openai:NAME``, or ``predictions:[NAME=]FILE``."""
    return model.partition(":")[0] in ("openai", "predictions")


def measure(
    recipe: EvaluationRecipe,
    out: Path,
    encoders: Sequence[Encoder] = (),
    report: Callable[[str | ResultRow], None] = log.info,
) -> list[str]:
    """Measure every model of a recipe, and ``encoders`` that are loaded already, on every card.

    Rows go to ``out/results.jsonl``; ``report`` gets each of them, and a line for each card that is skipped. Returns
    what failed, a line each: one failure does not stop the rest. Raises UserError where nothing can be measured.
    """
    return measure_cards(choose(recipe.cards, recipe.overrides), recipe, out, encoders, report)


def measure_cards(
    chosen: Sequence[Chosen],
    recipe: EvaluationRecipe,
    out: Path,
    encoders: Sequence[Encoder] = (),
    report: Callable[[str | ResultRow], None] = log.info,
) -> list[str]:
    """As :func:`measure`, of cards that were chosen already.

    Cards that a pattern has found are skipped where their data, or all protocols of the recipe, are absent; named
    ones fail.
    """
    _check_protocols(recipe)
    todo = list(_with_data(chosen, recipe, report))
    cache = recipe.cache if isinstance(recipe.cache, str) else default_folder() if recipe.cache else None
    store, failures = Store(Path(cache) if cache else None), list[str]()
    models: list[str | Encoder] = [*recipe.models, *encoders]
    if not models:
        raise UserError("models is empty: name what is to be measured")
    for model in models:
        try:
            if isinstance(model, str) and is_generative(model):
                failures += _generated(model, todo, recipe, out, report)
            else:
                encoder = load(model, recipe.device) if isinstance(model, str) else model
                failures += _encoded(encoder, todo, recipe, out, store, report)
        except UserError as error:
            failures.append(str(error))
    compare(out)
    return list(dict.fromkeys(failures))


def _check_protocols(recipe: EvaluationRecipe) -> None:
    known = PROTOCOLS.names()
    if isinstance(recipe.protocols, list) and (unknown := [name for name in recipe.protocols if name not in known]):
        raise UserError(f"protocols: {unknown[0]} is not one of {', '.join(sorted(known))}, or all")


def _with_data(
    chosen: Sequence[Chosen], recipe: EvaluationRecipe, report: Callable[[str | ResultRow], None]
) -> Iterator[Chosen]:
    """The cards that can be measured. Raises UserError where there is none."""
    data, wanted = data_folder(recipe), recipe.protocols if isinstance(recipe.protocols, list) else []
    some = False
    for one in chosen:
        if not one.named and not present(one.card, data):
            report(f"{one.name}: skipped, as {data / (one.card.folder or '')} does not hold its data")
        elif not one.named and wanted and not set(wanted) & set(protocols_of(one.card)):
            report(f"{one.name}: skipped, as its protocols are {', '.join(protocols_of(one.card))}")
        else:
            some = True
            yield one
    if not some:
        raise UserError(f"none of these cards has its data in {data}; emocap benchmarks lists where it belongs")


def data_folder(recipe: EvaluationRecipe) -> Path:
    """Where the benchmarks lie."""
    return Path(recipe.data).expanduser()


def _encoded(
    encoder: Encoder,
    todo: Sequence[Chosen],
    recipe: EvaluationRecipe,
    out: Path,
    store: Store,
    report: Callable[[str | ResultRow], None],
) -> list[str]:
    """Measure an encoder on all cards; returns the failures."""
    failures = list[str]()
    with _extraction(encoder, recipe, store) as extraction:
        for one in todo:
            having = [PROTOCOLS[name] for name in protocols_of(one.card) if not PROTOCOLS[name].generates]
            able = [p.name for p in having if encoder.texts or not p.reads_texts]
            wanted = able if recipe.protocols == "all" else recipe.protocols or ["zeroshot"]
            if not wanted or not having:
                reason = f"it measures generative models, and {encoder.name} is an encoder"
                if one.named and recipe.protocols != "all":
                    failures.append(f"{one.name}: {reason}; name one as openai:NAME or predictions:FILE")
                else:
                    report(f"{one.name}: skipped, as {reason}")
                continue
            run = partial(
                evaluate,
                {one.name: one.card},
                encoder,
                data=data_folder(recipe),
                out=out,
                shots=recipe.shots,
                seeds=recipe.seeds,
                extraction=extraction,
                exact=not recipe.allow_counts,
                allow_missing=recipe.allow_missing,
                overrides=one.overrides,
            )
            rows, failed = _each(run, [p for p in wanted if p in protocols_of(one.card)] or wanted)
            for row in rows:
                report(row)
            failures += [line if one.name in line else f"{one.name}: {line}" for line in failed]
    return failures


def _generated(
    spec: str,
    todo: Sequence[Chosen],
    recipe: EvaluationRecipe,
    out: Path,
    report: Callable[[str | ResultRow], None],
) -> list[str]:
    """Measure a generative model on all cards; returns the failures."""
    if isinstance(recipe.protocols, list) and "generate" not in recipe.protocols:
        raise UserError(f"{spec} is a generative model, whose protocol is generate")
    failures, how, data = list[str](), recipe.generation, data_folder(recipe)
    with contextlib.ExitStack() as open_models:

        def chat_model(role: str, name: str) -> GenerativeModel:
            return open_models.enter_context(load_chat_model(name, how.ask, out, role))

        model = chat_model("model", spec) if spec.startswith("openai:") else _predictions(spec)
        graders = Graders(
            chat_model("extractor", how.extractor) if how.extractor else None,
            chat_model("judge", how.judge) if how.judge else None,
            _wheels(todo, Path(how.wheel) if how.wheel else None, data),
        )
        for one in todo:
            if "generate" not in protocols_of(one.card) and not one.named:
                report(f"{one.name}: skipped, as it does not measure generative models")
                continue
            try:
                rows = generate.evaluate(
                    one.name,
                    one.card,
                    model,
                    data,
                    out,
                    graders,
                    exact=not recipe.allow_counts,
                    allow_missing=recipe.allow_missing,
                    overrides=one.overrides,
                )
                for row in rows:
                    report(row)
            except UserError as error:
                failures.append(str(error) if one.name in str(error) else f"{one.name}: {error}")
        for row in add_suites(out, model.name):
            report(row)
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
def _extraction(encoder: Encoder, recipe: EvaluationRecipe, store: Store) -> Iterator[ExtractionConfig]:
    from emocap.encoders import ray_features

    if not ray_features.wanted(recipe.workers, recipe.device):
        yield ExtractionConfig(recipe.pooling, store)
        return
    with ray_features.RayFeatureExtractor(encoder, recipe.workers, recipe.device) as extractor:
        yield ExtractionConfig(recipe.pooling, store, extractor)
