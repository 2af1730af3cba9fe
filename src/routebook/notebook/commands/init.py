"""`%route init` and `%route reload`: a routing.toml to start from, and reading it again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from routebook.config.read import FILE_NAME, find, write_config
from routebook.errors import UsageError
from routebook.near import did_you_mean
from routebook.notebook import figures
from routebook.notebook.report import report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest

COMING_PRESETS: Final = ("guide", "mac-local", "agents", "tiers", "two-model")
"""Whole set-ups that a later version will write; today there is the starter."""


def init(session: Session, rest: str) -> None:
    """Write a routing.toml to start from, here or at a path."""
    preset, path = _parse(rest)
    written = write_starter(path, preset=preset)
    if find() != written:
        then = (
            f"Notebooks in {written.parent} and below it use it."
            if written.name == FILE_NAME
            else f"It is used once it is called {FILE_NAME}."
        )
    else:
        then = "%route reload puts it to use." if session.has_router else "The next cell uses it; %route doctor checks it."
    session.show(report(f"{written} is written. Edit it to your liking. {then}"))


def write_starter(path: Path, *, preset: str | None) -> Path:
    """Write the starter to a file, or into a folder, and return where it is.

    Raises:
        UsageError: a preset is asked for, the file is there already, or it cannot be written.
    """
    if preset is not None:
        known = f"The presets {', '.join(COMING_PRESETS)} will come with a later version"
        near = "" if preset in COMING_PRESETS else f"There is no preset {preset!r}. {did_you_mean(preset, COMING_PRESETS)} "
        raise UsageError(f"{near}{known}; until then `init` without --preset writes a starter to edit.")
    path = path.expanduser()
    return write_config(path / FILE_NAME if path.is_dir() else path).resolve()


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
    preset = None
    if "--preset" in words:
        at = words.index("--preset")
        if at + 1 == len(words):
            raise UsageError("--preset takes a name: %route init --preset NAME")
        preset = words[at + 1]
        del words[at : at + 2]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        raise UsageError(f"%route init takes one path at most, not {' '.join(words)!r}. A path with spaces stands in quotes.")
    return preset, Path(words[0]) if words else Path(FILE_NAME)
