"""A request and its classification become a plan: what to try, in order, what was left out, and why. No I/O, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from routebook.config.values import Config, Pick, Route
from routebook.errors import UsageError
from routebook.messages import TIERS, Candidate, Classification, LeftOut, Plan, Request
from routebook.near import did_you_mean
from routebook.plan.index import Index, index_of
from routebook.plan.known import Known
from routebook.plan.match import choose_route, priority_of
from routebook.plan.pick import TYPICAL_OUTPUT, expected_cost, order
from routebook.text import estimate_tokens

ANSWER_ROOM = 256
"""Tokens of a model's window kept free for the answer when the request does not say how long it may be."""


@dataclass(slots=True)
class _Draft:
    """A plan in the making."""

    config: Config
    index: Index
    known: Known
    request: Request
    seen: Classification
    route: Route
    route_reason: str
    input_tokens: int
    is_local: bool
    rng: random.Random
    room: int
    """Tokens kept free for the answer."""
    is_open: bool
    """Nothing shuts a model out but its window: most prompts give no other reason."""

    def chosen(self) -> Iterable[tuple[str, str | None, str]]:
        """Yield `(model, pool, reason)` in the order to try, before anything is left out."""
        request, agents = self.request, self.config.agents
        if request.model is not None:
            yield from self.expand(request.model, reason="you named it")
        elif request.agent is not None and request.agent in agents:
            agent = agents[request.agent]
            for rank, names in (("primary", agent.primary), ("backup", agent.backup), ("tertiary", agent.tertiary)):
                pool = f"{request.agent}.{rank}"
                yield from self.members(pool, names, pick=agent.pick, reason=f"{rank} of agent {request.agent}")
        elif self.route.quality is not None:
            yield from self.members(None, self.route.try_, pick="best", reason="best of the route")
        else:
            models = self.config.models
            for position, name in enumerate(self.route.try_):
                reason = f"fallback {position}" if position else "first choice"
                if name in models:
                    yield name, None, reason
                else:
                    yield from self.expand(name, reason=reason)

    def expand(self, name: str, *, reason: str) -> Iterable[tuple[str, str | None, str]]:
        """Turn a name (model, pool or provider) into its models, in order."""
        config = self.config
        if name in config.models:
            yield name, None, reason
        elif name in config.pools:
            pool = config.pools[name]
            yield from self.members(
                name, pool.models, pick=pool.pick, weights=pool.weights, quality=pool.quality, reason=f"{reason}, {pool.pick} of {name}"
            )
        elif name in config.providers:
            models = self.index.of_provider[name]
            yield from ((model, None, f"{reason}, found at {name}") for model in models)
            if not models:
                yield name, None, reason  # left out by its own name, with the reason
        elif (model := self.index.by_id.get(name)) is not None:
            yield model, None, reason
        else:
            yield name, None, reason  # of a discovering provider that does not have it

    def members(
        self, pool: str | None, names: Sequence[str], *, pick: Pick, weights: object = None, quality: float = 0.5, reason: str = ""
    ) -> Iterable[tuple[str, str | None, str]]:
        """Order the models of a pool by its strategy."""
        homes = self.homes(pool, names)
        models = [model for model in homes if model in self.config.models]
        if len(models) < len(homes):
            yield from ((model, pool, reason) for model in homes if model not in self.config.models)
        if models:
            weighed = weights if isinstance(weights, dict) else {}
            ordered = order(
                pool or "", models, pick=pick, weights=weighed, config=self.config, known=self.known, text=self.request.text,
                quality=quality if self.route.quality is None else self.route.quality,
                seen=self.seen, input_tokens=self.input_tokens, rng=self.rng,
            )  # fmt: skip
            yield from [(model, homes[model], f"{reason}: {why}" if why else reason) for model, why in ordered]

    def homes(self, pool: str | None, names: Sequence[str]) -> dict[str, str | None]:
        """The models that names stand for, in order, each with the pool it counts as a member of."""
        if (plain := self.index.plain(tuple(names))) is not None:
            return dict.fromkeys(plain, pool)
        homes: dict[str, str | None] = {}
        for name in names:
            for model, inner, _ in self.expand(name, reason=""):
                homes.setdefault(model, pool or inner)
        return homes

    def obstacle(self, name: str) -> str | None:
        """Why a model cannot take the prompt, or `None`."""
        model = self.config.models.get(name)
        if model is None:
            return self.known.absent(name, provider=name.partition("/")[0])
        if not self.is_open and (reason := self.shut(name, model.provider)):
            return reason
        if model.context is not None and self.input_tokens + self.room > model.context:
            return f"about {self.input_tokens} tokens and {self.room} for the answer do not fit its window of {model.context}"
        return None

    def shut(self, name: str, provider: str) -> str | None:
        """Why a model may not be asked, whatever the prompt's length, or `None`."""
        tier, allowed = self.index.tiers[name], self.request.tier
        if reason := self.known.unusable.get(provider) or self.known.missing.get(name):
            return reason
        if self.is_local and tier != "local":
            return f"nothing may leave the machine, and its tier is {tier}"
        if allowed is not None and TIERS.index(tier) > TIERS.index(allowed):
            return f"its tier is {tier}, and --tier {allowed} is the dearest allowed"
        if self.request.model is None and name in self.index.avoided(self.route):
            return f"route {self.route.name!r} avoids it"
        return None

    def candidate(self, name: str, pool: str | None, reason: str) -> Candidate:
        """A model that can take the prompt."""
        state = self.known.states.get(name)
        typical = (state.output_tokens if state else None) or TYPICAL_OUTPUT
        cost = expected_cost(self.known.prices.get(name), input_tokens=self.input_tokens, output_tokens=typical)
        if state is not None and (cooling_s := self.known.cooling_s(name)):
            reason = f"{reason}; cools down for {cooling_s:.0f} s ({self.known.state(name).cooling_reason})"
        return Candidate(
            model=name,
            provider=self.config.models[name].provider,
            tier=self.index.tiers[name],
            pool=pool,
            reason=reason,
            expected_cost_usd=cost,
        )

    def is_crowded(self, name: str) -> bool:
        """True when the prompt is longer than the model handles well."""
        practical = self.config.models[name].practical_context
        return practical is not None and self.input_tokens > practical

    def sift(self, choices: Iterable[tuple[str, str | None, str]]) -> tuple[tuple[Candidate, ...], tuple[LeftOut, ...]]:
        """Part the models that can take the prompt from those that cannot; the cooling and the crowded go to the end."""
        taken: dict[str, Candidate] = {}
        left_out: dict[str, LeftOut] = {}
        for name, pool, reason in choices:
            if name in taken or name in left_out:
                continue
            if (obstacle := self.obstacle(name)) is not None:
                left_out[name] = LeftOut(model=name, reason=obstacle)
            else:
                taken[name] = self.candidate(name, pool, reason)
        known, has_states = self.known, bool(self.known.states)
        late = {
            name for name in taken if (has_states and known.cooling_s(name)) or (name in self.index.practical and self.is_crowded(name))
        }
        if late:
            rank = {name: (self.known.cooling_s(name), self.is_crowded(name)) for name in late}
            taken = {name: taken[name] for name in sorted(taken, key=lambda name: rank.get(name, (0.0, False)))}
        return tuple(taken.values()), tuple(left_out.values())


