"""Sending a finished build to the Hugging Face Hub."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from emocap.build.dataset_card import write_card
from emocap.errors import UserError, few
from emocap.shards import verify

_PAGES = ["README.md", "manifest.json", "recipe.yaml", "report.html"]
_CAPTIONED = ["index/*.parquet", "shards/*.tar"]
_FACES = ["faces/*.parquet", "faces/*.tar"]
_EVERYTHING = [*_PAGES, *_CAPTIONED, *_FACES, "inputs.parquet", "replies/*", "rejects/*"]


def push(
    folder: Path, repo: str, *, private: bool = False, licence: str | None = None, everything: bool = False
) -> str:
    """Upload a build to the dataset ``repo`` (``owner/name``), which is made where it does not exist; returns its URL.

    The build is verified first. What an earlier push left there and this one does not bring is removed. A README.md
    that is there stays as it is, but for the licence where one is given. The token is the one of HF_TOKEN or of
    ``hf auth login``. Raises UserError for a folder that is no whole build, for a missing token, and for whatever the
    Hub refuses.
    """
    import httpx2
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} is not a finished build") from None
    if not get_token():
        raise UserError("no token for the Hugging Face Hub: set HF_TOKEN, or run hf auth login")
    if problems := verify(folder):
        raise UserError(f"{folder} is damaged: {few(problems)}")
    _refuse_passwords(folder / "recipe.yaml")
    _prepare_card(folder, licence)
    dataset = [*_PAGES, *(_CAPTIONED if manifest["shards"] else _FACES)]
    api = HfApi()
    try:
        url = api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
        if private and not api.dataset_info(repo).private:
            raise UserError(f"{repo} exists and is public; make it private on the Hub first, or leave out --private")
        api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=_EVERYTHING if everything else dataset,
            delete_patterns=_EVERYTHING,
            commit_message="Upload a build of emocap",
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
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    for endpoint in (content.get("captioner") or {}).get("endpoints") or []:
        if urlsplit(endpoint["base_url"]).password:
            raise UserError(f"{recipe}: an endpoint's base_url holds a password; a build with that cannot be pushed")


def _prepare_card(folder: Path, licence: str | None) -> None:
    from huggingface_hub import DatasetCard

    path = folder / "README.md"
    if not path.exists():
        write_card(folder)
    if licence:
        card = DatasetCard(path.read_text(encoding="utf-8"))
        card.data["license"] = licence
        path.write_text(card.content, encoding="utf-8")
