"""The verbs: parse, call, print. Whatever is heavy is imported inside the verb that needs it."""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from emocap.cli.annotators import annotators
from emocap.cli.benchmarks import benchmarks, evaluate
from emocap.cli.options import CONTEXT, Debug, Out, Verbose, example
from emocap.cli.rank import rank
from emocap.core.errors import UserError, few
from emocap.core.version import __version__

app = typer.Typer(
    help="Facial-emotion captions, the encoders learned from them, and benchmarks that measure any encoder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


def _version(on: bool) -> None:
    if on:
        print(f"emocap {__version__}")
        raise typer.Exit


RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a built-in recipe.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe; dotted keys, YAML values.")
]


@app.callback()
def _main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    pass


@app.command(epilog=example("emocap demo --out runs/demo"))
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that the demo makes.")] = Path("runs/demo"),
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """The whole path in minutes, without network or GPU: photos, captions, an encoder, its measures, one page."""
    from emocap.demo import run_demo

    page = run_demo(out)
    print(f"open {page}")


@app.command(
    epilog=example(
        "emocap build photos 'sources=[{path: holiday/}]' faces.detector=cascade captioner.backend=none "
        "--out runs/holiday"
    )
)
def build(
    recipe: RecipeName, out: Out, overrides: Overrides = None, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Photos → faces → captions → WebDataset shards, with index, rejects, manifest and report.html."""
    from emocap.core.recipes import load
    from emocap.dataset.notices import notices
    from emocap.dataset.recipe import BuildRecipe
    from emocap.dataset.run import build as run_build
    from emocap.reports.page import write_report

    manifest = run_build(load(BuildRecipe, "pipelines", recipe, overrides or ()), out)
    page = write_report([out], out / "report.html")
    counts = manifest["counts"]
    print(f"{counts['inputs']} inputs, {counts['faces']} faces, {counts['samples']} samples in {out}")
    for reject in counts["rejects"]:
        print(f"  rejected at {reject['stage']}: {reject['count']} {reject['reason']}")
    for line in notices(manifest):
        print(f"  {line}")
    print(f"open {page}")


@app.command("mock-server", epilog=example("emocap mock-server --port 8000 --latency 1 --faults 0.3"))
def mock_server(
    port: Annotated[int, typer.Option(help="0 for any that is free; the address is printed.")] = 0,
    latency: Annotated[float, typer.Option(help="Seconds that a reply takes.")] = 0.5,
    faults: Annotated[float, typer.Option(help="Share of the requests that fail, in every way in turn.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Which requests fail.")] = 0,
    honour_idempotency: Annotated[
        bool, typer.Option("--honour-idempotency", help="Charge a repeated request once.")
    ] = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Serve an OpenAI-compatible endpoint with made-up captions and answers, to try things out for free."""
    import asyncio
    import contextlib

    from emocap.captioning.mock_server import serve

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(port, latency, faults, seed, honour_idempotency))


@app.command(epilog=example("emocap inspect runs/photos"))
def inspect(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that emocap build has made.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Check every byte of a build against its manifest and index, and tell what its captions are like."""
    from emocap.dataset.statistics import describe
    from emocap.schema.verify import verify

    counts = _manifest(folder)["counts"]
    problems = verify(folder)
    measures = {} if problems else describe(folder)
    if as_json:
        values = {name: {"value": m.value, "EmoCap100K": m.paper} for name, m in measures.items()}
        print(json.dumps({"counts": counts, "captions": values, "problems": problems}, indent=2, ensure_ascii=False))
    if problems:
        raise UserError(f"{folder} is damaged: {few(problems)}")
    if as_json:
        return
    for name, value in counts.items():
        if name != "rejects":
            print(f"{name:<34}{value:>12,}")
    for reject in counts["rejects"]:
        print(f"{'rejected, {stage}: {reason}'.format_map(reject):<34}{reject['count']:>12,}")
    for name, m in measures.items():
        beside = f"   EmoCap100K: {m.paper}" if m.paper else ""
        print(f"{name:<34}{m.text():>12}{beside}")
    print("every shard agrees with manifest and index")


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished build. Raises UserError where there is none."""
    try:
        content: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} is not a finished build") from None
    except ValueError as error:
        raise UserError(f"{folder} is damaged: manifest.json is not JSON: {error}") from None
    return content


