"""The file behind a config as one edits it: read with what it was, written only when it still is, in one step or not at all; the old one may be kept."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from routebook.config.read import parse
from routebook.errors import FileChanged, UsageError
from routebook.messages import Value

_BOM: Final = b"\xef\xbb\xbf"


class Source(Value, frozen=True, kw_only=True):
    """A file's text, and its bytes as they were read."""

    file: Path
    text: str
    """With `\\n` at the end of each line, whatever the file has."""
    data: bytes | None
    """`None` when there is no such file yet."""


def read_source(file: Path, *, otherwise: str = "") -> Source:
    """Read a file as it is, right or wrong; a missing one has the text `otherwise`.

    Raises:
        UsageError: it cannot be read, or is not UTF-8.
    """
    data = _data(file)
    if data is None:
        return Source(file=file, text=otherwise, data=None)
    try:
        text = data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8 first.") from error
    return Source(file=file, text=text.replace("\r\n", "\n"), data=data)


def write_source(source: Source, text: str) -> Source:
    """Write another text in the place of one that was read: checked, whole or not at all; line ends and permissions stay as they were.

    Raises:
        ConfigError: the text is not right; nothing was written.
        FileChanged: the file is not what was read; nothing was written.
        UsageError: it cannot be written.
    """
    parse(text, file=str(source.file))
    data = _like(source.data, text)
    target = source.file.resolve()  # a link stays one
    if _data(source.file) != source.data:
        raise FileChanged(f"{source.file} was changed by another program since it was read here, so nothing was written.")
    try:
        _replace(target, data, is_new=source.data is None)
    except FileExistsError as error:
        raise FileChanged(f"{source.file} was made by another program meanwhile, so nothing was written.") from error
    except OSError as error:
        raise UsageError(f"{source.file} cannot be written: {error.strerror or error}.") from error
    return Source(file=source.file, text=text, data=data)


def spare_of(file: Path) -> Path:
    """The name beside a file that it is kept under: the first that is free."""
    return next(spare for number in itertools.count(1) if not (spare := file.with_name(f"{file.name}.old{number}")).exists())


def keep_old(file: Path) -> Path:
    """Copy a file as it is to its spare name, and return that.

    Raises:
        UsageError: it cannot be written.
    """
    spare = spare_of(file)
    try:
        shutil.copy2(file, spare)
    except OSError as error:
        raise UsageError(f"{spare} cannot be written: {error.strerror or error}. Nothing was changed.") from error
    return spare


def _data(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error


def _like(old: bytes | None, text: str) -> bytes:
    """The text as bytes, with the line ends and the byte order mark that the file had."""
    data = text.encode()
    if old is None:
        return data
    if old.count(b"\r\n") * 2 > old.count(b"\n"):
        data = data.replace(b"\n", b"\r\n")
    return (_BOM if old.startswith(_BOM) else b"") + data


def _replace(target: Path, data: bytes, *, is_new: bool) -> None:
    """Put a file in a file's place: whoever reads meanwhile has the old one or the new one, never a half."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if is_new:
            with target.open("xb"):  # as any new file of this user
                pass
        shutil.copymode(target, new)
        new.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