def make_plan(config: Config, request: Request, seen: Classification, *, known: Known, rng: random.Random) -> Plan:
    """Plan one request.

    Raises:
        UsageError: the request names a model, route or agent that `config` does not have.
    """
    _check_names(config, request)
    draft = _draft(config, request, seen, known=known, rng=rng)
    candidates, left_out = draft.sift(draft.chosen())
    return Plan(
        request=request,
        classification=seen,
        route=draft.route.name,
        route_reason=draft.route_reason,
        candidates=candidates,
        left_out=left_out,
        input_tokens=draft.input_tokens,
        local=draft.is_local,
        priority=priority_of(draft.route, request),
        deadline_s=request.deadline_s or config.defaults.deadline_s,
        max_attempts=config.defaults.max_attempts,
    )


def instead(config: Config, plan: Plan, names: Sequence[str], *, known: Known, rng: random.Random) -> tuple[Candidate, ...]:
    """The candidates for a reaction that names its own models (`on_refusal`, `on_low_quality`), under the plan's own wall and tier."""
    draft = _draft(config, plan.request, plan.classification, known=known, rng=rng)
    choices = (choice for name in names for choice in draft.expand(name, reason="named by the route's reaction"))
    return draft.sift(choices)[0]


def _draft(config: Config, request: Request, seen: Classification, *, known: Known, rng: random.Random) -> _Draft:
    schema = request.params.json_schema
    input_tokens = sum(estimate_tokens(message.content) for message in request.messages) + (estimate_tokens(str(schema)) if schema else 0)
    route, why = choose_route(config, request, seen, input_tokens=input_tokens)
    is_local = request.local or request.tier == "local" or route.local or bool(route.private)
    room = request.params.max_tokens or ANSWER_ROOM
    is_open = not (known.unusable or known.missing or is_local or request.tier or route.avoid)
    return _Draft(config, index_of(config), known, request, seen, route, why, input_tokens, is_local, rng, room, is_open)


def _check_names(config: Config, request: Request) -> None:
    if request.model is not None:
        _check_name("model", request.model, [*config.models, *config.pools, *config.providers, *index_of(config).by_id])
    if request.route is not None:
        _check_name("route", request.route, [route.name for route in config.routes])
    if request.agent is not None:
        _check_name("agent", request.agent, list(config.agents))


def _check_name(what: str, name: str, names: list[str]) -> None:
    if name not in names:
        raise UsageError(f"There is no {what} {name!r}. {did_you_mean(name, names)}".rstrip())
