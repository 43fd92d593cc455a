"""The shape of the tree: how large its packages are, and which test file covers which module."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "emocap").rglob("*.py"))
TESTED_IN = re.compile(r"^# Tested in (tests/[\w/]+\.py)\.$", re.MULTILINE)
"""What a module says that has no test file of its own name."""


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path): path for path in MODULES}


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """The modules of emocap and of tests that a file imports, those of a registry's package included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES:
            found |= {name for name in NAMES if name.rpartition(".")[0] == node.value} | {node.value}
    parents = {".".join(name.split(".")[:depth]) for name in found for depth in range(1, name.count(".") + 1)}
    return frozenset(found | parents)


@functools.cache
def reached(path: Path) -> frozenset[str]:
    """All modules of emocap that a test file imports, directly or through others."""
    seen, todo = set[str](), [path]
    while todo:
        for name in imported(todo.pop()) - seen:
            seen.add(name)
            if name in NAMES:
                todo.append(NAMES[name])
            elif (shared := ROOT / f"{name.replace('.', '/')}.py").is_file() and name.startswith("tests."):
                todo.append(shared.relative_to(ROOT))
    return frozenset(seen)


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem not in ("__init__", "__main__")], ids=str)
def test_every_module_has_a_test_file_or_names_one_that_reaches_it(path: Path) -> None:
    own = Path("tests", *path.parts[1:-1], f"test_{path.name}")
    named = TESTED_IN.search((ROOT / path).read_text(encoding="utf-8"))
    if (ROOT / own).is_file():
        assert named is None, f"{path} has {own} and names another file"
        return
    assert named, f"{path} has neither {own} nor a line '# Tested in tests/....py.'"
    assert (ROOT / named[1]).is_file(), f"{path} names {named[1]}, which is not there"
    assert dotted(path) in reached(Path(named[1])), f"{named[1]} does not reach {path}"


def test_no_package_holds_more_than_a_fifth_of_the_lines() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in MODULES}
    sizes = dict[str, int]()
    for path, count in lines.items():
        sizes[path.parts[1]] = sizes.get(path.parts[1], 0) + count
    largest = max(sizes, key=lambda name: sizes[name])
    assert sizes[largest] <= sum(sizes.values()) / 5, f"emocap/{largest} has {sizes[largest]} lines"
