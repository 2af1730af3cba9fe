"""Some models in the order to try them, as a route, an agent or a pool chose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Choice(NamedTuple):
    """Some models, and why."""

    models: Sequence[str]
    reason: str
    """Of all of them."""
    pool: str | None = None
    homes: Mapping[str, str | None] = {}
    """The pool of each model that counts as a member of another."""
    whys: Mapping[str, str] = {}
    """What more is to be said of one."""
    are_known: bool = False
    """They are all in the config."""

    def home(self, model: str) -> str | None:
        """The pool that a model counts as a member of."""
        return self.homes.get(model, self.pool)

    def why(self, model: str) -> str:
        """Why a model was chosen."""
        return f"{self.reason}: {self.whys[model]}" if model in self.whys else self.reason

    def pools(self, taken: Mapping[str, Choice]) -> set[str]:
        """The pools that its models count as members of, of those that were taken from it, and one was."""
        homes = {self.home(model) for model in self.models if taken.get(model) is self} if self.homes else {self.pool}
        return {home for home in homes if home}
