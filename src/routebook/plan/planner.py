"""A request and its classification become a plan: what to try, in order, what was left out, and why. No I/O, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from routebook.config.values import Config, Pick, Route
from routebook.errors import UsageError
from routebook.messages import TIERS, Candidate, Classification, LeftOut, Message, Plan, Request, ToolLeftOut
from routebook.near import did_you_mean
from routebook.plan.candidates import candidates
from routebook.plan.choice import Choice
from routebook.plan.experiment import first_choice
from routebook.plan.index import Index, index_of
from routebook.plan.known import Known
from routebook.plan.match import choose_route, priority_of
from routebook.plan.pick import TYPICAL_OUTPUT, expected_cost, order
from routebook.plan.residence import residence_said
from routebook.plan.tools_at_hand import able, offered
from routebook.plan.winner import asks, winner_first
from routebook.text import estimate_tokens

_NONE: Final[frozenset[str]] = frozenset()
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

    def chosen(self) -> Iterable[Choice]:
        """Models in the order to try, before anything is left out; a sure winner by similar prompts first, where the route asks for it."""
        found, known, request = self.ordered(), self.known, self.request
        if request.model is not None or known.recall is None or self.route.quality == 0 or not asks(self.config, self.route):
            return found
        return winner_first(list(found), known, request.text, config=self.config, obstacle=self.obstacle)

    def ordered(self) -> Iterable[Choice]:
        """Yield models in the order that the request, its agent, an experiment or the route says."""
        request, agents, experiments = self.request, self.config.agents, self.config.experiments
        drawn = first_choice(experiments, self.known.verdicts, route=self.route.name, request_id=request.id) if experiments else None
        if request.model is not None:
            yield from self.expand(request.model, reason="you named it")
        elif request.agent is not None and request.agent in agents:
            agent = agents[request.agent]
            for rank, names in (("primary", agent.primary), ("backup", agent.backup), ("tertiary", agent.tertiary)):
                pool = f"{request.agent}.{rank}"
                yield from self.members(pool, names, pick=agent.pick, reason=f"{rank} of agent {request.agent}")
        elif drawn is not None:
            yield Choice(drawn[:1], drawn[1])
            yield from self.usual()
        else:
            yield from self.usual()

    def usual(self) -> Iterable[Choice]:
        """Yield the route's own models, in its own order."""
        if self.route.quality is not None:
            yield from self.members(None, self.route.try_, pick="best", reason="best of the route")
        else:
            models = self.config.models
            for position, name in enumerate(self.route.try_):
                reason = f"fallback {position}" if position else "first choice"
                if name in models:
                    yield Choice((name,), reason)
                else:
                    yield from self.expand(name, reason=reason)

    def expand(self, name: str, *, reason: str) -> Iterable[Choice]:
        """Turn a name (model, pool or provider) into its models, in order."""
        config = self.config
        if name in config.models:
            yield Choice((name,), reason)
        elif name in config.pools:
            pool = config.pools[name]
            yield from self.members(
                name, pool.models, pick=pool.pick, weights=pool.weights, quality=pool.quality, reason=f"{reason}, {pool.pick} of {name}"
            )
        elif name in config.providers:
            models = self.index.of_provider[name]
            if models:
                yield Choice(models, f"{reason}, found at {name}", are_known=True)
            else:
                yield Choice((name,), reason)  # left out by its own name, with the reason
        else:
            yield Choice((self.index.by_id.get(name, name),), reason)  # or of a discovering provider that does not have it

    def members(
        self, pool: str | None, names: Sequence[str], *, pick: Pick, weights: object = None, quality: float = 0.5, reason: str = ""
    ) -> Iterable[Choice]:
        """Order the models of a pool by its strategy."""
        homes: Mapping[str, str | None] = {}
        parted = self.index.plain(tuple(names))
        if parted is None:
            homes = self.homes(pool, names)
            parted = self.index.parted(homes)
        models, absent = parted
        if absent:
            yield Choice(absent, reason, pool, homes)
        if models:
            weighed = weights if isinstance(weights, dict) else {}
            ordered, whys = order(
                pool or "", models, pick=pick, weights=weighed, config=self.config, known=self.known, text=self.request.text,
                quality=quality if self.route.quality is None else self.route.quality,
                seen=self.seen, input_tokens=self.input_tokens, rng=self.rng,
            )  # fmt: skip
            yield Choice(ordered, reason, pool, homes, whys, are_known=True)

    def homes(self, pool: str | None, names: Sequence[str]) -> dict[str, str | None]:
        """The models that names stand for, in order, each with the pool it counts as a member of."""
        homes: dict[str, str | None] = {}
        for choice in (choice for name in names for choice in self.expand(name, reason="")):
            for model in choice.models:
                homes.setdefault(model, pool or choice.home(model))
        return homes

    def suspects(self) -> frozenset[str] | None:
        """The models of the config that there may be an obstacle to; `None` when that may be any."""
        if self.is_local or self.request.tier or self.input_tokens + self.room > self.index.least_context:
            return None
        if self.is_open:
            return _NONE
        known, of_provider = self.known, self.index.of_provider
        avoided = _NONE if self.request.model else self.index.avoided(self.route)
        return avoided.union(known.missing, known.outsized, *(of_provider.get(provider, ()) for provider in known.unusable))

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
        if reason := self.known.unusable.get(provider) or self.known.missing.get(name) or self.known.outsized.get(name):
            return reason
        if self.is_local and tier != "local":
            return f"nothing may leave the machine, and its tier is {tier}"
        if allowed is not None and TIERS.index(tier) > TIERS.index(allowed):
            return f"its tier is {tier}, and --tier {allowed} is the dearest allowed"
        if self.request.model is None and name in self.index.avoided(self.route):
            return f"route {self.route.name!r} avoids it"
        return None

    def candidate(self, name: str, choice: Choice, *, cooling_s: float) -> Candidate:
        """A model that can take the prompt."""
        state = self.known.states.get(name)
        typical = (state.output_tokens if state else None) or TYPICAL_OUTPUT
        cost = expected_cost(self.known.prices.get(name), input_tokens=self.input_tokens, output_tokens=typical)
        reason = choice.why(name)
        if self.known.residences and (said := residence_said(self.known, name)):
            reason = f"{reason}; {said}"
        if cooling_s:
            reason = f"{reason}; cools down for {cooling_s:.0f} s ({self.known.state(name).cooling_reason})"
        return Candidate(
            model=name,
            provider=self.config.models[name].provider,
            tier=self.index.tiers[name],
            pool=choice.home(name),
            reason=reason,
            expected_cost_usd=cost,
        )

    def sift(self, choices: Iterable[Choice]) -> tuple[Sequence[Candidate], tuple[LeftOut, ...]]:
        """Part the models that can take the prompt from those that cannot; the cooling and the crowded go to the end."""
        taken: dict[str, Choice] = {}
        left_out: dict[str, LeftOut] = {}
        used: list[Choice] = []
        suspects = self.suspects()
        for choice in choices:
            before = len(taken)
            doubtful = suspects if choice.are_known else None
            if doubtful is not None and not taken and doubtful.isdisjoint(choice.models):
                taken = dict.fromkeys(choice.models, choice)
                used.append(choice)
                continue
            for name in choice.models:
                if name in taken or name in left_out:
                    continue
                if (doubtful is None or name in doubtful) and (obstacle := self.obstacle(name)) is not None:
                    left_out[name] = LeftOut(model=name, reason=obstacle)
                else:
                    taken[name] = choice
            if len(taken) > before:
                used.append(choice)
        late = self.late(taken)
        names = list(taken)
        if late:
            names = [name for name in names if name not in late] + sorted((name for name in names if name in late), key=late.__getitem__)
        found = candidates(
            names,
            lambda name: self.candidate(name, taken[name], cooling_s=late[name][0] if name in late else 0.0),
            pools=lambda: set().union(*(choice.pools(taken) for choice in used)),
        )
        return found, tuple(left_out.values())

    def late(self, taken: Container[str]) -> Mapping[str, tuple[float, bool]]:
        """The models that are tried after the others: for how long each cools down, and whether the prompt is longer than it handles well."""
        known, tokens = self.known, self.input_tokens
        cooling = {name: known.cooling_s(name) for name, state in list(known.states.items()) if state.cooling_until and name in taken}
        crowded = [name for name in self.index.crowded(tokens) if name in taken]
        late = {name: (cooling_s, False) for name, cooling_s in cooling.items() if cooling_s}
        return late | {name: (cooling.get(name, 0.0), True) for name in crowded}


