"""Imports that wait for the first use, so that `--help` and completion never load the server.

    with lazy.imports():
        from packhouse.accounts import operations, queries

To type checkers, linters and readers these are imports like any other. Modules alone are named in such a block: to take
a name out of a module loads it. `importlib.util.LazyLoader` would load one that is imported twice.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

# What the import system asks a module for, known before it is loaded.
_KNOWN = frozenset({"__class__", "__path__", "__spec__"})
_waiting: dict[str, "_Waiting"] = {}


class _Waiting(ModuleType):
    """A module that its first use loads."""

    def __getattribute__(self, name: str) -> Any:
        if name not in _KNOWN:
            _load(self)
        return ModuleType.__getattribute__(self, name)


def _load(module: _Waiting) -> None:
    spec = module.__spec__
    if spec is not None and _waiting.pop(spec.name, None) is not None and isinstance(spec.loader, _Later):
        spec.loader = spec.loader.loader
        module.__class__ = ModuleType  # type: ignore[assignment]
        module.__loader__ = spec.loader
        spec.loader.exec_module(module)


class _Later(Loader):
    def __init__(self, loader: SourceFileLoader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Waiting(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if isinstance(module, _Waiting) and module.__spec__ is not None:
            _waiting[module.__spec__.name] = module


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Later(spec.loader)
        return spec


@contextmanager
def imports() -> Iterator[None]:
    """Have each module that is imported in this block, and was not before, load at its first use."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def load() -> None:
    """Load what still waits: for a process that serves, whose threads must not meet a module half loaded."""
    while _waiting:
        _load(next(iter(_waiting.values())))