@app.command(
    epilog=example(
        "emocap train emocapclip-vit-b-32 'data.builds=[runs/movies]' --out runs/b32",
        "torchrun --nproc-per-node 4 -m emocap train emocapclip-vit-b-32 'data.builds=[runs/movies]' --out runs/b32",
        "emocap train emocapclip-vit-b-32 'data.builds=[runs/movies]' workers=4 --out runs/b32",
    )
)
def train(
    recipe: RecipeName, out: Out, overrides: Overrides = None, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Train what a recipe describes, EmoCapCLIP by default; leaves checkpoints, metrics.jsonl, report.html and model/.

    In this process, in those of torchrun, or on Ray workers. The same --out goes on after any stop.
    """
    from emocap.methods.registry import load_recipe
    from emocap.methods.registry import train as run_train
    from emocap.reports.page import write_report

    loaded = load_recipe(recipe, overrides or ())
    run_train(loaded, out)
    if os.environ.get("RANK", "0") != "0":
        return
    if loaded.ema:
        print(f"{out / 'model'} holds the moving average of the weights")
    print(f"open {write_report([out], out / 'report.html')}")


app.command(
    "eval",
    epilog=example(
        "emocap eval london-smiles --model runs/b32 --data london/ --out runs/eval",
        "emocap eval ck-plus layout.last=1 --model runs/b32 --data ~/benchmarks --out runs/eval-apex",
        "emocap eval 'benchmarks/*.yaml' --model runs/b32 --protocol all --data ~/benchmarks --out runs/eval",
        "emocap eval facexbench --model openai:NAME --ask budget=5 --ask 'price={prompt: 1, completion: 4}' "
        "--data ~/benchmarks --out runs/eval",
    ),
)(evaluate)
app.add_typer(benchmarks, name="benchmarks")
app.command(
    epilog=example(
        "emocap rank --by people:preferences.csv --out runs/ranking",
        "emocap rank runs/qwen runs/gpt --by openai:some-vision-model --pairs 200 --out runs/ranking",
    ),
)(rank)
app.command(
    epilog=example(
        "emocap annotators votes.csv --out runs/votes",
        "emocap annotators amer.csv --predictions model.csv --explanations model.npz --out runs/amer",
        "emocap annotators summaryTable.csv --item FileName --rater VoiceVote --rater FaceVote --out runs/crema-d",
    )
)(annotators)


@app.command(epilog=example("emocap report runs/full runs/global runs/eval --out comparison.html"))
def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Builds, runs, results and rankings, in any mixture.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    table: Annotated[
        list[Path] | None, typer.Option(help="Also the results as a table, FILE.md or FILE.tex; may be given again.")
    ] = None,
    intervals: Annotated[bool, typer.Option("--intervals", help="Tables with their 95% intervals.")] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Show pictures on which models failed: most licences keep them private.")
    ] = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """One page that puts builds, runs, results and rankings side by side."""
    from emocap.reports.page import write_report
    from emocap.reports.tables import write_table

    for path in table or []:
        print(f"wrote {write_table(folders, path, intervals)}")
    print(f"open {write_report(folders, out, pictures=pictures)}")


@app.command(epilog=example("emocap push runs/movies my-lab/movie-faces --private"))
def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A build, or a run of emocap train.")],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="Its name on the Hugging Face Hub, as in OWNER/NAME.")],
    private: Annotated[bool, typer.Option("--private", help="Only those whom the owner lets in may see it.")] = False,
    licence: Annotated[
        str | None, typer.Option("--license", help="The Hub's name of a licence, such as cc-by-4.0, for the card.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--everything", help="Also faces/, replies/, rejects/ and the list of inputs; of a run, its checkpoints."
        ),
    ] = False,
    results: Annotated[
        list[Path] | None, typer.Option(help="A folder of emocap eval, for a model's card; may be given again.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="A dataset on the Hub that a model was trained on; may be given again.")
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Check a build and upload it to the Hugging Face Hub as a dataset, or the model of a run as a model."""
    from emocap.publish import push as run_push

    url = run_push(
        folder,
        repo,
        private=private,
        licence=licence,
        everything=everything,
        results=results or (),
        datasets=dataset or (),
    )
    print(f"see {url}")


@app.command(epilog=example("emocap doctor"))
def doctor(verbose: Verbose = False, debug: Debug = False) -> None:
    """Versions, devices, the ONNX provider that is used, weights and their licences."""
    from emocap.cli.doctor import examine

    for name, value in examine():
        print(f"{name:<24} {value}")


def main() -> None:
    """Run a verb. Exit codes: 0 done, 2 the user must change something, 1 a defect."""
    try:
        app()
    except UserError as error:
        _say(str(error), error)
        sys.exit(2)
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output, such as head, has left; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        _say(f"{type(error).__name__}: {error} (this is a defect of emocap; --debug shows where)", error)
        sys.exit(1)


def _say(message: str, error: Exception | None = None) -> None:
    if error is not None and "--debug" in sys.argv:
        traceback.print_exception(error)
    print("emocap: " + " ".join(message.split()), file=sys.stderr)
