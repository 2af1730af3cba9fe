"""`%route doctor`: what the doctor found, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from routebook.engine.health.doctor import examine, problems
from routebook.engine.health.finding import Finding
from routebook.notebook import figures
from routebook.notebook.page import Bundle
from routebook.notebook.progress import progress
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table

INDENT: Final = 10
EACH: Final = "--all"


def doctor(session: Session, rest: str) -> None:
    """Look at everything, for real, and show it."""
    is_each = rest == EACH
    if not is_each:
        refuse_rest("doctor", rest)
    with progress(session) as (say, finish):
        say(f"Asking every provider for its models, and {'each model' if is_each else 'one model of each'} for a word …")
        finish(findings_page(examine(lambda: session.router, is_each=is_each)))


def findings_page(findings: Sequence[Finding]) -> Bundle:
    """The findings under what they come to."""
    head = _head(findings)
    rows = [(finding.state, finding.about, finding.said, finding.hint) for finding in findings]
    strong = [place for place, finding in enumerate(findings) if finding.state == "problem"]
    faint = [place for place, finding in enumerate(findings) if finding.state == "left out"]
    html = report(Heading(head), Table(("", "what", "found", "what to do"), rows, strong=strong, faint=faint))["text/html"]
    return {"text/html": html, "text/plain": findings_text(findings)}


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings one a line, what to do below; the shell command shows them too."""
    return "\n".join([_head(findings), "", *map(_lines, findings)])


def _head(findings: Sequence[Finding]) -> str:
    count = problems(findings)
    return figures.plural(count, "problem") + "." if count else "Everything that is set up works."


def _lines(finding: Finding) -> str:
    said = finding.said.replace("\n", "\n" + " " * INDENT)
    hint = f"\n{' ' * INDENT}> {finding.hint}" if finding.hint else ""
    return f"{finding.state:<{INDENT}}{finding.about}: {said}{hint}"
