"""Registries: tasks, readers, detectors, captioners and the like, each found by its name.

What comes with emocap is one file each in a package; a new file there is registered without another line anywhere.
Other distributions add theirs through the entry-point group ``emocap.plugins``: every entry point names a function
without arguments, which is called once in every process before the first lookup and registers what it has:

    [project.entry-points."emocap.plugins"]
    my_plugin = "my_package:register"

    def register() -> None:
        TASKS.register(MY_TASK)
"""

import difflib
import importlib
import importlib.metadata
import operator
import pkgutil
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from emocap.core.errors import UserError

GROUP = "emocap.plugins"
T = TypeVar("T")

_loading = threading.RLock()
_loaded = False


class Registry(Generic[T]):
    """Objects of one kind by their names.

    >>> TASKS = Registry[Task]("task", "emocap.evaluation.tasks", "TASK")
    >>> TASKS["spoofing"]
    """

    def __init__(self, kind: str, package: str, attribute: str, name_of: Callable[[T], str] | None = None) -> None:
        """kind: what error messages call it. package: whose modules each hold an object, or a tuple of objects, as
        ``attribute``; a module without it holds none. name_of: gives the name of an object; None: its ``name``.
        """
        self.kind, self._package, self._attribute = kind, package, attribute
        self._name_of: Callable[[Any], str] = name_of or operator.attrgetter("name")
        self._items: dict[str, T] = {}
        self._searched = False

    def register(self, item: T) -> T:
        """Add an object, which is returned. Raises ValueError where its name is taken by another one."""
        with _loading:
            self._search()  # what comes with emocap has its names first
            return self._add(item)

    def names(self) -> list[str]:
        """All names: of what comes with emocap, in the order of its files, and then of plug-ins."""
        return list(self._known())

    def __iter__(self) -> Iterator[T]:
        return iter(self._known().values())

    def __contains__(self, name: object) -> bool:
        return name in self._known()

    def __getitem__(self, name: str) -> T:
        """The object of a name. Raises UserError, naming the nearest that exists, where there is none."""
        known = self._known()
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise UserError(f"there is no {self.kind} {name!r}; {hint}")
        return known[name]

    def _known(self) -> dict[str, T]:
        with _loading:
            self._search()
            load_plugins()
        return self._items

    def _search(self) -> None:
        if self._searched:
            return
        self._searched = True  # before the search: a module of the package may ask the registry for names
        try:
            for module in pkgutil.iter_modules(importlib.import_module(self._package).__path__):
                found: Any = getattr(importlib.import_module(f"{self._package}.{module.name}"), self._attribute, ())
                for item in found if isinstance(found, tuple) else (found,):
                    self._add(item)
        except BaseException:
            self._searched = False  # the next lookup must not find a part of them
            self._items.clear()
            raise

    def _add(self, item: T) -> T:
        name = self._name_of(item)
        if self._items.setdefault(name, item) is not item:
            raise ValueError(f"there is a {self.kind} {name!r} already")
        return item


def load_plugins() -> None:
    """Let the plug-ins that are installed register what they have; once in a process.

    Raises UserError where one fails, naming its distribution.
    """
    global _loaded
    with _loading:
        if _loaded:
            return
        _loaded = True
        for entry in importlib.metadata.entry_points(group=GROUP):
            try:
                entry.load()()
            # A plug-in may raise whatever it likes.
            except Exception as error:
                _loaded = False
                owner = entry.dist.name if entry.dist else entry.value
                raise UserError(
                    f"the plug-in {entry.name} of {owner} cannot be loaded ({type(error).__name__}: {error}); "
                    "repair or uninstall it"
                ) from error
