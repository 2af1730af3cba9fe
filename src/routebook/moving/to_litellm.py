"""A `routing.toml` as LiteLLM's YAML, as far as that can say it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from routebook.config.keys import key_variable
from routebook.config.values import Config, Model
from routebook.moving.draft import Moved
from routebook.moving.missing import cannot_be_said

_STRATEGIES: Final = {"least-busy": "least-busy", "fastest": "latency-based-routing", "cheapest": "cost-based-routing"}
_VARIABLE: Final = "os.environ/"
_PREFIXES: Final = {"openai": "openai", "anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama_chat", "llamacpp": "openai"}
_DURATIONS: Final = {"daily": "1d", "weekly": "7d", "monthly": "30d", "hourly": "1h"}
_MILLION: Final = Decimal(1_000_000)


def to_litellm(config: Config) -> Moved:
    """Return the YAML with the models, pools and the default route of a config, and what it cannot say."""
    import yaml

    notes = cannot_be_said(config, keeps=("pools",))
    entries = {name: entry for name in config.models if (entry := _entry(config, name, notes)) is not None}
    listed = [{"model_name": name, **entry} for name, entry in entries.items()]
    for pool, members in config.pools.items():
        listed += [{"model_name": pool, **entries[model]} for model in members.models if model in entries]
        if members.pick not in (*_STRATEGIES, "random", "in-order"):
            notes.append(f"pools.{pool}: pick = {members.pick!r}; LiteLLM shuffles it.")
    router: dict[str, Any] = {}
    picks = {pool.pick for pool in config.pools.values()}
    if len(picks) == 1 and (strategy := _STRATEGIES.get(next(iter(picks)))):
        router["routing_strategy"] = strategy
    known = [name for name in config.routes[-1].try_ if name in entries or any(entry["model_name"] == name for entry in listed)]
    if len(known) > 1:
        router["fallbacks"] = [{known[0]: known[1:]}]
    settings: dict[str, Any] = {"request_timeout": config.defaults.deadline_s}
    _caps(config, settings, router, notes)
    data: dict[str, Any] = {"model_list": listed, "litellm_settings": settings}
    if router:
        data["router_settings"] = router
    return Moved(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), notes)


def _entry(config: Config, name: str, notes: list[str]) -> dict[str, Any] | None:
    model = config.models[name]
    provider = config.providers[model.provider]
    if provider.kind in ("embedded", "chaos"):
        notes.append(f"{name}: the kind {provider.kind!r} runs inside Routebook only.")
        return None
    variable = model.api_key_env or key_variable(provider)
    params: dict[str, Any] = {
        "model": f"{_PREFIXES[provider.kind]}/{model.id}",
        "api_base": f"http://127.0.0.1:{model.port}/v1" if provider.kind == "llamacpp" else provider.base_url,
        "api_key": f"{_VARIABLE}{variable}" if variable else None,
        "rpm": model.rpm or provider.rpm,
        "tpm": model.tpm or provider.tpm,
        "max_parallel_requests": model.max_concurrent or provider.max_concurrent,
        "timeout": model.timeout.total_s,
        "stream_timeout": model.timeout.idle_s,
        "temperature": model.params.temperature,
        "max_tokens": model.params.max_tokens,
        **_costs(model),
    }
    info = {"max_input_tokens": model.context, "max_output_tokens": model.max_output, "supports_function_calling": model.tools}
    entry: dict[str, Any] = {"litellm_params": {key: value for key, value in params.items() if value is not None}}
    if any(value is not None for value in info.values()):
        entry["model_info"] = {key: value for key, value in info.items() if value is not None}
    return entry


def _costs(model: Model) -> dict[str, float]:
    if model.price is None:
        return {}
    return {"input_cost_per_token": float(model.price.input / _MILLION), "output_cost_per_token": float(model.price.output / _MILLION)}


def _caps(config: Config, settings: dict[str, Any], router: dict[str, Any], notes: list[str]) -> None:
    for scope, budget in config.budgets.items():
        period = next(period for period in _DURATIONS if getattr(budget, period) is not None)
        amount = float(getattr(budget, period))
        if scope == "total":
            settings |= {"max_budget": amount, "budget_duration": _DURATIONS[period]}
        elif scope in config.providers:
            router.setdefault("provider_budget_config", {})[scope] = {"budget_limit": amount, "time_period": _DURATIONS[period]}
        else:
            notes.append(f"budgets.{scope}: LiteLLM caps the whole and providers only.")
    if config.budgets:
        notes.append("budgets: LiteLLM counts after the answer, so calls at once can overspend; alerts were left out.")
