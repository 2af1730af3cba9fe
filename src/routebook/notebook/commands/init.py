"""`%route init` and `%route reload`: a routing.toml to start from, and reading it again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from routebook.config.preset import preset
from routebook.config.read import FILE_NAME, find, write_config
from routebook.config.source import spare_of
from routebook.errors import UsageError
from routebook.notebook import figures
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
    if find() != written:
        then = (
            f"Notebooks in {written.parent} and below it use it."
            if written.name == FILE_NAME
            else f"It is used once it is called {FILE_NAME}."
        )
    else:
        then = "%route reload puts it to use." if session.has_router else "The next cell uses it; %route doctor checks it."
    session.show(report(f"{written} is written. Edit it to your liking. {then}"))


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
    """`[--preset NAME] [PATH]`."""
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"%route init {rest}: a quote is not closed.") from error
    words = [part for word in words for part in (word.split("=", 1) if word.startswith("--preset=") else [word])]
    name = None
    if "--preset" in words:
        at = words.index("--preset")
        if at + 1 == len(words):
            raise UsageError("--preset takes a name: %route init --preset NAME")
        name = words[at + 1]
        del words[at : at + 2]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        raise UsageError(f"%route init takes one path at most, not {' '.join(words)!r}. A path with spaces stands in quotes.")
    return name, Path(words[0]) if words else Path(FILE_NAME)
