"""What each table says must make sense in itself: names, addresses, key variables, ranges, budgets, kinds of provider."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from routebook.config.evaluation import check_evaluation
from routebook.config.keylike import is_keylike
from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.values import Budget, Config, Model, Pool, Provider, provider_tier
from routebook.config.wording import shown
from routebook.messages import TIERS

RESIDENT_KINDS: Final = ("ollama", "llamacpp")
"""Whose backends tell what is in memory (`backends/residents.py`)."""
PERIODS: Final = ("hourly", "daily", "weekly", "monthly")
_NAME: Final = re.compile(r"[^\s,\-\x00-\x1f\x7f](?:[^,\x00-\x1f\x7f]*[^\s,\x00-\x1f\x7f])?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_START: Final = re.compile(r"(?:sk|pk|gsk|hf|nvapi|csk|xai|tvly)[-_]|AIza|eyJ")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie")
_CHECKS: Final = ("non_empty", "complete", "json", "schema")


def make_sense(config: Config, *, problems: Problems) -> None:
    """Add a problem for each table that contradicts itself or what it belongs to."""
    _names(config, problems)
    _place(("books", "path"), config.books.path, problems)
    check_evaluation(config.evaluation, problems=problems)
    if config.alerts.webhook_env is not None:
        check_variable(("alerts", "webhook_env"), config.alerts.webhook_env, problems)
    for name, provider in config.providers.items():
        _provider(("providers", name), provider, problems)
    for name, model in config.models.items():
        _model(("models", name), model, config, problems)
    for name, pool in config.pools.items():
        _weights(("pools", name, "weights"), pool, problems)
    budgets: list[tuple[KeyPath, Budget | None]] = [(("budgets", scope), budget) for scope, budget in config.budgets.items()]
    budgets += [(("agents", name, "budget"), agent.budget) for name, agent in config.agents.items()]
    for path, each in budgets:
        if each is not None:
            _budget(path, each, problems)
    for at, route in enumerate(config.routes):
        if route.on_low_quality is not None:
            _quality_check(("routes", at, "on_low_quality", "check"), route.on_low_quality.check, problems)


def name_problem(name: str) -> str:
    """Why a name cannot be typed in a cell; empty when it can."""
    if _NAME.fullmatch(name):
        return ""
    return "is no name: one has no comma, no line break, no space at its ends, and does not begin with a hyphen."


def _names(config: Config, problems: Problems) -> None:
    """One name, one thing: `-m NAME` and `try` must not have to guess."""
    tables = {"providers": config.providers, "models": config.models, "pools": config.pools, "agents": config.agents, "tasks": config.tasks}
    for table, entries in tables.items():
        for name in entries:
            what = name_problem(name)
            if not what and table != "tasks" and name in ("total", "notebook", *TIERS):
                what = "names a budget that every file can have (total, notebook and the tiers)."
            if what:
                problems.add((table, name), what)
    for name in config.pools:
        if name in config.models:
            problems.add(("pools", name), "is a model's name too.", hint="Give one of them another name.")
    for table, names in (("models", config.models), ("pools", config.pools)):
        for name in names:
            provider, slash, _ = name.partition("/")
            if provider in config.providers and config.providers[provider].discover:
                kind = "the name of one of that provider's models" if slash else "the name of a provider that discovers its models"
                problems.add((table, name), f"is {kind} too.", hint="Give it another name.")


def _provider(path: KeyPath, provider: Provider, problems: Problems) -> None:
    kind = provider.kind
    if not problems.is_told((*path, "kind")):
        if provider.chaos is not None and kind != "chaos":
            problems.add((*path, "chaos"), f'belongs to kind = "chaos"; this one is {shown(kind)}.')
        if provider.gguf is not None and kind != "embedded":
            problems.add((*path, "gguf"), f'belongs to kind = "embedded"; this one is {shown(kind)}.')
        if kind in ("embedded", "chaos", "llamacpp"):
            for key in ("base_url",) if kind == "llamacpp" else ("base_url", "api_key_env"):
                if getattr(provider, key) is not None:
                    problems.add((*path, key), f"means nothing for kind = {shown(kind)}: it runs on this machine.", hint="Remove it.")
        _memory(path, provider, problems)
    _place((*path, "gguf"), provider.gguf, problems)
    if provider.base_url is not None:
        check_address((*path, "base_url"), provider.base_url, problems)
    if provider.api_key_env is not None:
        check_variable((*path, "api_key_env"), provider.api_key_env, problems)
    for name, value in provider.headers.items():
        _header((*path, "headers", name), name, value, problems)


def _memory(path: KeyPath, provider: Provider, problems: Problems) -> None:
    """Only who runs models on this machine can say what is loaded, and unload it."""
    for key in ("max_loaded", "memory_gb"):
        if getattr(provider, key) is not None and provider.kind not in RESIDENT_KINDS:
            kinds = " or ".join(map(shown, RESIDENT_KINDS))
            problems.add((*path, key), f"is for models that are loaded on demand (kind = {kinds}); this one is {shown(provider.kind)}.")
    if provider.pull and provider.kind != "ollama":
        problems.add((*path, "pull"), f'belongs to kind = "ollama"; this one is {shown(provider.kind)}.')


def _place(path: KeyPath, place: str | None, problems: Problems) -> None:
    if place is not None and not (place.strip() and place.isprintable()):
        problems.add(path, f"expected the path of a file, got {shown(place)}.")


def check_address(path: KeyPath, url: str, problems: Problems) -> None:
    """Add a problem for what is no plain http address, or holds a secret."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port or a bracket that is none
        parts, is_address = urlsplit(""), False
    if "@" in parts.netloc:
        problems.add(path, "holds a name or password before the @ (not shown here).", hint="Keys stay in the environment: use api_key_env.")
    elif not is_address or not url.isprintable() or " " in url:
        problems.add(path, f"expected an address such as https://api.example.com/v1, got {shown(url)}.")
    elif parts.query or parts.fragment:
        problems.add(path, "has something after ? or # (not shown here).", hint="Give the address alone; keys stay in the environment.")


