"""`%route help`: all subcommands, one line each."""

from __future__ import annotations

from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import SUBCOMMANDS, find
from routebook.notebook.table import Table


def show(session: Session, rest: str) -> None:
    """Show all subcommands, or the one that is named."""
    shown = (find(rest),) if rest else SUBCOMMANDS
    rows = [(subcommand.usage, subcommand.help) for subcommand in shown]
    session.show(
        report(Table(("", ""), rows), Heading("A prompt goes into a cell of its own, under %%route; %%route -h shows its options."))
    )
