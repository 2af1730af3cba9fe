"""What a config says of its models, looked up once and not for every prompt: tiers, ids, who is avoided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import takewhile
from math import inf
from typing import Final

from routebook.config.values import Config, Route
from routebook.messages import Tier
from routebook.plan.evidence import Beta, prior

Parted = tuple[tuple[str, ...], tuple[str, ...]]
_MOST_KEPT: Final = 8
_MOST_TASKS: Final = 256
_kept: dict[int, Index] = {}
"""The indexes of the configs used last, by the config's identity: each holds its config, so an identity is never used twice."""


class Index:
    """Look-ups over one config."""

    __slots__ = ("_avoided", "_plain", "_practical", "_priors", "by_id", "config", "least_context", "of_provider", "tiers")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tiers: Mapping[str, Tier] = {name: config.tier(name) for name in config.models}
        self.least_context = min((model.context for model in config.models.values() if model.context is not None), default=inf)
        """Tokens that fit the windows of all models."""
        self._practical = sorted(
            (model.practical_context, name) for name, model in config.models.items() if model.practical_context is not None
        )
        """How long a prompt those handle well that say so."""
        self.by_id: dict[str, str] = {}
        """The first model with a provider's own id."""
        self.of_provider: dict[str, list[str]] = {name: [] for name in config.providers}
        for name, model in config.models.items():
            self.by_id.setdefault(model.id, name)
            self.of_provider.setdefault(model.provider, []).append(name)
        self._avoided: dict[str, frozenset[str]] = {}
        self._plain: dict[tuple[str, ...], Parted | None] = {}
        self._priors: dict[str, dict[str, Beta]] = {}

    def avoided(self, route: Route) -> frozenset[str]:
        """The models a route avoids, by their own names, their provider's, or a pool's they are in."""
        found = self._avoided.get(route.name)
        if found is None:
            pools = self.config.pools
            names = {model for name in route.avoid for model in (name, *self.of_provider.get(name, ()))}
            names.update(model for name in route.avoid if name in pools for model in pools[name].models)
            found = self._avoided[route.name] = frozenset(names)
        return found

    def crowded(self, tokens: int) -> Iterable[str]:
        """The models that a prompt of so many tokens is longer than they handle well."""
        return (name for limit, name in takewhile(lambda one: one[0] < tokens, self._practical))

    def plain(self, names: tuple[str, ...]) -> Parted | None:
        """As `parted`, the models that names stand for, each once, when none of them is a pool, whose order may change."""
        if names not in self._plain:
            config = self.config
            is_plain = all(name in config.models or (name not in config.pools and name not in config.providers) for name in names)
            models = dict.fromkeys(name if name in config.models else self.by_id.get(name, name) for name in names)
            self._plain[names] = self.parted(models) if is_plain else None
        return self._plain[names]

    def parted(self, names: Collection[str]) -> Parted:
        """The models of the config, and the names that are none."""
        models = self.config.models
        return tuple(name for name in names if name in models), tuple(name for name in names if name not in models)

    def priors(self, task: str) -> Mapping[str, Beta]:
        """What is expected of each model at a task before anything was learned."""
        found = self._priors.get(task)
        if found is None:
            found = self._priors[task] = {name: prior(model, task) for name, model in self.config.models.items()}
            if len(self._priors) > _MOST_TASKS:
                self._priors = {}
        return found


def index_of(config: Config) -> Index:
    """The index of a config, made when first asked for."""
    found = _kept.get(id(config))
    if found is None:
        found = Index(config)
        _kept[id(config)] = found
        while len(_kept) > _MOST_KEPT:
            _kept.pop(next(iter(_kept)), None)  # another thread may have been first
    return found
