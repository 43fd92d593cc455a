"""The whole path in minutes: real photos and drawn faces, captions, two encoders, their measures, one page.

Everything here goes through the verbs' own functions with the recipes that come with emocap; each step prints the
command that does the same.
"""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from emocap.benchmarks.cards import Card
from emocap.core.numbers import decimal
from emocap.core.progress import console
from emocap.core.recipes import load
from emocap.dataset.recipe import BuildRecipe
from emocap.dataset.run import build
from emocap.evaluation.results import ResultRow
from emocap.evaluation.runner import evaluate
from emocap.methods.clip.recipe import ClipRecipe
from emocap.methods.registry import train
from emocap.reports.page import Highlight, write_report

ANNOTATIONS = Path(__file__).parent / "annotations.csv"
"""Made for this demo by looking at each face: emotion words, and action units in FACS notation."""

GLOBAL_ONLY = ("objective.summary_weight=0", "objective.local_weight=0", "objective.mining.rule=off")


def sample_photos() -> list[Path]:
    """Photos that installed packages carry: three with faces, three without."""
    import insightface
    import skimage

    people = Path(insightface.__file__).parent / "data" / "images"
    things = Path(skimage.__file__).parent / "data"
    return [
        people / "t1.jpg",
        people / "Tom_Hanks_54745.png",
        things / "astronaut.png",
        things / "coffee.png",
        things / "chelsea.png",
        things / "rocket.jpg",
    ]


def run_demo(out: Path, seed: int = 0) -> Path:
    """Make everything in ``out`` and return the page. The same ``out`` again goes on where it stopped."""
    begun = time.monotonic()
    photos, drawn, full, plain, results = (out / n for n in ("photos", "drawn", "full", "global-only", "results"))

    sources = ", ".join(f"{{path: {path}, labels: {ANNOTATIONS}}}" for path in sample_photos())
    _build("photos", [f"sources=[{sources}]", "faces.detector=cascade"], photos)
    _build("synthetic", [], drawn)
    data = [f"data.builds=[{drawn}]", f"seed={seed}"]
    _train("emocapclip-tiny", data, full)
    _train("emocapclip-tiny", [*data, *GLOBAL_ONLY], plain)
    measured = {model: _evaluate(model, drawn, results) for model in (full, plain)}

    page = write_report(
        [photos, drawn, full, plain, results],
        out / "report.html",
        title="From faces to captions to an encoder",
        intro=INTRO,
        highlights=_highlights(measured[full], measured[plain]),
    )
    console.print(f"\nthe demo took {(time.monotonic() - begun) / 60:.1f} minutes")
    return page


INTRO = """This page was made on this machine, without a network, by emocap demo. Faces were found in a few photos that
come with installed packages and captioned from annotations of their action units; then a small EmoCapCLIP was trained
on drawn faces, of which everything is known, and measured on drawn people whom it had never seen.

The same model was trained a second time, for as many steps, on the global captions alone. What lies between the two is
what the summaries, the local captions and the mining of positives bring in that time."""


def _highlights(full: Sequence[ResultRow], plain: Sequence[ResultRow]) -> list[Highlight]:
    found = []
    for ours, theirs, label in zip(full, plain, ("Zero-shot UAR", "Linear-probe UAR", "Action-unit F1"), strict=True):
        metric = ours.headline
        value, chance, other = ours.metrics[metric].value, ours.chance_of(metric), theirs.metrics[metric].value
        texts = ["unknown" if one is None else decimal(one, 2) for one in (value, chance, other)]
        note = f"chance {texts[1]}; trained on global captions alone {texts[2]}"
        found.append(Highlight(texts[0], label, note))
    return found


def _build(recipe: str, overrides: list[str], out: Path) -> None:
    _say("build", recipe, *overrides, "--out", str(out))
    build(load(BuildRecipe, "pipelines", recipe, overrides), out)


def _train(recipe: str, overrides: list[str], out: Path) -> None:
    _say("train", recipe, *overrides, "--out", str(out))
    train(load(ClipRecipe, "models", recipe, overrides), out)


def _evaluate(model: Path, data: Path, out: Path) -> list[ResultRow]:
    """Rows of zero-shot, linear probe and action units."""
    rows = []
    for name, protocols in (("synthetic-emotions", ["zeroshot", "probe"]), ("synthetic-action-units", ["probe"])):
        chosen = [word for protocol in protocols for word in ("--protocol", protocol)]
        _say("eval", name, "--model", str(model), *chosen, "--data", str(data), "--out", str(out))
        rows += evaluate({name: load(Card, "benchmarks", name)}, str(model), protocols, data, out)
    return rows


def _say(*words: str) -> None:
    command = shlex.join(("emocap", *words))
    shortened = command if len(command) < 300 else f"{command[:300]} ..."
    console.print(f"\n$ {shortened}", soft_wrap=True, style="bold", markup=False)
