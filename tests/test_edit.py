"""Editing `routing.toml` as text: comments stay, what was changed by others is not lost, and a half-written file is never there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.config.edit import move_route
from routebook.config.read import parse
from routebook.config.source import keep_old, read_source, write_source
from routebook.engine.router import Router
from routebook.errors import ConfigError, FileChanged, UsageError
from routebook.notebook.panels.draft import Draft

FILE = '''# mine
[providers.mac]
kind = "ollama"
discover = true

# small things first
[[routes]]
name = "quick"   # a habit
max_tokens = 200
try = ["mac"]
[routes.on_timeout]
retries = 1

# then what is hard
#   [[routes]] in a comment is none
[[routes]]
name = "hard"
complexity = [7, 10]
try = ["mac"]
on_refusal = { try = ["mac"], phrases = ["""
[[routes]]
"""] }
[[routes]]
name = "chat"
try = ["mac"]

[budgets]   # a table behind them
total = { daily = 1 }
'''


def names(text: str) -> list[str]:
    """The routes of a text in the order of the file, but that the default comes last."""
    return [route.name for route in parse(text, file="x").routes]


def test_a_route_moves_with_its_comments_and_tables_and_the_rest_stays_as_it_was() -> None:
    """People's notes are why they trust an editor with their file."""
    moved = move_route(FILE, 1, by=-1)
    assert names(moved) == ["hard", "quick", "chat"]
    assert sorted(moved.split("\n")) == sorted(FILE.split("\n"))
    assert (
        moved.index("# then what is hard") < moved.index('name = "hard"') < moved.index("# small things first") < moved.index("retries = 1")
    )
    assert moved.endswith(FILE[FILE.index("\n[budgets]") :])
    assert move_route(moved, 0, by=1) == FILE
    assert parse(moved, file="x").routes[1].on_timeout is not None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 2)), max_size=8))
def test_moves_lose_no_line_and_can_be_taken_back(moves: list[tuple[int, int]]) -> None:
    """Whatever is moved, in whatever order."""
    text, back = FILE, []
    for route, by in moves:
        if 0 <= route + by <= 2:
            text = move_route(text, route, by=by)
            back.append((route + by, -by))
    assert sorted(text.split("\n")) == sorted(FILE.split("\n"))
    for route, by in reversed(back):
        text = move_route(text, route, by=by)
    assert text == FILE


def test_what_cannot_be_moved_is_said() -> None:
    """A list on one line has no lines of its own."""
    with pytest.raises(UsageError, match="cannot be moved by -1"):
        move_route(FILE, 0, by=-1)
    with pytest.raises(UsageError, match="by hand"):
        move_route('routes = [{ name = "a", try = ["b"] }]', 0, by=1)


def test_what_is_written_is_the_text_with_the_line_ends_and_permissions_of_the_file(tmp_path: Path) -> None:
    """A file of Windows stays one, a link stays a link, and nobody else may suddenly read it."""
    file, link = tmp_path / "mine.toml", tmp_path / "routing.toml"
    file.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    file.chmod(0o600)
    link.symlink_to(file)
    source = read_source(link)
    assert source.text == FILE
    later = write_source(source, FILE.replace("# mine", "# ours"))
    assert file.read_bytes() == b"\xef\xbb\xbf" + FILE.replace("# mine", "# ours").replace("\n", "\r\n").encode()
    assert file.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()
    assert write_source(later, FILE).data == b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["mine.toml", "routing.toml"]


def test_what_another_program_wrote_is_not_overwritten(tmp_path: Path) -> None:
    """The other may have been the user, in another window."""
    file = tmp_path / "routing.toml"
    file.write_text(FILE)
    source = read_source(file)
    file.write_text(FILE + "# a line more\n")
    with pytest.raises(FileChanged, match="changed by another program"):
        write_source(source, FILE.replace("# mine", "# ours"))
    assert file.read_text() == FILE + "# a line more\n"
    file.unlink()
    with pytest.raises(FileChanged):
        write_source(source, FILE)
    new = read_source(file, otherwise="# begin here")
    assert (new.text, new.data) == ("# begin here", None)
    file.write_text("# I was first")
    with pytest.raises(FileChanged):
        write_source(new, FILE)


def test_what_is_wrong_is_not_written_and_a_failure_leaves_the_file_whole(tmp_path: Path) -> None:
    """Nothing is lost on a mistake."""
    file = tmp_path / "routing.toml"
    file.write_text(FILE)
    with pytest.raises(ConfigError, match="Did you mean"):
        write_source(read_source(file), FILE.replace("complexity", "complexty"))
    assert file.read_text() == FILE
    new = tmp_path / "gone" / "routing.toml"
    with pytest.raises(UsageError, match="cannot be written"):
        write_source(read_source(new), FILE)
    file.write_bytes(b"# caf\xe9")
    with pytest.raises(UsageError, match="0xe9"):
        read_source(file)


@pytest.mark.skipif(os.name != "posix", reason="modes are another thing there")
def test_a_new_file_is_like_any_other_of_this_user(tmp_path: Path) -> None:
    """The temporary file is only the writer's own; the file in its place is as the umask says."""
    file, other = tmp_path / "routing.toml", tmp_path / "other"
    other.touch()
    write_source(read_source(file), FILE)
    assert file.stat().st_mode == other.stat().st_mode


def test_the_old_file_is_kept_only_when_a_new_one_was_written(tmp_path: Path) -> None:
    """A spare of a change that never was would be taken for one."""
    file = tmp_path / "routing.toml"
    file.write_text('[books]\npath = ":memory:"\n' + FILE)
    draft = Draft(Router.load(file))
    draft.check(f"# new\n{draft.text}")
    assert draft.save_keeping() == "routing.toml.old1"
    assert (tmp_path / "routing.toml.old1").read_text().startswith("[books]")
    assert file.read_text().startswith("# new\n[books]")
    file.write_text("# I was first\n")
    draft.check(f"# newer\n{draft.text}")
    with pytest.raises(FileChanged):
        draft.save_keeping()
    assert sorted(path.name for path in tmp_path.glob("routing*")) == ["routing.toml", "routing.toml.old1"]
    assert keep_old(file).name == "routing.toml.old2"
    file.unlink()
    with pytest.raises(UsageError, match=r"old3 cannot be written: .*Nothing was changed"):
        keep_old(file)
