"""Recipes: YAML files that say what to build, what to train and what to measure.

Every recipe is checked against a typed model (a subclass of :class:`Recipe`) before any work begins, and every
complaint names the file, the key and the way out.
"""

import difflib
import re
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from emocap.core.errors import UserError


class Recipe(BaseModel):
    """Base of every recipe and of its parts: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


R = TypeVar("R", bound=Recipe)


def builtin(folder: str) -> Path:
    """Where the recipes that come with emocap lie: ``folder`` is pipelines, models or benchmarks."""
    package = Path(__file__).parents[1]
    installed = package / "builtin" / folder
    return installed if installed.is_dir() else package.parent / folder


def find(folder: str, name: str) -> Path:
    """The recipe file that ``name`` means: a path to a YAML file, or the name of a built-in one without ``.yaml``,
    which may lie in a folder: ``ablation/clip``.
    """
    if (path := Path(name)).suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise UserError(f"there is no recipe {name}")
    place = (builtin(folder) / name).parent
    known = {path.stem: path for path in sorted(place.glob("*.yaml"))}
    if path.name in known:
        return known[path.name]
    near = _nearest(path.name, known)
    raise UserError(f"there is no built-in recipe {name!r} in {folder}/{near}; or name a .yaml file")


def load(kind: type[R], folder: str, name: str, overrides: Sequence[str] = ()) -> R:
    """Read a recipe and what it extends, apply ``dotted.key=value`` overrides (values are YAML), and check it.

    Raises UserError, one line, for a missing or unreadable file, an unknown key (with the nearest one that exists),
    a value of the wrong type, an override that has no ``=``, or recipes that extend each other in a circle.
    """
    content, path = read(folder, name, overrides)
    return check(kind, content, str(path))


def read(folder: str, name: str, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], Path]:
    """The unchecked content of a recipe and of those that it extends, overrides applied, and its file."""
    path = find(folder, name)
    content: Any = _read(folder, path)
    for setting in overrides:
        content = override(content, setting)
    return content, path


def override(content: Any, setting: str) -> Any:
    """A copy of plain data with one place changed, as ``dotted.key=value`` says; the value is YAML.

    Raises UserError where it is none, or there is no such place.
    """
    key, equals, text = setting.partition("=")
    if not equals:
        raise UserError(f"{setting!r} is not an override: write key=value, for example shards.samples=100")
    return _set(content, key.split("."), parse(text, setting), setting)


def _read(folder: str, path: Path, above: Sequence[Path] = ()) -> dict[str, Any]:
    """The content of a file, joined to what it extends. ``above``: the files by which this one was reached."""
    content = parse(path.read_text(encoding="utf-8"), str(path))
    if not isinstance(content, dict):
        raise UserError(f"{path} does not hold keys and values")
    name = content.pop("extends", None)
    if name is None:
        return content
    if not isinstance(name, str):
        raise UserError(f"{path}: extends: the name of one recipe, not {name!r}")
    try:
        base = find(folder, str(path.parent / name) if name.endswith((".yaml", ".yml")) else name)
    except UserError as error:
        raise UserError(f"{path}: extends: {error}") from None
    above = (*above, path)
    if any(base.samefile(one) for one in above):
        raise UserError(f"{path}: extends: {name} comes back to where it began")
    both: dict[str, Any] = joined(_read(folder, base, above), content)
    return both


def joined(base: Any, over: Any) -> Any:
    """Plain data joined key by key; ``over`` takes precedence, and lists are replaced as a whole."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {**base, **{key: joined(base.get(key), value) for key, value in over.items()}}


def check(kind: type[R], content: Any, where: str) -> R:
    """Validate plain data against a recipe model. Raises UserError with the first complaint; ``where`` begins it."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {complaint(kind, error)}") from None


def to_yaml(recipe: Recipe) -> str:
    """The recipe with every default filled in, as it is stored beside what it made."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


def difference(kind: type[R], stored: Path, recipe: R, ignore: Sequence[str] = ()) -> str | None:
    """The first key in which a stored recipe is not the given one, as ``key: stored → given``; None if they agree.

    ``ignore``: dotted keys that do not change what is made, with everything below them.
    """
    before = check(kind, parse(stored.read_text(encoding="utf-8"), str(stored)), str(stored))
    old, new = _flat(before.model_dump(mode="json")), _flat(recipe.model_dump(mode="json"))
    for key in dict.fromkeys([*old, *new]):
        ignored = any(key == name or key.startswith(f"{name}.") for name in ignore)
        if not ignored and old.get(key) != new.get(key):
            return f"{key}: {old.get(key)} → {new.get(key)}"
    return None


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: only true and false are booleans (not on, off, yes, no), and 1e-5 is a number."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:bool"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9]*)?[eE][-+]?[0-9]+"), list("-+0123456789")
)


def parse(text: str, where: str) -> Any:
    """The content of YAML. Raises UserError that begins with ``where``."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{where} is not YAML{line}: {getattr(error, 'problem', None) or 'syntax error'}") from None


def _set(content: Any, keys: list[str], value: Any, override: str) -> Any:
    """A copy of nested dicts and lists with one place changed."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(content, list):
        if not key.isdigit() or int(key) >= len(content):
            raise UserError(f"{override!r}: {key!r} is not one of the {len(content)} entries there, counted from 0")
        return [_set(item, rest, value, override) if i == int(key) else item for i, item in enumerate(content)]
    if content is not None and not isinstance(content, dict):
        raise UserError(f"{override!r}: there is nothing below {content!r} to set")
    inside = content or {}
    return {**inside, key: _set(inside.get(key), rest, value, override)}


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(content, dict) and content:
        return {k: v for key, item in content.items() for k, v in _flat(item, f"{prefix}.{key}".lstrip(".")).items()}
    if isinstance(content, list) and content:
        return {k: v for key, item in enumerate(content) for k, v in _flat(item, f"{prefix}.{key}").items()}
    return {prefix: content}


def complaint(kind: type[BaseModel], error: ValidationError) -> str:
    """The first thing that is wrong with the data of a model, in a line."""
    first = error.errors(include_url=False)[0]
    location = [part for part in first["loc"] if not (isinstance(part, str) and "[" in part)]
    key = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        known = _fields_at(kind, location[:-1])
        return f"{key} is not a key{_nearest(str(location[-1]), known)}"
    if first["type"] == "missing":
        return f"{key} is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if first["type"] == "value_error" or not key:
        return f"{key}: {message}".removeprefix(": ")
    return f"{key}: {message}, not {first['input']!r}"


def _nearest(name: str, known: typing.Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}" if names else ""


def _fields_at(kind: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    for part in location:
        if isinstance(part, int):
            continue
        inner = _model_in(kind.model_fields[part].annotation) if part in kind.model_fields else None
        if inner is None:
            return []
        kind = inner
    return list(kind.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The recipe model inside an annotation such as ``list[Source] | None``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    if get_origin(annotation) is not None:
        return next(filter(None, map(_model_in, get_args(annotation))), None)
    return None
