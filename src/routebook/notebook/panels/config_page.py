"""How a `routing.toml` does, as a page: its models with their health and keys, its routes with the prompts each took."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from routebook.books.money import from_pico
from routebook.books.recent import recent
from routebook.books.routed import Routed, Taken, routed
from routebook.config.keylike import masked
from routebook.config.keys import key_variable
from routebook.config.values import Config, Route
from routebook.engine.runtime import Runtime
from routebook.engine.survey import ModelLine
from routebook.engine.survey import models as survey_models
from routebook.notebook import figures, wording
from routebook.notebook.commands.models import state_of
from routebook.notebook.page import Bundle
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.table import Table
from routebook.tables.board import ModelFigures
from routebook.tables.board import figures as reckoned

_BEGINNING: Final = 40
"""Characters of a prompt that are shown."""
_MODELS: Final = ("model", "provider", "tier", "key", "health", ">asked", ">failed", ">first token", ">total", ">cost")
_ROUTES: Final = (">", "route", "takes", "tries, in order", ">prompts", "the newest")
Recall = Callable[[str], str | None]
"""The text of a request's prompt, where it is still known."""


def config_page(runtime: Runtime, *, file: str) -> Bundle:
    """The page of the config in use.

    Raises:
        BooksError: the books cannot be read.
    """
    rows, is_cut = runtime.books.read(lambda connection: recent(connection, since=0))
    seen = {one.model: one for one in reckoned(rows, now=0).models}
    lines = survey_models(runtime)
    taken, more = runtime.books.read(routed)
    ready = sum(line.state == "ready" for line in lines)
    cut = f"; figures are of the newest {len(rows):,} attempts" if is_cut else ""
    faint = [place for place, line in enumerate(lines) if line.state == "left out"]
    return report(
        Heading(f"{file} · {figures.plural(len(lines), 'model')}, {ready} ready{cut}"),
        Table(_MODELS, [_model(line, seen.get(line.name), runtime) for line in lines], faint=faint),
        *_no_models(runtime, lines),
        Heading("routes: the first that a prompt fits takes it" + (" (counted: the newest prompts)" if more else "")),
        Table(_ROUTES, _routes(runtime.config, taken, runtime.learning.prompt_of)),
        *_gone(runtime.config, taken),
    )


def _model(line: ModelLine, seen: ModelFigures | None, runtime: Runtime) -> tuple[str, ...]:
    figure = (
        (
            figures.count(seen.attempts),
            figures.count(seen.failed),
            figures.seconds(seen.ttft_s),
            figures.seconds(seen.latency_s),
            figures.spent(from_pico(seen.cost_pusd), seen.unpriced),
        )
        if seen is not None
        else ("0", "", "", "", "")
    )
    return (line.name, line.provider, line.tier, key_of(runtime, line.provider), _health(line), *figure)


def key_of(runtime: Runtime, provider: str) -> str:
    """The variable of a provider's key, and whether it is there; never the key."""
    variable = key_variable(runtime.config.providers[provider])
    if variable is None:
        return "needs none"
    if provider not in runtime.keys.missing:
        return f"{masked(variable)} is set"
    return f"{masked(variable)} {'is missing' if 'no key' in runtime.keys.missing[provider] else 'has a flaw'}"


def _health(line: ModelLine) -> str:
    busy = f", {line.in_flight} under way" if line.in_flight else ""
    return "no key" if line.reason.startswith("no key") else state_of(line) + busy


def _no_models(runtime: Runtime, lines: Sequence[ModelLine]) -> list[Part]:
    """Providers that cannot be called and have no model of their own on the page to say so."""
    shown = {line.provider for line in lines}
    rows = [(name, why) for name, why in runtime.known.unusable.items() if name not in shown]
    return [Heading("providers left out"), Table(("name", "why"), rows)] if rows else []


def _routes(config: Config, taken: Mapping[str, Routed], recall: Recall) -> list[tuple[str, ...]]:
    now = time.time()
    default = config.routes[-1].name
    found = ((route, taken.get(route.name, Routed())) for route in config.routes)
    return [
        (str(place), route.name, takes(route, is_default=route.name == default), tries(route, config), figures.count(own.requests),
         "\n".join(_told(one, now, recall) for one in own.newest))
        for place, (route, own) in enumerate(found, 1)
    ]  # fmt: skip


def takes(route: Route, *, is_default: bool = False) -> str:
    """What a route asks of a prompt, in words."""
    spans = (("complexity", route.complexity), ("strength", route.strength))
    parts = [
        ", ".join(task.replace("_", " ") for task in route.tasks),
        *(f"{name} {span[0]:g} to {span[1]:g}" for name, span in spans if span is not None),
        {None: "", True: "needs tools", False: "needs no tools"}[route.needs_tools],
        f"at least {route.min_tokens:,} tokens" if route.min_tokens else "",
        f"at most {route.max_tokens:,} tokens" if route.max_tokens else "",
        f"names {route.min_files} files or more" if route.min_files else "",
        f"agent {route.agent}" if route.agent else "",
    ]
    said = "; ".join(filter(None, parts)) or "everything"
    return f"{said}; whatever no other takes" if is_default and said != "everything" else said


def tries(route: Route, config: Config) -> str:
    """What a route tries, and what keeps it."""
    named = [
        f"{name} ({config.pools[name].pick} of {len(config.pools[name].models)})" if name in config.pools else name for name in route.try_
    ]
    line = ", ".join(named) if route.quality is None else f"the best of {', '.join(named)} (quality {route.quality:g})"
    wall = "\nnothing leaves the machine" if route.local or route.private else ""
    return line + (f"\nnever {', '.join(route.avoid)}" if route.avoid else "") + wall


def _told(one: Taken, now: float, recall: Recall) -> str:
    """One prompt: when, what, who was asked. Its text is known only where this kernel asked it: the books hold none."""
    text = recall(one.request_id)
    what = one.task.replace("_", " ") if text is None else f"“{_short(text)}”"
    return f"{wording.ago(now - one.time / 1e6)}: {what} to {one.model}"


def _short(text: str) -> str:
    line = masked(" ".join(text.split()))
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING]}…"


def _gone(config: Config, taken: Mapping[str, Routed]) -> list[Part]:
    """Prompts that went by routes of another file, or of an older one."""
    names = {route.name for route in config.routes}
    gone = [f"{name} ({figures.plural(own.requests, 'prompt')})" for name, own in taken.items() if name not in names]
    return [f"By routes that are not in this file: {', '.join(gone)}."] if gone else []


def broken_page(file: str, problems: int) -> Bundle:
    """The page where there is no config to show."""
    return report(
        Heading(f"{file} · {figures.plural(problems, 'problem')}"), "It is not in use: nothing can be routed by it until it is mended."
    )


def closed_page(file: str, *, state: str, at: dt.datetime) -> Bundle:
    """What stays of the editor."""
    return report(f"{file}: {state}, {at:%H:%M}. rb.ConfigPanel() opens it again.")
