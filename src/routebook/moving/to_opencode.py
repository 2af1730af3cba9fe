"""A `routing.toml` as OpenCode's `opencode.json`, as far as that can say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from routebook.config.keys import key_variable
from routebook.config.values import Config, Model
from routebook.moving.draft import Moved
from routebook.moving.missing import cannot_be_said

_COMPATIBLE: Final = "@ai-sdk/openai-compatible"
_NPM: Final = {"anthropic": "@ai-sdk/anthropic", "gemini": "@ai-sdk/google"}


def to_opencode(config: Config) -> Moved:
    """Return the `opencode.json` with the providers, models and agents of a config, and what it cannot say."""
    notes = cannot_be_said(config, keeps=("agents",))
    provider: dict[str, Any] = {}
    for name, entry in config.providers.items():
        models = {model: _entry(each) for model, each in config.models.items() if each.provider == name}
        base_url = entry.base_url or ("http://127.0.0.1:11434" if entry.kind == "ollama" else None)
        if entry.kind in ("embedded", "chaos"):
            notes.append(f"{name}: the kind {entry.kind!r} runs inside Routebook only.")
        elif entry.kind == "llamacpp":
            provider |= {_home(config, model): _server(model, config.models[model]) for model in models}
            notes.append(f"{name}: its servers must run already; OpenCode starts none.")
        elif models:
            variable = key_variable(entry)
            options = {
                "baseURL": f"{base_url}/v1" if entry.kind == "ollama" else base_url,
                "apiKey": f"{{env:{variable}}}" if variable else None,
            }
            provider[name] = {
                "npm": _NPM.get(entry.kind, _COMPATIBLE),
                "name": name,
                "options": {key: value for key, value in options.items() if value},
                "models": models,
            }
        elif entry.discover:
            notes.append(f"{name}: models that are discovered are not listed; OpenCode wants each by name.")
    data: dict[str, Any] = {"$schema": "https://opencode.ai/config.json", "provider": provider}
    first = next((model for name in config.routes[-1].try_ for model in _reached(config, name, provider)), None)
    if first:
        data["model"] = f"{_home(config, first)}/{first}"
    agents = {name: model for name, agent in config.agents.items() for model in _reached(config, agent.primary[0], provider)[:1]}
    notes.extend(
        f"{name}: a key of its own ({model.api_key_env}); OpenCode has one for each provider."
        for name, model in config.models.items()
        if model.api_key_env
    )
    if agents:
        data["agent"] = {name: {"model": f"{_home(config, model)}/{model}"} for name, model in agents.items()}
        notes.append("agents: OpenCode gives each one model; backups and budgets were left out.")
    return Moved(json.dumps(data, indent=2, ensure_ascii=False) + "\n", notes)


def _reached(config: Config, name: str, provider: Mapping[str, Any]) -> list[str]:
    names = config.pools[name].models if name in config.pools else (name,)
    return [model for model in names if model in config.models and _home(config, model) in provider]


def _home(config: Config, model: str) -> str:
    """The provider that a model has there: a llama.cpp server has an address of its own, and OpenCode one for each provider."""
    name = config.models[model].provider
    return f"{name}-{model}" if config.providers[name].kind == "llamacpp" else name


def _server(name: str, model: Model) -> dict[str, Any]:
    """A llama.cpp server as a provider."""
    options = {"baseURL": f"http://127.0.0.1:{model.port}/v1"}
    return {"npm": _COMPATIBLE, "name": name, "options": options, "models": {name: _entry(model)}}


def _entry(model: Model) -> dict[str, Any]:
    limit = {"context": model.context, "output": model.max_output}
    price = model.price
    said: dict[str, Any] = {"id": model.id, "name": model.id}
    if model.context and model.max_output:
        said["limit"] = limit
    if price:
        said["cost"] = {"input": float(price.input), "output": float(price.output)}
        if price.cached_input is not None:
            said["cost"]["cache_read"] = float(price.cached_input)
    if model.tools is not None:
        said["tool_call"] = model.tools
    return said
