"""What another `routing.toml` would have changed: recorded requests planned anew, and judged only as far as the record can tell.

The books hold no prompts, so a request is planned by what was recorded of it: task, complexity, strength, agent, priority, tokens. A column `prompt`
in the frame makes up for what is not: the prompt is classified anew. Routes are matched as for a sure classification unless a prompt says otherwise.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from routebook.classifier.classify import classify
from routebook.config.prices import price_of
from routebook.config.read import Loaded, load
from routebook.config.values import Config, Route
from routebook.engine.learning.hindsight import Hindsight, Seen, Share, Untold, sum_up
from routebook.errors import UsageError
from routebook.messages import ASIDE, Classification, Message, Params, Plan, Request
from routebook.plan.known import Known
from routebook.plan.planner import make_plan

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

__all__ = ["Hindsight", "Share", "Untold", "what_if"]

NEEDED: Final = ("request_id", "attempt", "kind", "task", "complexity", "strength", "model", "status", "input_tokens", "output_tokens")
_LETTERS_A_TOKEN: Final = 0.23
"""As `text.estimate_tokens` counts small letters."""


def what_if(frame: pd.DataFrame, config: Config | Loaded | str | Path) -> Hindsight:
    """Plan recorded requests by another config and say what would have changed; nothing is sent.

    Args:
        frame: attempts, as `router.frame()` gives them; may have a column `prompt` besides.
        config: the path of a `routing.toml`, or one already read.

    Returns:
        Shares per model, cost, latency and quality before and after over the requests that can be told, and what cannot be told, with reasons.

    Raises:
        UsageError: the frame is no record of attempts, or of no request in it can be told where it would have gone.
        ConfigError: the config is wrong.
    """
    other = _config(config)
    requests = _requests(frame)
    known = Known(clock=lambda: 0.0, prices={name: price_of(other, name) for name in other.models})
    rng = random.Random(0)
    hindsight = sum_up([(Seen.of(rows), _plan(rows[0], other, known, rng)) for rows in requests], known)
    if not hindsight.told:
        said = "\n".join(f"  {one.requests}: {one.reason}" for one in hindsight.untold)
        raise UsageError(f"The record cannot tell where any of its {len(requests)} requests would have gone.\n{said}")
    return hindsight


def _config(config: Config | Loaded | str | Path) -> Config:
    if isinstance(config, Config):
        return config
    return (config if isinstance(config, Loaded) else load(Path(config))).config


def _requests(frame: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The answers' attempts, request by request, in order.

    Raises:
        UsageError: columns are missing, or there are no attempts.
    """
    columns = [str(column) for column in getattr(frame, "columns", ())]
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise UsageError(f"what_if needs a frame as router.frame() gives it; this one has no {', '.join(missing)}.")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        if row["kind"] not in ASIDE and row["status"] != "running":
            found.setdefault(row["request_id"], []).append(row)
    if not found:
        raise UsageError("The frame has no attempt that answered a request, so there is nothing to replay.")
    return [sorted(rows, key=lambda row: row["attempt"]) for rows in found.values()]


def _plan(row: dict[str, Any], config: Config, known: Known, rng: random.Random) -> str | Plan:
    """The plan of a recorded request, or why it cannot be told."""
    prompt, tokens = row.get("prompt"), row["input_tokens"]
    if prompt is None and tokens is None:
        return "the tokens of the prompt are not recorded"
    seen = _seen(row, config)
    unknown = [] if prompt is not None else [_needs_prompt(route) for route in config.routes[:-1] if _could_match(route, seen)]
    if any(unknown):
        return f"a route asks for {next(filter(None, unknown))}, which is recorded of no request; a column 'prompt' would tell"
    agent = row.get("agent") if row.get("agent") in config.agents else None
    text = prompt if prompt is not None else "a" * max(1, round((tokens - 4) / _LETTERS_A_TOKEN))
    request = Request(
        id=row["request_id"], messages=(Message(role="user", content=text),), params=Params(), task=seen.task, agent=agent,
        priority=row.get("priority"),
    )  # fmt: skip
    made = make_plan(config, request if prompt is None else _unnamed(request), seen, known=known, rng=rng)
    known.count_turns({candidate.pool for candidate in made.candidates[:1] if candidate.pool})
    return made if made.candidates else "no model of the other config could have taken it"


def _unnamed(request: Request) -> Request:
    """With a prompt at hand its own classification says how sure the task is."""
    return Request(id=request.id, messages=request.messages, params=request.params, agent=request.agent, priority=request.priority)


def _seen(row: dict[str, Any], config: Config) -> Classification:
    if row.get("prompt") is not None:
        return classify(row["prompt"], tasks=config.tasks)
    return Classification(
        task=row["task"], confidence=1.0, complexity=float(row["complexity"]), strength=float(row["strength"]), needs_tools=False,
        tools_score=math.nan, reasons=("as recorded",),
    )  # fmt: skip


def _needs_prompt(route: Route) -> str:
    """What a route asks for that only the prompt can tell; empty for nothing."""
    if route.needs_tools is not None:
        return "needs_tools"
    return "min_files" if route.min_files else ""


def _could_match(route: Route, seen: Classification) -> bool:
    """Whether all that is recorded would let the route take the request."""
    spans = ((route.complexity, seen.complexity), (route.strength, seen.strength))
    return (not route.tasks or seen.task in route.tasks) and all(span is None or span[0] <= value <= span[1] for span, value in spans)
