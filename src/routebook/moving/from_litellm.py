"""LiteLLM's YAML, of its proxy or its Router, as a `routing.toml`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from routebook.errors import UsageError
from routebook.moving.draft import Draft, Moved
from routebook.moving.services import SERVICES, Service, tier_of

_PICKS: Final = {
    "simple-shuffle": "random",
    "least-busy": "least-busy",
    "usage-based-routing": "least-busy",
    "usage-based-routing-v2": "least-busy",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
}
_VARIABLE: Final = "os.environ/"
_SAME: Final = ("rpm", "tpm")
_PERIODS: Final = {"1h": "hourly", "1d": "daily", "24h": "daily", "7d": "weekly", "30d": "monthly", "1mo": "monthly"}
_MILLION: Final = Decimal(1_000_000)
_BY_ITSELF: Final = {
    "context_window_fallbacks": "a prompt goes to a model whose window it fits, by itself",
    "cooldown_time": "cooldowns are as long as the provider says, else they grow",
    "allowed_fails": "a failing model is left alone after each failure, for longer each time",
    "cache": "kept answers: [cache] with ttl_s",
    "num_retries": "retries after a timeout: on_timeout = { retries = N } on a route or in [defaults]",
}


def from_litellm(text: str) -> Moved:
    """Read a LiteLLM config and return the `routing.toml` that says the same.

    Raises:
        UsageError: it is not such a file.
    """
    data = _read(text)
    draft = Draft("LiteLLM's config")
    groups: dict[str, list[str]] = defaultdict(list)
    for entry in data.get("model_list") or ():
        if isinstance(entry, dict) and isinstance(entry.get("litellm_params"), dict):
            name = _deployment(draft, entry)
            if name is not None:
                groups[str(entry.get("model_name") or name)].append(name)
    if not groups:
        raise UsageError("This config has no model in model_list that Routebook can call.")
    settings = _table(data, "litellm_settings") | _table(data, "router_settings")
    _pools(draft, groups, settings)
    _routes(draft, groups, settings)
    _money(draft, settings)
    _rest(draft, data, settings)
    return draft.done()


def _read(text: str) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"This is not YAML: {error}. Expected a LiteLLM config with a model_list.") from error
    if not isinstance(data, dict) or not isinstance(data.get("model_list"), list):
        raise UsageError("This YAML has no model_list. Expected a LiteLLM config.")
    return data


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _deployment(draft: Draft, entry: Mapping[str, Any]) -> str | None:
    """One deployment as a model; its provider is made where there is none like it yet."""
    params, info = entry["litellm_params"], _table(entry, "model_info")
    prefix, slash, model_id = str(params.get("model") or "").partition("/")
    prefix, model_id = (prefix, model_id) if slash else (str(params.get("custom_llm_provider") or "openai"), prefix)
    service = SERVICES.get(prefix) or (Service("openai", None, None) if params.get("api_base") else None)
    if service is None or not model_id:
        draft.note(
            f"{params.get('model')}: Routebook has no backend for {prefix!r}, so it was left out. It needs an OpenAI-compatible address."
        )
        return None
    provider = _provider(draft, prefix, params, service)
    name = draft.name(str(entry.get("model_name") or model_id), draft.models, other=provider)
    draft.models[name] = _model(provider, model_id, params, info, entry)
    return name


def _provider(draft: Draft, prefix: str, params: Mapping[str, Any], service: Service) -> str:
    base_url = params.get("api_base") or params.get("base_url") or service.base_url
    stated = params.get("api_key")
    is_named = isinstance(stated, str) and stated.startswith(_VARIABLE)
    key = str(stated).removeprefix(_VARIABLE) if is_named else None
    wanted = {
        "kind": service.kind,
        "base_url": str(base_url).rstrip("/") if base_url and not str(base_url).startswith(_VARIABLE) else None,
        "api_key_env": key or (draft.variable(prefix, stated, usual=service.key) if stated else service.key),
        "tier": tier_of(service.kind, base_url),
    }
    if str(base_url).startswith(_VARIABLE):
        draft.note(f"{prefix}: its address stands in the variable {str(base_url).removeprefix(_VARIABLE)}; write it into base_url.")
    same = next((name for name, provider in draft.providers.items() if provider == wanted), None)
    name = same or draft.name(prefix, draft.providers, other="litellm")
    draft.providers[name] = wanted
    return name


def _model(provider: str, model_id: str, params: Mapping[str, Any], info: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    def price(key: str) -> float | None:
        each = params.get(key, info.get(key))
        return float(Decimal(str(each)) * _MILLION) if each is not None else None

    costs = {
        "input": price("input_cost_per_token"), "output": price("output_cost_per_token"), "cached_input": price("cache_read_input_token_cost"),
    }  # fmt: skip
    limits = {key: params.get(key, entry.get(key)) for key in _SAME}
    return {
        "provider": provider,
        "id": model_id,
        "context": info.get("max_input_tokens"),
        "max_output": info.get("max_output_tokens") or info.get("max_tokens"),
        "max_concurrent": params.get("max_parallel_requests"),
        **limits,
        "tools": info.get("supports_function_calling"),
        "price": costs if costs["input"] is not None and costs["output"] is not None else None,
        "timeout": {"total_s": params.get("timeout"), "idle_s": params.get("stream_timeout")},
        "params": {key: params.get(key) for key in ("max_tokens", "temperature", "top_p", "seed")},
    }


def _pools(draft: Draft, groups: Mapping[str, list[str]], settings: Mapping[str, Any]) -> None:
    """A group of several deployments is a pool."""
    strategy = str(settings.get("routing_strategy") or "simple-shuffle")
    if strategy not in _PICKS:
        draft.note(f"routing_strategy {strategy!r} has no counterpart; the pools pick at random.")
    for group, names in groups.items():
        if len(names) > 1:
            name = draft.name(group if group not in draft.models else f"{group}-pool", draft.models | draft.pools)
            draft.pools[name] = {"models": names, "pick": _PICKS.get(strategy, "random")}
            draft.note(f"The group {group} is the pool {name}.")


def _routes(draft: Draft, groups: Mapping[str, list[str]], settings: Mapping[str, Any]) -> None:
    """One route: the first group with its fallbacks, then the others. Other groups' fallbacks are pools to be named."""
    named = {
        group: next((pool for pool, entry in draft.pools.items() if entry["models"] == names), names[0]) for group, names in groups.items()
    }
    fallbacks = _fallbacks(settings)
    first = next(iter(groups))
    then = [named[group] for group in fallbacks.get(first, ()) if group in named]
    rest = [name for group, name in named.items() if group != first and name not in then]
    draft.routes.append({"name": "chat", "try": [named[first], *then, *rest]})
    draft.defaults["route"] = "chat"
    for group, others in fallbacks.items():
        chain = [model for each in (group, *others) for model in groups.get(each, ())]
        if group != first and group in groups and len(chain) > len(groups[group]):
            name = draft.name(f"{group}-then", draft.models | draft.pools)
            draft.pools[name] = {"models": list(dict.fromkeys(chain)), "pick": "in-order"}
            draft.note(f"{group} with its fallbacks is the pool {name}: -m {name}.")