def make_plan(config: Config, request: Request, seen: Classification, *, known: Known, rng: random.Random) -> Plan:
    """Plan one request.

    Raises:
        UsageError: the request names a model, route, pipeline or agent that `config` does not have.
    """
    _check_names(config, request)
    draft = _draft(config, request, seen, known=known, rng=rng)
    candidates, left_out = draft.sift(draft.chosen())
    tools, tools_left_out = offered(config, request, draft.route, seen, is_local=draft.is_local)
    if tools:
        kept, out = able(config, candidates)
        if kept or request.tools:
            candidates, left_out = kept, (*left_out, *out)
        else:
            idle = [ToolLeftOut(name=note.name, reason="no model of the route calls tools") for note in tools]
            tools, tools_left_out = (), (*tools_left_out, *idle)
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
        tools=tools,
        tools_left_out=tools_left_out,
    )


def instead(config: Config, plan: Plan, names: Sequence[str], *, known: Known, rng: random.Random) -> Sequence[Candidate]:
    """The candidates for a reaction that names its own models (`on_refusal`, `on_low_quality`), under the plan's own wall and tier."""
    draft = _draft(config, plan.request, plan.classification, known=known, rng=rng)
    choices = (choice for name in names for choice in draft.expand(name, reason="named by the route's reaction"))
    found = draft.sift(choices)[0]
    return able(config, found)[0] if plan.tools else found


def _draft(config: Config, request: Request, seen: Classification, *, known: Known, rng: random.Random) -> _Draft:
    schema = request.params.json_schema
    input_tokens = sum(map(_tokens, request.messages)) + (estimate_tokens(str(schema)) if schema else 0)
    route, why = choose_route(config, request, seen, input_tokens=input_tokens)
    is_local = request.local or request.tier == "local" or route.local or bool(route.private)
    room = request.params.max_tokens or ANSWER_ROOM
    is_open = not (known.unusable or known.missing or known.outsized or is_local or request.tier or route.avoid)
    return _Draft(config, index_of(config), known, request, seen, route, why, input_tokens, is_local, rng, room, is_open)


def _tokens(message: Message) -> int:
    """Of a turn, with what was thought in it where that may go back."""
    return estimate_tokens(message.content) + (estimate_tokens(str(message.echo)) if message.echo else 0)


def _check_names(config: Config, request: Request) -> None:
    if request.model is not None:
        _check_name("model", request.model, [*config.models, *config.pools, *config.providers, *index_of(config).by_id])
    if request.route is not None:
        _check_name("route", request.route, [route.name for route in config.routes])
    if request.pipeline is not None:
        _check_name("pipeline", request.pipeline, list(config.pipelines))
    if request.agent is not None:
        _check_name("agent", request.agent, list(config.agents))


def _check_name(what: str, name: str, names: list[str]) -> None:
    if name not in names:
        raise UsageError(f"There is no {what} {name!r}. {did_you_mean(name, names)}".rstrip())
