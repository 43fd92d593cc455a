"""Prompts: the text that goes to a model with every face, and the version under which captions remember it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from emocap.core.errors import UserError
from emocap.schema.captions import field_list

_BUILTIN = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """What is asked, and the name by which records tell one prompt from another."""

    version: str
    text: str


def load_prompt(name_or_path: str) -> Prompt:
    """A prompt that comes with emocap, by its name, or a text file of the user's own.

    ``{fields}`` in it becomes the list of the caption's fields. The version is the name, or for a file its stem and 8
    hex digits of its sha256. Raises UserError where there is no such prompt, or it is empty or not text.
    """
    known = {path.stem: path for path in sorted(_BUILTIN.glob("*.md"))}
    path = known.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise UserError(f"captioner.prompt: there is no file {name_or_path}; emocap comes with {', '.join(known)}")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise UserError(f"captioner.prompt: {path} is not text in UTF-8") from None
    if not text:
        raise UserError(f"captioner.prompt: {path} is empty")
    version = path.stem if name_or_path in known else f"{path.stem}-{hashlib.sha256(content).hexdigest()[:8]}"
    return Prompt(version, text.replace("{fields}", field_list()))
