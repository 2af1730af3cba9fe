"""The doctor: looks at everything a prompt needs, for real, and says what to type where something is missing.

Each provider is asked for its models, and one of its models, or each, for a word: an ordinary attempt of kind `health`, with its row in the
books and within the caps and limits. Nothing here shows a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from routebook.engine.health.checkup import Checkup
from routebook.engine.health.finding import Finding
from routebook.engine.health.history import look_at_history
from routebook.engine.health.machine import look_at_books, look_at_library, look_at_versions
from routebook.engine.loop import engine_loop
from routebook.engine.runtime import Runtime
from routebook.errors import BooksError, ConfigError

if TYPE_CHECKING:  # the router stands beside this module; only its type is needed
    from routebook.engine.router import Router

PATIENCE_S: Final = 30.0
"""For a provider's list of models, and again for its word: a local model may have to be read from the disk first."""


def examine(open_router: Callable[[], Router], *, patience_s: float = PATIENCE_S, is_each: bool = False) -> tuple[Finding, ...]:
    """Look at the machine, `routing.toml`, the books and every provider; return what was found, in that order.

    Args:
        open_router: makes or gives the router; what it raises for a wrong file or unreadable books becomes a finding.
        patience_s: how long to wait for each provider, and for each word.
        is_each: ask each model that `routing.toml` names, not one of each provider.
    """
    findings = list(look_at_versions())
    try:
        router = open_router()
    except ConfigError as error:
        return (*findings, Finding(about="routing.toml", state="problem", said=str(error), hint="Mend these lines, then %route reload."))
    findings.append(_about_file(router.file))
    try:
        runtime = router.runtime()
    except BooksError as error:
        return (*findings, Finding(about="books", state="problem", said=str(error)))
    return (
        *findings,
        *engine_loop().run_sync(_examine(runtime, patience_s=patience_s, named=tuple(router.config.models) if is_each else ())),
    )


def problems(findings: Sequence[Finding]) -> int:
    """How many of them are problems."""
    return sum(finding.state == "problem" for finding in findings)


def _about_file(file: Path | None) -> Finding:
    if file is None:
        return Finding(
            about="routing.toml", state="ok", said="none here; the built-in default is in use", hint="%route init writes one to start from"
        )
    return Finding(about="routing.toml", state="ok", said=str(file))


async def _examine(runtime: Runtime, *, patience_s: float, named: Sequence[str]) -> list[Finding]:
    """The books, then all providers at once, of which these models are asked too; then what the books say of the models."""
    checkups = [Checkup(runtime, name, patience_s=patience_s, named=named) for name in runtime.config.providers]
    findings = [await look_at_books(runtime), *look_at_library(runtime)]
    for found in await asyncio.gather(*(checkup.run() for checkup in checkups)):
        findings.extend(found)
    findings.extend(look_at_history(runtime))
    return [*findings, *_about_answers(runtime, [checkup.name for checkup in checkups if checkup.is_well])]


def _about_answers(runtime: Runtime, well: list[str]) -> Iterator[Finding]:
    """Whether a prompt without a clear signal would get an answer: what all the rest is for."""
    config = runtime.config
    if not any(model.provider in well for model in config.models.values()):
        yield Finding(
            about="answers",
            state="problem",
            said="no model is ready, so no cell can be answered",
            hint="Mend one provider above; the embedded model needs no key: %route setup",
        )
