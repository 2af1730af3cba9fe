"""Where keys stand in a TOML source: the line numbers of every message about a wrong file rest on it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from routebook.config.lines import KeyPath, line_of, positions

SOURCE = '''\
# a comment with = [ ] { } " in it
title = "x # not a comment"

[providers.groq]
"api key" = 'literal "quotes"'
dotted.inner . deep = 3.14

[models."a.b"]
text = """
first
  key = 1
""""
price = { input = 1.5, output = {
    deep = [
        1979-05-27 07:32:00,
        [ "x", "y" ],
    ],
}, last = 3 }
'quo\\ted' = 1
"esc\\u0061ped" = 2

[[routes]]
name = "one"
try = ["a",
  "b", # c
  { k = 1 }, "d"]
[routes.cache]
ttl_s = 1
[[routes]]
name = \'\'\'
two\'\'\'\'\'
[[routes.sub]]
x = 1
[[routes.sub]]
x = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("providers",), 4),
        (("providers", "groq"), 4),
        (("providers", "groq", "api key"), 5),
        (("providers", "groq", "dotted"), 6),
        (("providers", "groq", "dotted", "inner", "deep"), 6),
        (("models", "a.b"), 8),
        (("models", "a.b", "text"), 9),
        (("models", "a.b", "price", "input"), 13),
        (("models", "a.b", "price", "output", "deep"), 14),
        (("models", "a.b", "price", "output", "deep", 0), 15),
        (("models", "a.b", "price", "output", "deep", 1, 1), 16),
        (("models", "a.b", "price", "last"), 18),
        (("models", "a.b", "quo\\ted"), 19),
        (("models", "a.b", "escaped"), 20),
        (("routes",), 22),
        (("routes", 0), 22),
        (("routes", 0, "try", 0), 24),
        (("routes", 0, "try", 1), 25),
        (("routes", 0, "try", 2, "k"), 26),
        (("routes", 0, "try", 3), 26),
        (("routes", 0, "cache", "ttl_s"), 28),
        (("routes", 1), 29),
        (("routes", 1, "name"), 30),
        (("routes", 1, "sub", 0, "x"), 33),
        (("routes", 1, "sub", 1, "x"), 35),
    ],
)
def test_every_kind_of_key_has_its_line(path: KeyPath, line: int) -> None:
    """A message that names the wrong line is worse than one that names none."""
    assert positions(SOURCE)[path] == line


def test_explicit_header_wins_over_an_implied_one() -> None:
    """A missing key is reported at the header of its table, not at a table inside it."""
    assert positions("[a.b]\nx = 1\n[a]\ny = 2\n")[("a",)] == 3


def test_windows_line_ends_count_once() -> None:
    """Files written on Windows get the same lines."""
    assert positions("a = 1\r\n\r\nb = [\r\n 1,\r\n 2]\r\n") == {("a",): 1, ("b",): 3, ("b", 0): 4, ("b", 1): 5}


def test_unknown_path_takes_the_line_of_its_table() -> None:
    """A key that is missing has no line of its own."""
    lines = positions("\n[models.x]\nid = 'y'\n")
    assert line_of(("models", "x", "provider"), lines=lines) == 2
    assert line_of(("routes",), lines=lines) is None


def _paths(data: object, path: KeyPath = ()) -> set[KeyPath]:
    inner: set[KeyPath] = {path} if path else set()
    if isinstance(data, dict):
        inner.update(*(_paths(value, (*path, key)) for key, value in data.items()))
    elif isinstance(data, list):
        inner.update(*(_paths(value, (*path, at)) for at, value in enumerate(data)))
    return inner


def test_every_path_that_tomli_sees_is_found_and_no_other() -> None:
    """The lexer and the parser must agree on what the file says."""
    assert set(positions(SOURCE)) == _paths(tomli.loads(SOURCE))


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
    | st.datetimes(min_value=dt.datetime(1000, 1, 1))  # noqa: DTZ001  local TOML dates have no zone
    | st.dates(min_value=dt.date(1000, 1, 1))
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12)


def _quoted(text: str, draw: st.DataObject, *, is_key: bool) -> str:
    escaped = "".join(f"\\U{ord(c):08x}" if not c.isprintable() or c in '"\\' else c for c in text)
    if not is_key and draw.draw(st.booleans()):
        return f'"""\n{escaped}"""'
    return f"'{text}'" if text.isprintable() and "'" not in text and draw.draw(st.booleans()) else f'"{escaped}"'


def _inline(value: object, draw: st.DataObject) -> str:
    gap = draw.draw(st.sampled_from(["", " ", "\n", " # ]}\n"]))
    match value:
        case bool():
            return str(value).lower()
        case dict():
            items = [f"{gap}{_quoted(key, draw, is_key=True)} = {_inline(inner, draw)}{gap}" for key, inner in value.items()]
            return "{" + ",".join(items) + "}"
        case list():
            return "[" + ",".join(f"{gap}{_inline(inner, draw)}{gap}" for inner in value) + "]"
        case str():
            return _quoted(value, draw, is_key=False)
        case dt.datetime() | dt.date():
            return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
        case _:
            return str(value)


@settings(max_examples=60)
@given(data=st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3), draw=st.data())
def test_written_values_are_found_on_their_lines(data: dict[str, dict[str, Any]], draw: st.DataObject) -> None:
    """Any file that TOML allows must map whole, or a wrong file would be reported on wrong lines."""
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    for table, keys in data.items():
        lines += f"[{_quoted(table, draw, is_key=True)}]".split("\n")
        expected[(table,)] = len(lines)
        for key, value in keys.items():
            expected[(table, key)] = len(lines) + 1
            lines += f"{_quoted(key, draw, is_key=True)} = {_inline(value, draw)}".split("\n")
    source = "\n".join(lines)
    found = positions(source)
    assert {path: found[path] for path in expected} == expected
    assert set(found) == _paths(tomli.loads(source))


@settings(max_examples=150)
@given(st.text(st.sampled_from(list("ab='\"[]{},.#\\ \n\r\t1é")), max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """The lexer works on users' files: it may find little, but it must not fail."""
    found = positions(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


def test_deep_nesting_needs_no_deep_stack() -> None:
    """A file nested as deep as TOML parsers allow must not overflow the lexer."""
    text = "a = " + "[" * 1500 + "]" * 1500
    assert len(positions(text)) == 1500
