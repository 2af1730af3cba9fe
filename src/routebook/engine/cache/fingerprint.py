"""When two requests are the same: the key of the cache, made of all that an answer depends on, and of nothing else.

It holds the messages (system, history and prompt, variables and files already in it), the parameters, and what the plan may try: the models by
provider, address, id and parameters, the knob, the tier, the wall, and the checks an answer has to pass. It does not hold what changes from one
moment to the next (which model cools down, whose turn it is in a pool, what a provider lists today), nor where and when it was asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from routebook.config.values import Config, Provider, Route
from routebook.engine.params import merged
from routebook.messages import Message, Params, Plan, ToolNote

EDITION: Final = 1
"""Goes up when the meaning of a key changes: older entries are then not found."""
_TO_BYTES: Final = msgspec.json.Encoder(order="sorted")


def fingerprint(config: Config, plan: Plan, route: Route) -> bytes | None:
    """The key of a plan's request, 32 bytes; `None` when something in it has no form as JSON (it can hardly be sent either)."""
    request = plan.request
    names = _names(config, plan, route)
    after = [*(route.on_refusal.try_ if route.on_refusal else ()), *(route.on_low_quality.try_ if route.on_low_quality else ())]
    parts = {
        "edition": EDITION,
        "messages": [_said(message) for message in request.messages],
        "params": _plain(request.params),
        "shape": f"{request.shape.__module__}.{request.shape.__qualname__}" if request.shape else None,
        "try": [_identity(config, name, request.params) for name in names],
        "after": [_identity(config, name, request.params) for name in after],
        "avoid": [] if request.model else sorted(route.avoid),
        "tier": request.tier,
        "local": plan.local,
        "checks": (route.on_refusal, route.on_low_quality),
        **({"quality": route.quality} if route.quality is not None and not request.model else {}),
        **({"tools": [_tool(config, note) for note in plan.tools]} if plan.tools else {}),
    }
    try:
        return hashlib.sha256(_TO_BYTES.encode(parts)).digest()
    except (TypeError, ValueError, RecursionError):
        return None


def _tool(config: Config, note: ToolNote) -> Any:  # noqa: ANN401  whatever JSON holds
    """What stands behind a tool."""
    return [note.name, note.own.spec if note.own is not None else config.tools[note.name]]


def _said(message: Message) -> tuple[Any, ...]:
    """A turn, with what was thought in it where that may go back."""
    return (message.role, message.content, *((message.by, message.echo) if message.echo else ()))


def _names(config: Config, plan: Plan, route: Route) -> Iterable[str]:
    """What the caller, the agent or the route wants tried, in order."""
    request = plan.request
    if request.model is not None:
        return (request.model,)
    agent = config.agents.get(request.agent or "")
    return route.try_ if agent is None else (*agent.primary, "then", *agent.backup, "then", *agent.tertiary)


def _identity(config: Config, name: str, asked: Params) -> Any:  # noqa: ANN401  whatever JSON holds
    """What stands behind a name; of a provider that lists its models the provider and those with an entry of their own, because its list changes."""
    if name in config.pools:
        pool = config.pools[name]
        knob = (pool.quality,) if pool.pick == "best" else ()
        return [name, [_identity(config, member, asked) for member in pool.models], *knob]
    provider, _, rest = name.partition("/")
    if provider in config.providers and config.providers[provider].discover:
        own = (
            []
            if rest
            else [entry for entry, model in config.models.items() if model.provider == provider and not entry.startswith(f"{provider}/")]
        )
        return [name, rest, _address(config.providers[provider]), *(_identity(config, entry, asked) for entry in own)]
    found = name if name in config.models else next((own for own, model in config.models.items() if model.id == name), None)
    if found is None:
        return name
    model = config.models[found]
    file = (model.gguf,) if model.gguf else ()
    return [found, model.id, model.provider, _address(config.providers[model.provider]), _plain(merged(asked, model)), *file]


def _address(provider: Provider) -> tuple[Any, ...]:
    return provider.kind, provider.base_url, provider.tier, provider.headers, provider.gguf


def _plain(params: Params) -> Mapping[str, Any]:
    """Parameters with equal numbers written alike: 0 and 0.0 are one temperature."""
    named = {field: getattr(params, field) for field in params.__struct_fields__}
    return {field: float(value) if field in ("temperature", "top_p") and value is not None else value for field, value in named.items()}
