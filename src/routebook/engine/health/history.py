"""The doctor reads the books: what troubles a model of late is known by its name, and so is what to type against it.

Four cases, as the model assignment guide has them: timeouts, rate limits, refusals, slow answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from routebook.books.troubles import Troubles, troubles
from routebook.config.values import Config, Route
from routebook.engine.health.finding import Finding
from routebook.engine.runtime import Runtime

DAYS: Final = 1
"""The books of so many days are read."""
LEAST: Final = 3
"""Fewer times may be chance."""
SHARE: Final = 0.1
"""Of a model's attempts; less is what retries and fallbacks are for."""
SLOW_S: Final = 15.0
"""A first word that comes so late, in half of all calls, is what people call slow."""


def look_at_history(runtime: Runtime) -> Iterator[Finding]:
    """Yield what troubled the models that are in use, each case with what to type.

    Raises:
        BooksError: the books cannot be read.
    """
    since = round((time.time() - DAYS * 86_400) * 1e6)
    for found in runtime.books.read(lambda connection: troubles(connection, since=since)):
        if found.model in runtime.config.models:
            yield from _cases(runtime.config, found)


def _cases(config: Config, found: Troubles) -> Iterator[Finding]:
    model, calls = found.model, f"of {found.attempts:,} calls for route {found.route!r} within a day"
    route = next((route for route in config.routes if route.name == found.route), None)
    if _is_much(found.timeouts, found):
        yield _case(model, "timeouts", f"time ran out in {found.timeouts:,} {calls}", _against_timeouts(config, model, route))
    if _is_much(found.rate_limited, found):
        yield _case(
            model, "rate limit (HTTP 429)", f"it refused {found.rate_limited:,} {calls} as too many", _against_limits(config, model, route)
        )
    if _is_much(found.refused, found):
        yield _case(model, "refusals", f"it declined {found.refused:,} {calls}", _against_refusals(config, model, route))
    if found.start_s is not None and found.start_s > SLOW_S and found.attempts >= LEAST:
        said = f"half {calls} waited {found.start_s:.0f} s and longer for the first word"
        yield _case(model, "slow answers", said, _against_slowness(config, model, route))


def _is_much(count: int, found: Troubles) -> bool:
    return count >= LEAST and count >= SHARE * found.attempts


def _case(model: str, name: str, said: str, hint: str) -> Finding:
    return Finding(about=f"{name} of {model}", state="advice", said=said, hint=hint)


def _against_timeouts(config: Config, model: str, route: Route | None) -> str:
    longer_s = 2 * config.models[model].timeout.first_token_s
    return (
        f'{_where(route)}: on_timeout = {{ retries = 1, then = "next" }}{_fallback(model, route)}; if it needs longer, '
        f"[models.{model}]: timeout = {{ first_token_s = {longer_s:g} }}"
    )


def _against_limits(config: Config, model: str, route: Route | None) -> str:
    entry = config.models[model]
    is_limited = any((entry.rpm, config.providers[entry.provider].rpm))
    limit = "" if is_limited else f"[models.{model}]: rpm = … as the provider allows, so that prompts queue here; "
    return f'{limit}{_where(route)}: on_rate_limit = {{ waits_s = [60], then = "next" }}{_fallback(model, route)}'


def _against_refusals(config: Config, model: str, route: Route | None) -> str:
    other = next((name for name in config.models if name != model), "another-model")
    return f'{_where(route)}: on_refusal = {{ try = ["{other}"] }} asks another model, and is seen to; or say it in other words'


def _against_slowness(config: Config, model: str, route: Route | None) -> str:
    warm = f"%route warm {model}, or warm = true in [models.{model}]; " if config.tier(model) == "local" else ""
    return f"{warm}{_where(route)}: hedge = true asks the next model too, cache = {{ ttl_s = 86400 }} asks once{_fallback(model, route)}"


def _where(route: Route | None) -> str:
    return f"route {route.name!r}" if route is not None else "its route"


def _fallback(model: str, route: Route | None) -> str:
    """A word about a fallback, where none stands behind the model."""
    is_last = route is not None and route.try_[-1:] == (model,)
    return ", and a model behind it in try" if is_last else ""
