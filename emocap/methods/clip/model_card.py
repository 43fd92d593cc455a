"""README.md of a run folder: the model card that the Hugging Face Hub shows."""

# Tested in tests/test_publish_runs.py.

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from emocap.captioning.registry import CAPTIONERS
from emocap.core.files import replacing
from emocap.core.numbers import decimal
from emocap.core.version import __version__
from emocap.evaluation.results import ResultRow

_TEMPLATE = Path(__file__).with_name("model_card.md")


def write_card(
    folder: Path,
    repo: str,
    results: Sequence[ResultRow] = (),
    datasets: Sequence[str] = (),
    licence: str = "unknown",
) -> Path:
    """Write ``README.md`` into a finished run folder and return its path.

    repo: OWNER/NAME, from which it will be loaded. results: rows of ``emocap eval``. datasets: names on the Hub of
    what it was trained on. What the builds of the recipe are made of is read from their manifests, where they are at
    hand.
    """
    import open_clip
    from huggingface_hub import ModelCard, ModelCardData

    recipe = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    model = recipe["model"]
    tag = open_clip.get_pretrained_cfg(model["name"], model["init"]) if model["name"] and model["init"] else {}
    start_hub = tag.get("hf_hub", "").strip("/")
    header = ModelCardData(
        license=licence,
        library_name="open_clip",
        pipeline_tag="zero-shot-image-classification",
        language=["en"],
        tags=["clip", "faces", "facial-expression", "emotion", "emocap"],
        datasets=list(datasets) or None,
        base_model=start_hub or None,
    )
    card = ModelCard.from_template(
        header,
        template_path=str(_TEMPLATE),
        name=repo.rpartition("/")[2],
        repo=repo,
        emocap=__version__,
        towers=model["name"] or "a small pair of towers of our own",
        start=_start(model, tag),
        start_hub=start_hub,
        facts=_facts(folder, recipe),
        recipe=(folder / "recipe.yaml").read_text(encoding="utf-8").strip(),
        data=[_build_facts(build) for build in recipe["data"]["builds"]],
        results=[line for row in results for line in _lines(row)],
    )
    path = folder / "README.md"
    with replacing(path) as scratch:
        scratch.write_text(str(card).rstrip() + "\n", encoding="utf-8")
    return path


def _start(model: Mapping[str, Any], tag: Mapping[str, Any]) -> str:
    """The weights that training began with; of files and folders no more than their name."""
    if not model["init"]:
        return ""
    return f"{model['name']}/{model['init']}" if tag else f"the weights {Path(model['init']).name}"


def _facts(folder: Path, recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    objective, data, optimizer = recipe["objective"], recipe["data"], recipe["optimizer"]
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    terms = [name for name in ("global", "summary", "local") if objective[f"{name}_weight"]]
    mining = objective["mining"]
    return [
        ("aligned with the picture", ", ".join({"local": "local sentences"}.get(term, term) for term in terms)),
        ("positive mining", mining["rule"]),
        ("split", data["split"] or "all pictures"),
        ("batch", f"{data['batch']:,}"),
        ("epochs", f"{recipe['epochs']:g}"),
        ("steps", f"{rows[-1]['step']:,}" if rows else "unknown"),
        ("learning rate", f"{optimizer['lr']:g}"),
        ("weight decay", f"{optimizer['weight_decay']:g}"),
        ("precision", recipe["precision"]),
        ("seed", str(recipe["seed"])),
    ]


def _build_facts(build: Any) -> dict[str, str]:
    """A row about a build: a path, or a mapping with one."""
    path = Path(build["path"] if isinstance(build, dict) else build)
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except OSError:
        return {"name": path.name, "pictures": "", "captioner": "not at hand", "detector": "not at hand"}
    captioner, detector = manifest["captioner"], manifest["detector"]
    licence = f" ({detector['licence']})" if detector.get("licence") else ""
    return {
        "name": path.name,
        "pictures": f"{manifest['counts']['samples']:,}",
        "captioner": captioner.get("model") or _captioner(captioner["backend"]),
        "detector": "nobody: boxes came with the source"
        if detector["name"] == "given"
        else detector["name"] + licence,
    }


def _lines(row: ResultRow) -> list[dict[str, str]]:
    """A line for every metric of a result that is defined."""
    return [
        {
            "title": row.title,
            "protocol": row.protocol,
            "pictures": f"{row.tested:,}",
            "metric": name,
            "value": decimal(metric.value),
            "interval": f"{decimal(metric.low)} to {decimal(metric.high)}"
            if metric.low is not None and metric.high is not None
            else "",
            "chance": "" if (chance := row.chance_of(name)) is None else decimal(chance),
        }
        for name, metric in row.metrics.items()
        if metric.value is not None
    ]


def _captioner(name: str) -> str:
    """Who writes the captions. The build may come from elsewhere, with a plug-in that is not here."""
    return (CAPTIONERS[name].title if name in CAPTIONERS else "") or name
