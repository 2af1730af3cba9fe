"""`%route models`: every model as configured and as seen."""

from __future__ import annotations

from routebook.config.values import Config
from routebook.engine.loop import engine_loop
from routebook.engine.machine.overview import overview
from routebook.engine.runtime import Runtime
from routebook.engine.survey import ModelLine
from routebook.engine.survey import models as survey_models
from routebook.notebook import figures
from routebook.notebook.commands.profile import profile_parts
from routebook.notebook.machine import machine_parts
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table

TITLES = ("name", "id", "provider", "tier", ">$ in", ">$ out", ">context", ">memory", ">first token", ">tokens/s", "state")


def models(session: Session, rest: str) -> None:
    """Show the models, the pools below them, and the providers that cannot be called; with a name, what is known of that model."""
    if rest.startswith("-"):
        refuse_rest("models", rest)
    runtime = session.router.runtime()
    session.show(report(*(profile_parts(runtime, rest) if rest else models_parts(runtime))))


def models_parts(runtime: Runtime) -> list[Part]:
    """The parts of the page; the shell command shows them too."""
    lines = survey_models(runtime)
    ready = sum(line.state == "ready" for line in lines)
    parts: list[Part] = [
        Heading(f"{figures.plural(len(lines), 'model')}, {ready} ready; prices in US dollars per million tokens"),
        Table(TITLES, [_row(line) for line in lines], faint=[place for place, line in enumerate(lines) if line.state == "left out"]),
    ]
    parts += machine_parts(engine_loop().run_sync(overview(runtime)))
    if pools := _pools(runtime.config):
        parts += [Heading("pools"), Table(("name", "pick", "models"), pools)]
    if left_out := list(runtime.known.unusable.items()):
        parts += [Heading("providers left out"), Table(("name", "why"), left_out)]
    return parts


def state_of(line: ModelLine) -> str:
    """Whether a model is ready, and in a few words why not."""
    match line.state:
        case "ready":
            return "ready"
        case "cooling down":
            return f"cooling down, {figures.left(line.cooling_s)} left ({figures.words(line.reason)})"
        case "left out":
            return f"left out: {line.reason.partition(';')[0]}"


def _row(line: ModelLine) -> tuple[str, ...]:
    price = line.price
    return (
        line.name,
        line.id,
        line.provider,
        line.tier,
        figures.price(price.input if price else None),
        figures.price(price.output if price else None),
        figures.count(line.context),
        figures.gigabytes(line.memory_gb),
        figures.seconds(line.ttft_s),
        figures.count(line.tokens_per_s),
        state_of(line),
    )


def _pools(config: Config) -> list[tuple[str, str, str]]:
    own: list[tuple[str, str, str]] = [(name, pool.pick, ", ".join(pool.models)) for name, pool in config.pools.items()]
    ranks = [
        (f"{name}.{rank}", agent.pick, ", ".join(names))
        for name, agent in config.agents.items()
        for rank, names in (("primary", agent.primary), ("backup", agent.backup), ("tertiary", agent.tertiary))
        if names
    ]
    return own + ranks