def _fallbacks(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    stated = settings.get("fallbacks") or ()
    return {str(group): [str(each) for each in others] for entry in stated if isinstance(entry, dict) for group, others in entry.items()}


def _money(draft: Draft, settings: Mapping[str, Any]) -> None:
    budgets = {"total": (settings.get("max_budget"), settings.get("budget_duration", "30d"))}
    for provider, entry in _table(settings, "provider_budget_config").items():
        if isinstance(entry, dict):
            budgets[str(provider)] = (entry.get("budget_limit"), entry.get("time_period"))
    for scope, (amount, duration) in budgets.items():
        if amount is None:
            continue
        period = _PERIODS.get(str(duration))
        if period and (scope == "total" or scope in draft.providers):
            draft.budgets[scope] = {period: float(amount)}
        else:
            draft.note(
                f"The budget of {scope}, {amount} per {duration}, has no counterpart: [budgets] has hourly, daily, weekly and monthly."
            )


def _rest(draft: Draft, data: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    timeout = settings.get("request_timeout") or settings.get("timeout")
    if isinstance(timeout, (int, float)) and timeout > 0:
        draft.defaults["deadline_s"] = timeout
    for key, how in _BY_ITSELF.items():
        if settings.get(key):
            draft.note(f"{key} was not taken over: {how}.")
    moved = {
        "fallbacks",
        "routing_strategy",
        "max_budget",
        "budget_duration",
        "provider_budget_config",
        "request_timeout",
        "timeout",
        *_BY_ITSELF,
    }
    if others := sorted(set(settings) - moved):
        draft.note(f"Settings without a counterpart: {', '.join(others)}.")
    if others := sorted(set(data) - {"model_list", "litellm_settings", "router_settings"}):
        draft.note(f"Sections without a counterpart: {', '.join(others)}.")
