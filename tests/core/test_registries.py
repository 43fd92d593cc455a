import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emocap.core import registries
from emocap.core.errors import UserError
from emocap.core.registries import Registry


@dataclass(frozen=True)
class Tool:
    name: str


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "shed"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "hammer.py").write_text("from tests.core.test_registries import Tool\nTOOL = Tool('hammer')\n")
    (folder / "saws.py").write_text(
        "from tests.core.test_registries import Tool\nTOOL = (Tool('handsaw'), Tool('jigsaw'))\n"
    )
    (folder / "shelf.py").write_text("WIDTH = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "shed"
    for name in [name for name in sys.modules if name.split(".")[0] == "shed"]:
        del sys.modules[name]


def test_every_file_of_the_package_is_registered(package: str) -> None:
    tools = Registry[Tool]("tool", package, "TOOL")
    assert tools.names() == ["hammer", "handsaw", "jigsaw"]
    assert tools["jigsaw"] == Tool("jigsaw")
    assert "hammer" in tools
    assert "plane" not in tools
    assert [tool.name for tool in tools] == tools.names()


def test_an_unknown_name_is_answered_with_the_nearest(package: str) -> None:
    tools = Registry[Tool]("tool", package, "TOOL")
    with pytest.raises(UserError, match="there is no tool 'hamer'; did you mean hammer"):
        tools["hamer"]
    with pytest.raises(UserError, match="there are hammer, handsaw, jigsaw"):
        tools["zzz"]


def test_a_file_that_cannot_be_imported_is_never_passed_over(package: str, tmp_path: Path) -> None:
    (tmp_path / "shed" / "lamp.py").write_text("import no_such_module\n")
    tools = Registry[Tool]("tool", package, "TOOL")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            tools.names()


def test_a_name_is_taken_once(package: str) -> None:
    tools = Registry[Tool]("tool", package, "TOOL")
    plane = tools.register(Tool("plane"))
    assert tools.register(plane) is plane
    with pytest.raises(ValueError, match="there is a tool 'plane' already"):
        tools.register(Tool("plane"))


def test_plugins_register_once_and_a_broken_one_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Registry[Tool]("tool", package, "TOOL")
    calls = []

    class Entry:
        name, value, dist = "extra", "extra:register", None

        def load(self) -> object:
            def register() -> None:
                calls.append(1)
                tools.register(Tool("drill"))

            return register

    class Broken(Entry):
        name = "broken"

        def load(self) -> object:
            raise ImportError("no module named drill")

    monkeypatch.setattr(registries, "_loaded", False)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry()])
    assert tools.names()[-1] == "drill"
    assert tools["drill"] == Tool("drill")
    assert calls == [1]
    monkeypatch.setattr(registries, "_loaded", False)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Broken()])
    with pytest.raises(UserError, match=r"the plug-in broken of extra:register cannot be loaded \(ImportError"):
        tools.names()
