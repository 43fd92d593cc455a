"""Names that have a better word in the field are not used in code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "emocap"
MODULES = {
    "aided",
    "ask",
    "asking",
    "board",
    "book",
    "build",
    "certainty",
    "choice",
    "contest",
    "crew",
    "distributed",
    "drawn",
    "feelings",
    "foreign",
    "forms",
    "layouts",
    "maps",
    "miniatures",
    "movements",
    "outcomes_told",
    "panel",
    "places",
    "pool",
    "randomness",
    "ranks",
    "rehearsal",
    "sigterm",
    "sitting",
    "standing",
    "standings",
    "strengths",
    "told",
    "utils",
}
"""Words that are no names of modules."""
CLASSES = {
    "Aids",
    "Answered",
    "Ask",
    "Asked",
    "Asker",
    "Book",
    "Contest",
    "Crew",
    "Laid",
    "Look",
    "Looking",
    "Meter",
    "Panel",
    "Share",
    "Told",
    "Writing",
    "_Asked",
}
"""Words that are no names of classes."""
NAMES = {
    "book",
    "called",
    "certainty",
    "contest",
    "crew",
    "describer",
    "describers",
    "drawn",
    "feelings",
    "found",
    "laid",
    "leave_out",
    "look",
    "looking",
    "movements",
    "odds",
    "panel",
    "rehearsal",
    "said",
    "seen",
    "shown",
    "shows",
    "sitting",
    "standings",
    "told",
    "two_tiers",
    "writing",
}
"""Words that are no names of functions, parameters, fields or keys of recipes."""
PROSE = ("told", "whoever", "so many")
"""Words that the text of the package has a few times at most."""


def defined(tree: ast.Module) -> Iterator[tuple[int, str, set[str]]]:
    """Line and name of each definition, and the words that it must not be."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name, CLASSES
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    yield field.lineno, field.target.id, NAMES
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name.lstrip("_"), NAMES
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
            for argument in filter(None, every):
                yield argument.lineno, argument.arg, NAMES


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_code_uses_the_words_of_the_field(path: Path) -> None:
    assert path.stem not in MODULES
    assert not path.relative_to(PACKAGE).parent.parts or path.parent.name not in MODULES
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = [f"{path}:{line}: {name}" for line, name, words in defined(tree) if name in words]
    assert not wrong


@pytest.mark.parametrize("word", PROSE)
def test_text_avoids_a_word(word: str) -> None:
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.md")]
    places = [
        f"{path}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(rf"\b{word}\b", line.casefold())
    ]
    assert len(places) <= 5, places


def test_errors_of_the_library_name_no_flags() -> None:
    """What the command line calls an option is a key or a parameter in the library."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in ("cli", "demo"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                texts = [one.value for one in ast.walk(node.exc) if isinstance(one, ast.Constant)]
                wrong += [
                    f"{path}:{node.lineno}: {text}" for text in texts if isinstance(text, str) and " --" in f" {text}"
                ]
    assert not wrong
