"""OpenCode's `opencode.json`: its providers, models and agents as a `routing.toml`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from routebook.errors import UsageError
from routebook.moving.draft import Draft, Moved
from routebook.moving.services import SERVICES, Service, is_here, tier_of

_KINDS: Final = {
    "@ai-sdk/openai-compatible": "openai",
    "@ai-sdk/openai": "openai",
    "@openrouter/ai-sdk-provider": "openai",
    "@ai-sdk/groq": "openai",
    "@ai-sdk/mistral": "openai",
    "@ai-sdk/cerebras": "openai",
    "@ai-sdk/anthropic": "anthropic",
    "@ai-sdk/google": "gemini",
}
"""What an npm package speaks."""
_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING: Final = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_VARIABLE: Final = re.compile(r"\{env:(\w+)\}")
_MOVED: Final = ("$schema", "provider", "model", "small_model", "agent")


def from_opencode(text: str) -> Moved:
    """Read an `opencode.json` (comments and trailing commas too) and return the `routing.toml` that says the same.

    Raises:
        UsageError: it is not such a file.
    """
    data = _read(text)
    draft = Draft("opencode.json")
    for name, provider in _table(data, "provider").items():
        if isinstance(provider, dict):
            _provider(draft, str(name), provider)
    if not draft.models:
        raise UsageError("This opencode.json names no model that Routebook can call. Its `provider` table should have models in it.")
    _choices(draft, data)
    for key in data:
        if key not in _MOVED:
            draft.note(f"{key} has no place in a routing.toml.")
    return draft.done()


def _read(text: str) -> dict[str, Any]:
    plain = _TRAILING.sub(lambda found: found[1] or "", _COMMENT.sub(lambda found: found[1] or "", text))
    try:
        data = json.loads(plain)
    except ValueError as error:
        raise UsageError(f"This is not JSON: {error}. Expected the opencode.json of OpenCode.") from error
    if not isinstance(data, dict):
        raise UsageError("This is JSON, but not a table. Expected the opencode.json of OpenCode.")
    return data


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _provider(draft: Draft, name: str, stated: Mapping[str, Any]) -> None:
    """One provider with its models."""
    options, known = _table(stated, "options"), SERVICES.get(name)
    npm = stated.get("npm")
    kind = _KINDS.get(str(npm)) if npm else known.kind if known else None
    if kind is None:
        draft.note(f"{name}: {npm or 'without an npm package'} speaks no protocol that Routebook knows, so it was left out.")
        return
    base_url = options.get("baseURL") or (known.base_url if known else None)
    models = {str(key): model for key, model in _table(stated, "models").items() if isinstance(model, dict)}
    is_free = bool(models) and all(_is_free(key, model) for key, model in models.items())
    draft.providers[name] = {
        "kind": kind,
        "base_url": base_url.rstrip("/") if isinstance(base_url, str) else None,
        "api_key_env": _key(draft, name, options.get("apiKey"), known, is_far=not is_here(base_url)),
        "tier": tier_of(kind, base_url, is_free=is_free),
        "headers": draft.headers(name, options.get("headers")),
    }
    for key, model in models.items():
        draft.models[draft.name(key, draft.models, other=name)] = _model(name, key, model, options)


def _is_free(key: str, model: Mapping[str, Any]) -> bool:
    cost = _table(model, "cost")
    return key.endswith(("-free", ":free")) or (bool(cost) and not any(cost.values()))


def _key(draft: Draft, name: str, stated: object, known: Service | None, *, is_far: bool) -> str | None:
    if isinstance(stated, str) and (found := _VARIABLE.search(stated)):
        return found[1]
    if not stated and known is None and is_far:
        return draft.kept_elsewhere(name)
    return draft.variable(name, stated, usual=known.key if known else None)


def _model(provider: str, key: str, stated: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    limit, cost, own = _table(stated, "limit"), _table(stated, "cost"), _table(stated, "options")
    price = {"input": cost.get("input"), "output": cost.get("output"), "cached_input": cost.get("cache_read")}
    times = {"total_s": options.get("timeout"), "first_token_s": options.get("headerTimeout"), "idle_s": options.get("chunkTimeout")}
    return {
        "provider": provider,
        "id": stated.get("id") or key,
        "context": limit.get("context"),
        "max_output": limit.get("output"),
        "tools": stated.get("tool_call"),
        "price": price if price["input"] is not None and price["output"] is not None else None,
        "timeout": {name: ms / 1000 for name, ms in times.items() if isinstance(ms, (int, float)) and not isinstance(ms, bool) and ms > 0},
        "params": {name: own[name] for name in ("temperature", "top_p") if isinstance(own.get(name), (int, float))},
    }


def _choices(draft: Draft, data: Mapping[str, Any]) -> None:
    """The default model first, a small model for what is simple, agents with their own."""
    order = draft.cheapest_first(list(draft.models))
    small, main = _named(draft, data.get("small_model")), _named(draft, data.get("model"))
    if small:
        draft.routes.append({"name": "simple", "complexity": [0, 3], "try": _first(small, order)})
    draft.routes.append({"name": "chat", "try": _first(main, order) if main else order})
    draft.defaults["route"] = "chat"
    for name, agent in _table(data, "agent").items():
        model = _named(draft, agent.get("model")) if isinstance(agent, dict) else None
        if model:
            draft.agents[draft.name(str(name), draft.agents)] = {"primary": [model], "backup": [other for other in order if other != model]}
            draft.note(f"Of the agent {name} only the model was taken over; its prompt goes into --system.")
        else:
            draft.note(f"The agent {name} names no model of its own and was left out.")


def _first(model: str, order: list[str]) -> list[str]:
    return [model, *(other for other in order if other != model)]


def _named(draft: Draft, stated: object) -> str | None:
    """The model that `provider/model` means."""
    provider, _, key = str(stated or "").partition("/")
    for name, model in draft.models.items():
        if model["provider"] == provider and (name in (key, f"{provider}-{key}") or model["id"] == key):
            return name
    if stated:
        draft.note(f"{stated} is the model of a provider that was left out.")
    return None
