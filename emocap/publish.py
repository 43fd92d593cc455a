"""Sending a finished build, or the model of a finished run, to the Hugging Face Hub."""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from emocap.core.errors import UserError, few

if TYPE_CHECKING:
    from emocap.evaluation.results import ResultRow

_PAGES = ["README.md", "manifest.json", "recipe.yaml", "report.html"]
_CAPTIONED = ["index/*.parquet", "shards/*.tar"]
_FACES = ["faces/*.parquet", "faces/*.tar"]
_BUILD = [*_PAGES, *_CAPTIONED, *_FACES, "inputs.parquet", "replies/*", "rejects/*"]

_RUN_PAGES = ["README.md", "recipe.yaml", "metrics.jsonl", "report.html"]
_WEIGHTS = ["open_clip_config.json", "open_clip_model.safetensors"]
_RUN = [*_RUN_PAGES, *_WEIGHTS, "results.jsonl", "checkpoints/*"]

_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def push(
    folder: Path,
    repo: str,
    *,
    private: bool = False,
    licence: str | None = None,
    everything: bool = False,
    results: Sequence[Path] = (),
    datasets: Sequence[str] = (),
) -> str:
    """Upload a build to the dataset, or a run to the model ``repo`` (``owner/name``); returns its URL.

    The repository is made where it does not exist. A build is verified and a model loaded first. What an earlier push
    left there and this one does not bring is removed. A README.md that is there stays as it is, but for the licence
    where one is given; delete it to have it written anew. The token is the one of HF_TOKEN or of ``hf auth login``.

    results: further folders of ``emocap eval``, whose rows of this very model go into its card, besides those in the
    run folder. datasets: names on the Hub of what a model was trained on.

    Raises UserError for a folder that is no whole build or run, for a missing token, for a password in the recipe, and
    for whatever the Hub refuses.
    """
    from huggingface_hub import get_token

    if run := (folder / "metrics.jsonl").is_file():
        if not (folder / "model" / "open_clip_model.safetensors").is_file():
            raise UserError(f"{folder} has no weights yet; finish it with emocap train")
    elif not (folder / "manifest.json").is_file():
        raise UserError(f"{folder} is neither a finished build nor a run of emocap train")
    if not get_token():
        raise UserError("no token for the Hugging Face Hub: set HF_TOKEN, or run hf auth login")
    _refuse_passwords(folder / "recipe.yaml")
    if run:
        return _push_run(folder, repo, private, licence, everything, results, datasets)
    if results or datasets:
        raise UserError(f"{folder} is a build: results and a dataset belong to the card of a model")
    return _push_build(folder, repo, private, licence, everything)


def _push_build(folder: Path, repo: str, private: bool, licence: str | None, everything: bool) -> str:
    from emocap.dataset.dataset_card import write_card
    from emocap.schema.verify import verify

    if problems := verify(folder):
        raise UserError(f"{folder} is damaged: {few(problems)}")
    if not (folder / "README.md").exists():
        write_card(folder)
    _set_licence(folder / "README.md", licence)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    dataset = [*_PAGES, *(_CAPTIONED if manifest["shards"] else _FACES)]
    return _send(folder, repo, "dataset", private, _BUILD if everything else dataset, _BUILD)


def _push_run(
    folder: Path,
    repo: str,
    private: bool,
    licence: str | None,
    everything: bool,
    results: Sequence[Path],
    datasets: Sequence[str],
) -> str:
    from emocap.evaluation.results import FILE, to_line
    from emocap.methods.clip.model_card import write_card

    rows = _results(folder, results)
    if not (folder / "README.md").exists():
        write_card(folder, repo, rows, datasets)
    _set_licence(folder / "README.md", licence)
    # On the Hub the files of model/ lie at the top, where open_clip looks for them.
    with tempfile.TemporaryDirectory() as place:
        stage = Path(place)
        (stage / "checkpoints").mkdir()
        pages = [folder / name for name in _RUN_PAGES if (folder / name).exists()]
        for path in (*pages, *(folder / "model").iterdir()):
            (stage / path.name).symlink_to(path.resolve())
        for path in (folder / "checkpoints").glob("*.pt") if everything else ():
            (stage / "checkpoints" / path.name).symlink_to(path.resolve())
        if rows:
            (stage / FILE).write_text("".join(map(to_line, rows)), encoding="utf-8")
        return _send(stage, repo, "model", private, None, _RUN)


def _results(folder: Path, further: Sequence[Path]) -> "list[ResultRow]":
    """Rows of eval that measure the weights of a run. Raises UserError for a folder that was named and has none."""
    from emocap.encoders import load
    from emocap.evaluation.results import FILE, read_results

    sha256 = load(str(folder)).sha256
    rows: list[ResultRow] = []
    for place in dict.fromkeys([folder, *further]):
        found = [row for row in read_results(place / FILE) if row.model_sha256 == sha256]
        if place in further and not found:
            raise UserError(f"{place} has no results of the model in {folder}")
        rows += found
    return rows


def _send(
    folder: Path, repo: str, kind: Literal["dataset", "model"], private: bool, kept: list[str] | None, ours: list[str]
) -> str:
    """Upload the files of a folder that match ``kept``, None for all. Nothing else that matches ``ours`` stays."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        url = api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        if private and not api.repo_info(repo, repo_type=kind).private:
            raise UserError(f"{repo} exists and is public; make it private on the Hub first, or publish it as public")
        api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=folder,
            allow_patterns=kept,
            delete_patterns=ours,
            commit_message=f"Upload a {'build' if kind == 'dataset' else 'model'} of emocap",
        )
    except HFValidationError:
        raise UserError(f"{repo!r} is not a name on the Hub: write OWNER/NAME") from None
    except HfHubHTTPError as error:
        raise UserError(f"the Hub refuses {repo}: {error.server_message or error}") from None
    except httpx2.HTTPError as error:
        raise UserError(f"{api.endpoint} cannot be reached: {str(error) or type(error).__name__}") from None
    except RuntimeError as error:  # how huggingface_hub says that a file did not get there
        raise UserError(f"{error} {error.__cause__ or ''}; the same command goes on from here") from None
    return str(url)


def _refuse_passwords(recipe: Path) -> None:
    """An address may hold a name and a password, which must not be made public."""
    for key, value in _strings(yaml.safe_load(recipe.read_text(encoding="utf-8"))):
        if _PASSWORD.search(value):
            raise UserError(f"{recipe}: {key} holds a password; what was made with that cannot be pushed")


def _strings(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string of nested mappings and lists, with its dotted key."""
    if isinstance(content, str):
        yield key, content
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in inside:
        yield from _strings(value, f"{key}.{name}".lstrip("."))


def _set_licence(path: Path, licence: str | None) -> None:
    from huggingface_hub import RepoCard

    if licence:
        card = RepoCard(path.read_text(encoding="utf-8"))
        card.data["license"] = licence
        path.write_text(card.content, encoding="utf-8")
