"""A plan by a `routing.toml` that is not in use yet: what a prompt would be sent to if it were. Nothing is sent, and nothing is learned."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Unpack

import msgspec

from routebook.classifier.classify import classify
from routebook.config.keys import Keys
from routebook.config.prices import price_of
from routebook.config.values import Config
from routebook.engine.request import build_request
from routebook.engine.runtime import Runtime
from routebook.messages import Overrides, Plan
from routebook.plan.known import Known
from routebook.plan.planner import make_plan


def plan_by(config: Config, prompt: str, *, folder: Path, runtime: Runtime | None, **overrides: Unpack[Overrides]) -> Plan:
    """Plan a prompt by a config as it would be planned were that in use.

    Args:
        config: the config.
        prompt: the text.
        folder: where its file stands; a `.env` there is read for keys.
        runtime: the one in use, for what is known of its models: health, speed, what was discovered and learned.
        overrides: as `router.plan` takes them.

    Raises:
        UsageError: the prompt or an option is not right.
    """
    whole = config if runtime is None else _with_found(config, runtime.config)
    seen = classify(prompt, tasks=whole.tasks)
    request = build_request(prompt, overrides, config=whole)
    return make_plan(whole, request, seen, known=_known(whole, folder, runtime), rng=random.Random(0))


def _with_found(config: Config, used: Config) -> Config:
    """The config with the models that its providers were found to have, where they are the same providers as those in use."""
    same = {name for name, provider in config.providers.items() if provider.discover and used.providers.get(name) == provider}
    found = {name: model for name, model in used.models.items() if model.provider in same and name not in config.models}
    return msgspec.structs.replace(config, models={**config.models, **found}) if found else config


def _known(config: Config, folder: Path, runtime: Runtime | None) -> Known:
    """What is known of the config's models; a price that is looked up takes time, so those in use are not looked up again."""
    missing = Keys(config, folder=folder).missing
    if runtime is None:
        return Known(clock=lambda: 0.0, unusable=missing, prices={name: price_of(config, name) for name in config.models})
    used, known = runtime.config, runtime.known
    same = {name for name, provider in config.providers.items() if used.providers.get(name) == provider}
    prices = {
        name: known.prices[name] if name in known.prices and used.models.get(name) == model and model.provider in same else price_of(config, name)
        for name, model in config.models.items()
    }  # fmt: skip
    drafted = Known(
        clock=known.clock, unusable=missing | {name: why for name, why in known.unusable.items() if name in same}, prices=prices
    )
    drafted.missing, drafted.states, drafted.turns = dict(known.missing), dict(known.states), dict(known.turns)
    drafted.evidence, drafted.fitted, drafted.recall = known.evidence, known.fitted, known.recall
    return drafted
