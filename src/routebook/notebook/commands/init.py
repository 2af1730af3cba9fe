"""`%route init` and `%route reload`: a routing.toml to start from, and reading it again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from routebook.config.preset import preset
from routebook.config.read import FILE_NAME, find, write_config
from routebook.config.source import spare_of
from routebook.errors import UsageError
from routebook.notebook import figures
from routebook.notebook.line import LineParser
from routebook.notebook.panels.choice import choose
from routebook.notebook.report import report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest

KEEP: Final = "Keep it"
REPLACE: Final = "Replace it"


def init(session: Session, rest: str) -> None:
    """Write a routing.toml to start from, here or at a path; where there is one, ask."""
    name, path = _parse(rest)
    written = write_starter(path, name=name, may_replace=partial(_may_replace, session) if session.is_interactive else None)
    if written is None:
        session.show(report("Nothing was changed."))
        return
    session.show(report(f"{written} is written. Edit it to your liking. {use_of(written, session)}"))


def use_of(written: Path, session: Session) -> str:
    """How a routing.toml that was just written comes into use."""
    if written.name != FILE_NAME:
        return f"It is used once it is called {FILE_NAME}."
    if find() != written:
        return f"Notebooks in {written.parent} and below it use it."
    return "%route reload puts it to use." if session.has_router else "The next cell uses it; %route doctor checks it."


def _may_replace(session: Session, question: str) -> bool:
    return choose(session, question, (KEEP, REPLACE)) == REPLACE


def write_starter(path: Path, *, name: str | None, may_replace: Callable[[str], bool] | None = None) -> Path | None:
    """Write a preset, the starter if none is named, to a file or into a folder, and return where it is.

    A file that is there is replaced only if `may_replace` says yes to the question it is given, and is kept under another name even then;
    `None` means that it was answered no.

    Raises:
        UsageError: there is no such preset, the file is there and nobody can be asked, or it cannot be written.
    """
    text = preset(name) if name is not None else None
    path = path.expanduser()
    path = path / FILE_NAME if path.is_dir() else path
    if may_replace is None or not path.is_file():
        return write_config(path, text=text).resolve()
    spare = spare_of(path)
    if not may_replace(f"{path} is there already. Replace it? The old one is kept as {spare.name}."):
        return None
    try:
        path.rename(spare)
    except OSError as error:
        raise UsageError(f"{path} cannot be renamed: {error.strerror or error}. Name another file: %route init PATH.") from error
    return write_config(path, text=text).resolve()


def reload(session: Session, rest: str) -> None:
    """Read routing.toml again; when it is wrong, the old one stays in use."""
    refuse_rest("reload", rest)
    session.reload()
    router = session.router
    config, file = router.config, router.file
    counts = ", ".join(figures.plural(len(part), noun) for part, noun in ((config.models, "model"), (config.routes, "route")))
    session.show(report(f"{file or 'The built-in default (there is no routing.toml here)'} is in use: {counts}."))


def _parse(rest: str) -> tuple[str | None, Path]:
    parser = LineParser("%route init", more="%route init takes one path at most, and --preset NAME. A path with spaces stands in quotes.")
    parser.take("--preset")
    parser.take("path", nargs="?", type=Path, default=Path(FILE_NAME))
    given = parser.read(rest)
    return given.preset, given.path
