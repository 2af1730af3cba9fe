"""`%route import`: another tool's config becomes a routing.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from routebook.config.read import FILE_NAME
from routebook.moving.files import SOURCES, take_in
from routebook.notebook.commands.init import use_of
from routebook.notebook.line import LineParser, one_of
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.table import Table

USAGE: Final = f"%route import FILE [--from {'|'.join(SOURCES)}] [PATH]"


def take(session: Session, rest: str) -> None:
    """Write a routing.toml from an opencode.json or a LiteLLM config, never over a file, and say what is different in it."""
    parser = LineParser("%route import", more=f"Type {USAGE}. A path with spaces stands in quotes.")
    parser.take("--from", dest="source", type=one_of(tuple(SOURCES)))
    parser.take("file", type=Path)
    parser.take("path", nargs="?", type=Path, default=Path(FILE_NAME))
    given = parser.read(rest)
    written, notes = take_in(given.file, source=given.source, path=given.path)
    parts: list[Part] = [f"{written} is written. {use_of(written, session)}"]
    if notes:
        parts += [Heading("what is different in it"), Table(("",), [(note,) for note in notes])]
    session.show(report(*parts))