def check_variable(path: KeyPath, name: str, problems: Problems) -> None:
    """Add a problem for what is no name of a variable: it may be a key."""
    hint = 'Put the key in the environment or in ~/.env, and its variable\'s name here: api_key_env = "GROQ_API_KEY".'
    if _KEY_START.match(name) or is_keylike(name):
        problems.add(path, "looks like an API key itself, not like the name of a variable (it is not shown here).", hint=hint)
    elif not _VARIABLE.fullmatch(name):
        problems.add(path, "is not the name of a variable: letters, digits and underscores only (it is not shown here).", hint=hint)


def _header(path: KeyPath, name: str, value: str, problems: Problems) -> None:
    if name.lower() in _SECRET_HEADERS:
        problems.add(path, "would hold a key, and keys stay in the environment.", hint="Use api_key_env.")
    elif not _HEADER.fullmatch(name):
        problems.add(path, "is no name of a header: letters, digits and hyphens only.")
    elif not (value.isascii() and value.isprintable()):
        problems.add(path, "cannot be sent: a header holds plain ASCII on one line.")


def _model(path: KeyPath, model: Model, config: Config, problems: Problems) -> None:
    if model.context is not None:
        for key in ("practical_context", "max_output"):
            size = getattr(model, key)
            if size is not None and size > model.context:
                problems.add((*path, key), f"is {size}, more than the whole window (context = {model.context}).")
    if model.max_batch is not None and model.batch is not None and model.batch > model.max_batch:
        problems.add((*path, "batch"), f"is {model.batch}, more than max_batch = {model.max_batch}.")
    soft_s, total_s = model.timeout.soft_s, model.timeout.total_s
    if soft_s is not None and soft_s > total_s:
        problems.add((*path, "timeout", "soft_s"), f"is {soft_s:g}, later than the attempt's end (total_s = {total_s:g}).")
    if model.api_key_env is not None:
        check_variable((*path, "api_key_env"), model.api_key_env, problems)
    provider = config.providers.get(model.provider)
    most_gb = provider.memory_gb if provider is not None and problems.is_clean(("providers", model.provider)) else None
    if most_gb is not None and model.memory_gb is not None and model.memory_gb > most_gb:
        what = f"is {model.memory_gb:g}, more than all models of {shown(model.provider)} may take (memory_gb = {most_gb:g}): it is never loaded."
        problems.add((*path, "memory_gb"), what)
    if model.warm and provider is not None and provider_tier(provider) != "local" and problems.is_clean(("providers", model.provider)):
        problems.add((*path, "warm"), f"is for models on this machine; the tier of {shown(model.provider)} is {provider_tier(provider)}.")
    if model.chaos is not None and provider is not None and provider.kind != "chaos" and problems.is_clean(("providers", model.provider)):
        problems.add(
            (*path, "chaos"), f'belongs to models of a kind = "chaos" provider; {shown(model.provider)} is {shown(provider.kind)}.'
        )


def _weights(path: KeyPath, pool: Pool, problems: Problems) -> None:
    if problems.is_told((*path[:-1], "pick")):
        return
    if pool.weights and pool.pick != "weighted":
        problems.add(path, f"counts for nothing with pick = {shown(pool.pick)}.", hint='Write pick = "weighted".')
    elif pool.weights and not any(pool.weights.get(member, 1.0) for member in pool.models):
        problems.add(path, "gives no model of the pool more than 0.")


def _budget(path: KeyPath, budget: Budget, problems: Problems) -> None:
    if not problems.is_clean(path):
        return
    caps = [(period, cap) for period in PERIODS if (cap := getattr(budget, period)) is not None]
    if not caps:
        problems.add(path, "caps nothing.", hint="Give hourly, daily, weekly or monthly, as in { daily = 5.00 }.")
    elif budget.alerts and budget.alerts[-1] > caps[0][1]:
        period, cap = caps[0]
        problems.add(
            (*path, "alert"), f"is ${budget.alerts[-1]}, which the {period} cap of ${cap} never lets through.", hint="Put it below the cap."
        )


def _quality_check(path: KeyPath, check: str, problems: Problems) -> None:
    if what := check_problem(check):
        problems.add(path, what)


def check_problem(check: str) -> str:
    """Why a text names no check of an answer; empty when it does."""
    module, colon, function = check.partition(":")
    is_function = bool(colon) and all(part.isidentifier() for part in (*module.split("."), function))
    return "" if check in _CHECKS or is_function else f"expected {', '.join(_CHECKS)} or module:function, got {shown(check)}."
