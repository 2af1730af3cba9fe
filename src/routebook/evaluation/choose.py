"""Which models are evaluated, and which are not, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from routebook.config.values import Config
from routebook.engine.runtime import Runtime
from routebook.errors import UsageError
from routebook.evaluation.asking import Bounds, plan_of
from routebook.messages import Classification
from routebook.near import did_you_mean

SEEN: Final = Classification(
    task="chat_qa", confidence=1.0, complexity=0.0, strength=0.0, needs_tools=False, tools_score=0.0, reasons=("a model is evaluated",)
)


def chosen(
    runtime: Runtime, own: Config, names: Sequence[str], *, tasks: Sequence[str], bounds: Bounds, is_capped: bool
) -> tuple[tuple[str, ...], dict[str, str]]:  # fmt: skip
    """The models to evaluate, and those left out, each with its reason.

    Args:
        runtime: what the router runs on.
        own: what `routing.toml` says, without what is discovered.
        names: models, pools and providers; without any, all that the file names, and what providers on this machine list.
        tasks: of the suite; a model that no route of theirs lets in is left out.
        bounds: the wall and the tier.
        is_capped: there is a budget, so that a price must be known.

    Raises:
        UsageError: there is nothing of a name.
    """
    config = runtime.config
    wanted = [model for name in names for model in models_of(config, name)] or [
        name for name in config.models if name in own.models or config.tier(name) == "local"
    ]
    left_out = {name: reason for name in wanted if (reason := _obstacle(runtime, name, tasks=tasks, bounds=bounds, is_capped=is_capped))}
    return tuple(name for name in dict.fromkeys(wanted) if name not in left_out), left_out


def models_of(config: Config, name: str) -> Sequence[str]:
    """The models of a name: itself, those of a pool, those of a provider.

    Raises:
        UsageError: there is nothing of the name.
    """
    if name in config.models:
        return (name,)
    members = config.pools[name].models if name in config.pools else (name,)
    found = [model for model, entry in config.models.items() if model in members or entry.provider in members]
    if not found:
        known = [*config.models, *config.pools, *config.providers]
        raise UsageError(f"There is no model, pool or provider {name!r} to evaluate. {did_you_mean(name, known)}".rstrip())
    return found


def judge_of(runtime: Runtime, name: str | None, *, tasks: Sequence[str], bounds: Bounds, is_capped: bool) -> tuple[str | None, str]:
    """The judge, or why there is none.

    Raises:
        UsageError: there is no model of the name.
    """
    if name is None:
        return None, "no judge is named: --judge MODEL, or judge in [evaluation] or in the suite"
    if name not in runtime.config.models:
        raise UsageError(f"There is no model {name!r} to judge. {did_you_mean(name, runtime.config.models)}".rstrip())
    reason = _obstacle(runtime, name, tasks=tasks, bounds=bounds, is_capped=is_capped)
    return (None, f"the judge {name} cannot be asked: {reason}") if reason else (name, "")


def _obstacle(runtime: Runtime, name: str, *, tasks: Sequence[str], bounds: Bounds, is_capped: bool) -> str:
    """Why a model cannot be asked at all, or nothing."""
    reason = ""
    for task in tasks:
        seen = msgspec.structs.replace(SEEN, task=task)
        plan = plan_of(runtime, name, "Say hi.", seen=seen, system=None, max_tokens=1, bounds=bounds)
        if plan.candidates:
            break
        reason = plan.left_out[0].reason if plan.left_out else "it cannot be asked"
    else:
        return reason
    if is_capped and runtime.known.prices.get(name) is None:
        return f"its price is unknown, so that no budget can hold it: say price = {{ input = …, output = … }} in [models.{name}]"
    return ""
