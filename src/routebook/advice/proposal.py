"""A change of `routing.toml` that the record speaks for, with what speaks for it."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from routebook.config.edit import route_names, without_route
from routebook.config.lines import KeyPath
from routebook.config.rewrite import with_value
from routebook.errors import UsageError
from routebook.messages import Value

Kind = Literal["cheaper", "failing", "limit", "timeout", "unused", "cache", "cap"]


class Edit(Value, frozen=True, kw_only=True):
    """What is to be written."""

    table: tuple[str, ...]
    """`("models", NAME, "timeout")`, `("budgets",)`; of a route `("routes", NAME)`."""
    key: str | None
    """`None`: the route is put out of use."""
    value: Any = None

    def on(self, text: str) -> str:
        """The text with it.

        Raises:
            UsageError: it cannot be written there; what to write by hand is said.
        """
        if self.key is None:
            return without_route(text, self.table[1])
        return with_value(text, self._path(text), self.value)

    def _path(self, text: str) -> KeyPath:
        if self.table[0] != "routes" or self.key is None:
            return (*self.table, str(self.key))
        names = route_names(text)
        if self.table[1] not in names:
            raise UsageError(f"The file has no route {self.table[1]!r} any more.")
        return ("routes", names.index(self.table[1]), self.key)


class Proposal(Value, frozen=True, kw_only=True):
    """One proposal."""

    kind: Kind
    change: str
    """What would be changed, in words."""
    evidence: tuple[str, ...]
    """What speaks for it, with counts and intervals."""
    doubts: tuple[str, ...] = ()
    """What the record cannot tell."""
    saves_usd: float | None
    """Over the requests of `over`; below 0 it costs more; `None` where nobody can know."""
    saves_s: float | None
    """The same in seconds."""
    over: tuple[str, ...] = ()
    """The ids of the requests that the savings are reckoned over."""
    requests: tuple[str, ...]
    """The ids of the requests that it is drawn from."""
    edit: Edit


class Need(NamedTuple):
    """Why there is no proposal of a kind, and what it would take."""

    kind: Kind
    said: str


Found = Proposal | Need
WHAT: Final[dict[Kind, str]] = {
    "cheaper": "a cheaper model first", "failing": "a failing model later", "limit": "a limit", "timeout": "a time limit",
    "unused": "a route out of use", "cache": "a cache", "cap": "a cap on money",
}  # fmt: skip
"""Each kind as one says it."""


def ids(rows: Any) -> tuple[str, ...]:  # noqa: ANN401  whatever has requests
    """The requests of some attempts, each once, in their order."""
    return tuple(dict.fromkeys(row.request_id for row in rows))
