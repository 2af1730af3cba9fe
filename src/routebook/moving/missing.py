"""What of a `routing.toml` another tool has no words for."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from routebook.config.values import Config, Route

_CONDITIONS = ("tasks", "complexity", "strength", "needs_tools", "min_tokens", "max_tokens", "min_files", "agent", "private", "local")
_REACTIONS = ("on_rate_limit", "on_timeout", "on_refusal", "on_low_quality")


def cannot_be_said(config: Config, *, keeps: Collection[str] = ()) -> list[str]:
    """The parts of a config that are left behind, for people to read; `keeps` are tables that the target has."""
    notes = [note for route in config.routes[:-1] if (note := _route(route))]
    if any(getattr(route, key) is not None for route in config.routes for key in _REACTIONS):
        notes.append("on_rate_limit, on_timeout, on_refusal, on_low_quality: what a route does after a failure.")
    for table, what in (("tasks", "tasks of your own"), ("agents", "agents"), ("pools", "pools"), ("pipelines", "pipelines")):
        if table not in keeps and getattr(config, table):
            notes.append(f"{what}: {', '.join(getattr(config, table))}.")
    notes.extend(f"pools.{name}.tokens: an allowance that several models share." for name, pool in config.pools.items() if pool.tokens)
    limited = [name for name, model in config.models.items() if model.rpd or model.tpd]
    if limited:
        notes.append(f"limits a day (rpd, tpd): {', '.join(limited)}.")
    profiled = [name for name, model in config.models.items() if model.rubric or model.speed or model.memory_gb]
    if profiled:
        notes.append(f"profiles (rubric, speed, memory_gb): {', '.join(profiled)}.")
    if config.defaults.memory or any(route.memory for route in config.routes):
        notes.append("memory: a model that did well on similar prompts goes first.")
    if config.cache.ttl_s or config.cache.tasks or any(route.cache for route in config.routes):
        notes.append("cache: lives of answers by task and route.")
    return notes


def _route(route: Route) -> str:
    plain = Route(name=route.name)
    said = [key for key in _CONDITIONS if getattr(route, key) != getattr(plain, key)]
    fields = {field.name: field.encode_name for field in msgspec.structs.fields(Route)}
    return f"routes.{route.name}: prompts are not chosen by {', '.join(fields[key] for key in said)}." if said else ""
