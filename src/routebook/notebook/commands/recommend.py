"""`%route recommend`: proposals for `routing.toml` from one's own record, shown, and applied where they are accepted."""

from __future__ import annotations

import re

from routebook.errors import UsageError
from routebook.notebook.panels.advice import recommend as look
from routebook.notebook.panels.evaluation_page import difference_page
from routebook.notebook.report import report
from routebook.notebook.session import Session

USAGE = "%route recommend takes nothing, --diff 1,3 or --apply 1,3."
FIRST = "Run %route recommend first: the numbers are those that it showed."


def recommend(session: Session, rest: str) -> None:
    """Show what is proposed; the difference that some would make; or write them."""
    if not rest:
        session.advice = look()
        session.show(session.advice.page())
        return
    flag, numbers = _parse(rest)
    if session.advice is None:
        raise UsageError(FIRST)
    found = session.advice
    difference = difference_page(found.diff(*numbers).split("\n"))
    if flag == "--apply":
        did = found.apply(*numbers)
        session.advice = None  # the file is another now
        session.show(report(did))
    session.show(difference)


def _parse(rest: str) -> tuple[str, list[int]]:
    """`--apply 1,3`, also with `=` and with spaces."""
    found = re.fullmatch(r"(--apply|--diff)[=\s]\s*(\d+(?:[\s,]+\d+)*)", rest.strip())
    if found is None:
        raise UsageError(f"{USAGE} Not {rest!r}.")
    return found[1], [int(number) for number in re.findall(r"\d+", found[2])]
