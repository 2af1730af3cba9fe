"""A value set in the text of `routing.toml`: that value, and nothing else."""

from __future__ import annotations

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from routebook.config.edit import route_names
from routebook.config.lines import spans
from routebook.config.rewrite import literal, with_value, without_route
from routebook.errors import UsageError

FILE = """# mine
[models.small]
provider = "mac"   # at home
id = "small:1b"
timeout = { first_token_s = 20, idle_s = 0.5 } # as measured
[models."a.b"]
provider = "mac"
id = "b"

# hard things
[[routes]]
name = "hard"
tasks = ["bug_fix"]
try = [
  "dear",   # the best
  # "old",
  "small"   # the cheapest
]

[[routes]]
name = "list"
try = [
  "dear",   # the best
  "small"   # the cheapest
]
# the last
[[routes]]
name = "chat"    # everything
try = ["small", "dear"]
[routes.cache]
ttl_s = 60
"""


def lines_changed(before: str, after: str) -> set[str]:
    """The lines of the one that the other has not."""
    return set(after.split("\n")) ^ set(before.split("\n"))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("models", "small", "timeout", "first_token_s"), 45, "timeout = { first_token_s = 45, idle_s = 0.5 } # as measured"),
        (("models", "small", "timeout", "idle_s"), 2.25, "timeout = { first_token_s = 20, idle_s = 2.25 } # as measured"),
        (("models", "small", "timeout", "total_s"), 90, "timeout = { total_s = 90, first_token_s = 20, idle_s = 0.5 } # as measured"),
        (("models", "a.b", "timeout", "total_s"), 90, "timeout = { total_s = 90 }"),
        (("models", "small", "max_concurrent"), 4, "max_concurrent = 4"),
        (("routes", 2, "try"), ["dear", "small"], 'try = ["dear", "small"]'),
        (("routes", 2, "cache", "ttl_s"), 86400, "ttl_s = 86400"),
        (("routes", 1, "cache"), {"ttl_s": 86400}, "cache = { ttl_s = 86400 }"),
        (("budgets", "total"), {"weekly": 5, "alert": 2.5}, "total = { weekly = 5, alert = 2.5 }"),
    ],
)
def test_only_that_value_changes(path: tuple[str | int, ...], value: object, line: str) -> None:
    """Comments, order and blank lines are the author's."""
    after = with_value(FILE, path, value)
    assert line in after.split("\n")
    gone = lines_changed(FILE, after) - {line, "[budgets]"}
    assert len(gone) <= 1, gone
    assert after.count("#") == FILE.count("#")


def test_a_list_over_many_lines_is_moved_with_its_comments() -> None:
    """A comment belongs to what stands before it."""
    after = with_value(FILE, ("routes", 1, "try"), ["new", "small", "dear"])
    assert '  "new",\n  "small",   # the cheapest\n  "dear",   # the best\n]' in after


def test_what_cannot_be_changed_alone_is_left_to_its_author() -> None:
    """A comment inside a list belongs to nobody who can be told."""
    for text, path, value in (
        (FILE, ("routes", 0, "try"), ["small", "dear"]),
        (FILE, ("routes", 7, "try"), ["small"]),
        ("not = toml = at all", ("budgets", "total"), {"daily": 1}),
        ("budgets.total = { daily = 1 }\n[budgets.claude]\ndaily = 2\n", ("budgets", "claude", "x", "y"), object()),
    ):
        with pytest.raises(UsageError):
            with_value(text, path, value)


def test_a_route_is_put_out_of_use_as_comments_and_comes_back() -> None:
    """Nothing is lost: taking the marks away gives the file as it was."""
    after = without_route(FILE, "chat")
    assert route_names(after) == ["hard", "list"]
    assert '# [[routes]]\n# name = "chat"    # everything' in after
    assert "# the last\n# [[routes]]" in after
    marked = after.split("\n")
    assert [line.removeprefix("# ") if line not in FILE.split("\n") else line for line in marked] == FILE.split("\n")
    for text, name in ((FILE, "nobody"), ('routes = [{ name = "a" }, { name = "b" }]', "a")):
        with pytest.raises(UsageError):
            without_route(text, name)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_any_value_is_read_as_it_was_written(value: object) -> None:
    """Names of models are the user's, with quotes, dots and anything in them."""
    assert tomli.loads(f"x = {literal(value)}")["x"] == value


@given(VALUES, VALUES)
def test_every_value_is_found_where_it_stands(one: object, other: object) -> None:
    """What is replaced is the value and all of it."""
    text = f'# x = 1\na = {literal(one)} # y\n[t]\n"b.c" = {literal(other)}\n'
    found = spans(text)
    assert text[slice(*found["a",])] == literal(one)
    assert text[slice(*found["t", "b.c"])] == literal(other)
