"""`%route evaluate`: a suite of prompts by each model, the report, and what of it goes into `routing.toml`."""

from __future__ import annotations

import argparse
from typing import Any, Final

from routebook.errors import UsageError
from routebook.evaluation.front import suite_of, watched, wish_of
from routebook.notebook.line import LineParser, number
from routebook.notebook.panels.choice import choose
from routebook.notebook.panels.evaluation import NOTHING, ModelReport, told
from routebook.notebook.progress import progress
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session

WRITE: Final = "Write it"
LEAVE: Final = "Leave it"
QUESTION: Final = "Write this into routing.toml? The file as it is now is kept."
HOW: Final = "Nothing was written. --write writes it; -o NAME keeps the report, and NAME.write() does the same."
TAKES: Final = ("--suite", "--models", "--tasks", "--judge", "--budget", "--tier", "-o")
SWITCHES: Final = ("--local", "--fresh", "--write")


def evaluate(session: Session, rest: str) -> None:
    """Evaluate the models, show what they are worth, and write it where that is wanted."""
    given = _parse(rest)
    router = session.router
    wish = wish_of(
        router, models=given.models or (), tasks=given.tasks or (), judge=given.judge, budget_usd=given.budget, tier=given.tier,
        is_local=given.local, is_fresh=given.fresh,
    )  # fmt: skip
    suite = suite_of(router, _suite(session, given.suite), tasks=wish.tasks)
    with progress(session) as (say, finish):
        found = ModelReport(watched(router, suite, wish, say=lambda state: say(told(state))), router, is_own=True)
        finish(found.page())
    if given.out:
        session.shell.user_ns[given.out] = found
    _write(session, found, is_asked=given.write)


def _write(session: Session, found: ModelReport, *, is_asked: bool) -> None:
    """Show what would change; write it where the line or the person says so."""
    if found.unwritten:
        names = ", ".join(found.unwritten)
        session.show(
            report(f"Listed by a provider, without a table in routing.toml to write to: {names}. Add [models.NAME] to keep a profile.")
        )
    try:
        page = found.difference()
    except UsageError as error:
        if is_asked:
            raise
        session.show(report(f"Nothing can be written: {error}"))
        return
    if not page["text/plain"]:
        session.show(report(NOTHING))
        return
    session.show(report(Heading("what would change in routing.toml")))
    session.show(page)
    if is_asked or choose(session, QUESTION, (WRITE, LEAVE)) == WRITE:
        session.show(report(found.write()))
    else:
        session.show(report(HOW))


def _suite(session: Session, name: str | None) -> Any:  # noqa: ANN401  a DataFrame, a path, or nothing
    """The DataFrame of that name, else a path."""
    value = session.shell.user_ns.get(name) if name is not None and name.isidentifier() else None
    return value if type(value).__name__ == "DataFrame" else name


def _parse(rest: str) -> argparse.Namespace:
    parser = LineParser("%route evaluate", more=f"%route evaluate takes {', '.join((*TAKES, *SWITCHES))}.")
    for flag in TAKES:
        parser.take(flag, dest=flag.lstrip("-") if flag != "-o" else "out", type=number if flag == "--budget" else str)
    for flag in SWITCHES:
        parser.take(flag, action="store_true")
    given = parser.read(rest)
    if given.out is not None and not given.out.isidentifier():
        raise UsageError(f"-o takes the name of a variable, and {given.out!r} is none.")
    return given
