"""`%route import`: another tool's config becomes a routing.toml."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from routebook.config.read import FILE_NAME
from routebook.errors import UsageError
from routebook.moving.files import SOURCES, take_in
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.table import Table

USAGE: Final = f"%route import FILE [--from {'|'.join(SOURCES)}] [PATH]"


def take(session: Session, rest: str) -> None:
    """Write a routing.toml from an opencode.json or a LiteLLM config, never over a file, and say what is different in it."""
    source, paths = _parse(rest)
    written, notes = take_in(paths[0], source=source, path=paths[1] if paths[1:] else Path(FILE_NAME))
    then = "%route reload puts it to use." if session.has_router else "The next cell uses it; %route doctor checks it."
    parts: list[Part] = [f"{written} is written. {then}"]
    if notes:
        parts += [Heading("what is different in it"), Table(("",), [(note,) for note in notes])]
    session.show(report(*parts))


def _parse(rest: str) -> tuple[str | None, list[Path]]:
    """`FILE [--from NAME] [PATH]`."""
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"%route import {rest}: a quote is not closed.") from error
    source = None
    if "--from" in words:
        at = words.index("--from")
        source = words[at + 1] if at + 1 < len(words) else ""
        if source not in SOURCES:
            raise UsageError(f"--from takes {' or '.join(SOURCES)}, not {source!r}.")
        del words[at : at + 2]
    if not 1 <= len(words) <= 2 or any(word.startswith("-") for word in words):  # noqa: PLR2004  a file, and where to write
        raise UsageError(f"Type {USAGE}. A path with spaces stands in quotes.")
    return source, [Path(word) for word in words]
