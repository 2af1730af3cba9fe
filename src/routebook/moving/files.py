"""Other tools' files on disk: read in, written out, told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from routebook.config.read import FILE_NAME, load, write_config
from routebook.config.values import Config
from routebook.errors import UsageError
from routebook.moving.draft import Moved
from routebook.moving.from_litellm import from_litellm
from routebook.moving.from_opencode import from_opencode
from routebook.moving.to_litellm import to_litellm
from routebook.moving.to_opencode import to_opencode

SOURCES: Final[dict[str, Callable[[str], Moved]]] = {"opencode": from_opencode, "litellm": from_litellm}
TARGETS: Final[dict[str, Callable[[Config], Moved]]] = {"opencode": to_opencode, "litellm": to_litellm}
_ENDINGS: Final = {".json": "opencode", ".jsonc": "opencode", ".yaml": "litellm", ".yml": "litellm"}


def take_in(file: Path, *, source: str | None, path: Path) -> tuple[Path, list[str]]:
    """Write another tool's file as a `routing.toml`, never over one that is there; return where it is, and what is different in it.

    Raises:
        UsageError: the file cannot be read or is not what it should be, or there is a file at `path`.
    """
    source = source or _ENDINGS.get(file.suffix.lower())
    if source is None:
        raise UsageError(f"Whose file is {file}? Say it: --from {' or '.join(SOURCES)}.")
    try:
        text = file.expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error
    moved = SOURCES[source](text)
    path = path.expanduser()
    return write_config(path / FILE_NAME if path.is_dir() else path, text=moved.text).resolve(), moved.notes


def put_out(target: str, *, config: Path | None) -> Moved:
    """Return a `routing.toml`, the one found here if none is named, as another tool's config.

    Raises:
        ConfigError: it cannot be read, or is wrong.
    """
    return TARGETS[target](load(config).config)
