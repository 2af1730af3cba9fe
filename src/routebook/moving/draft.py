"""A `routing.toml` that is being put together from another tool's file, and what of that file has no place in it."""

from __future__ import annotations

import re
from typing import Any, Final

from routebook.config.keylike import is_keylike
from routebook.config.read import parse
from routebook.config.sense import name_problem

_TIERS: Final = ("local", "free", "paid")


class Moved:
    """The text of a checked `routing.toml`, and notes on what was left behind or changed."""

    def __init__(self, text: str, notes: list[str]) -> None:
        """Both are for people."""
        self.text = text
        self.notes = notes


class Draft:
    """Tables as they will stand in the file."""

    def __init__(self, source: str) -> None:
        """`source` names the tool."""
        self.source = source
        self.notes: list[str] = []
        self.defaults: dict[str, Any] = {}
        self.budgets: dict[str, Any] = {}
        self.providers: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.pools: dict[str, dict[str, Any]] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.routes: list[dict[str, Any]] = []

    def note(self, what: str) -> None:
        """Say once that something was left behind or changed."""
        if what not in self.notes:
            self.notes.append(what)

    def name(self, wanted: str, taken: dict[str, Any], *, other: str = "") -> str:
        """A name that can be typed and is free: the one wanted, else with `other` before it, else numbered."""
        plain = re.sub(r"[,\s]+", "-", wanted).strip("-") or "model"
        names = [plain, f"{other}-{plain}", *(f"{plain}-{number}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken and not name_problem(name))

    def variable(self, provider: str, stated: object, *, usual: str | None) -> str | None:
        """The name of the variable for a key that the file states; the key itself is never taken over."""
        if not stated:
            return usual
        usual = usual or _usual(provider)
        self.note(f"{provider}: its key stands in the file itself and was not taken over. Put it into the variable {usual}.")
        return usual

    def kept_elsewhere(self, provider: str) -> str:
        """The name of a variable for a key that the other tool keeps in a store of its own."""
        usual = _usual(provider)
        self.note(f"{provider}: the file states no key. Put it into the variable {usual}; if it takes none, remove its api_key_env.")
        return usual

    def headers(self, provider: str, stated: object) -> dict[str, str]:
        """Headers that hold no key."""
        kept: dict[str, str] = {}
        for name, value in (stated if isinstance(stated, dict) else {}).items():
            if isinstance(value, str) and "auth" not in name.lower() and "key" not in name.lower() and not is_keylike(value):
                kept[name] = value
            else:
                self.note(f"{provider}: the header {name} was not taken over, because it may hold a key.")
        return kept

    def tier(self, model: str) -> int:
        """0 for local, 1 for free, 2 for paid."""
        return _TIERS.index(self.providers[self.models[model]["provider"]].get("tier", "paid"))

    def cheapest_first(self, models: list[str]) -> list[str]:
        """Local, then free, then paid; within a tier as they came."""
        return sorted(models, key=self.tier)

    def done(self) -> Moved:
        """The file, checked.

        Raises:
            ConfigError: it is not right, which is our mistake.
        """
        import tomli_w

        tables = {
            "defaults": self.defaults, "budgets": self.budgets, "providers": self.providers, "models": self.models, "pools": self.pools,
            "agents": self.agents, "routes": self.routes,
        }  # fmt: skip
        text = tomli_w.dumps({name: _clean(table) for name, table in tables.items() if table})
        head = f"# From {self.source}. docs/configuration.md explains every key; %route doctor checks the keys and models.\n"
        notes = "".join(f"# - {note}\n" for note in self.notes)
        whole = head + (f"#\n# What is different here:\n{notes}" if notes else "") + "\n" + text
        parse(whole, file=f"the routing.toml made from {self.source}")
        return Moved(whole, self.notes)


def _clean(table: Any) -> Any:  # noqa: ANN401  tables within tables
    """A table without what has no value."""
    if isinstance(table, dict):
        return {key: _clean(value) for key, value in table.items() if value is not None and value not in ({}, [])}
    return [_clean(item) for item in table] if isinstance(table, list) else table


def _usual(provider: str) -> str:
    return re.sub(r"\W+", "_", provider).strip("_").upper() + "_API_KEY"
