"""Things that go with other libraries, made when those arrive: `frame.route` when pandas is imported, before or after Routebook.

Importing Routebook must cost nothing, so it imports neither; and a user's own frames have no other way to learn of `route`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Final

WITH: Final = {"pandas": "routebook.bulk.accessor", "dask.dataframe": "routebook.bulk.dask_accessor"}
"""Modules by what they go with."""


class _Then(Loader):
    """A loader that imports one module more when it is done."""

    def __init__(self, loader: Loader, then: str) -> None:
        self._loader, self._then = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader  # as if we had never been here
        self._loader.exec_module(module)
        import_module(self._then)


class _Arrival(MetaPathFinder):
    """Finds what all others find, and notices."""

    def find_spec(self, name: str, *_: Sequence[str] | ModuleType | None) -> ModuleSpec | None:
        if name not in WITH or self not in sys.meta_path:
            return None
        place = sys.meta_path.index(self)
        del sys.meta_path[place]  # so that this search finds the others
        try:
            spec = find_spec(name)
        finally:
            sys.meta_path.insert(place, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, WITH[name])
        return spec


def watch() -> None:
    """Make now what goes with the libraries that are there, and the rest when theirs comes. Safe to call twice."""
    for name, then in WITH.items():
        if name in sys.modules:
            import_module(then)
    if not any(isinstance(finder, _Arrival) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Arrival())
