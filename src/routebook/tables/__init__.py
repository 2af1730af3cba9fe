"""The books as a tidy frame, totals and charts. pandas and altair live only here, and load when first used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """`charts`, which is `rb.charts`, without loading Altair before somebody asks for it."""
    if name != "charts":
        msg = f"module 'routebook.tables' has no attribute {name!r}"
        raise AttributeError(msg)
    return import_module("routebook.tables.charts")
