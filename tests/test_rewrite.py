"""A value set in the text of `routing.toml`: that value, and nothing else."""

from __future__ import annotations

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from routebook.config.edit import route_names, without_route
from routebook.config.lines import spans
from routebook.config.literal import literal
from routebook.config.rewrite import with_value
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
        (("models", "small", "timeout", "total_s"), 90, "timeout = { first_token_s = 20, idle_s = 0.5, total_s = 90 } # as measured"),
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


WRITTEN = """top = 1   # t
books.dot.provider = "p"   # d
[models]
c.rubric.writing = 4   # c
c.id = "c"
flat = { id = "f", rubric = { writing = 1 } } # f
none = { } # n
braced = { id = "b", rubric.writing = 1, rpm = 8 } # b
long = {
  id = "l", # l
  rpm = 3 # last
  # end
}

  [pools.one]   # o
  models = [
    "a",   # first
  ]

# behind it
[pools.one.more]
x = { a = 1,
  b = 2 }
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("top",), 2, "top = 1 ", "top = 2 "),
        (("next",), 2, '"p"   # d\n', '"p"   # d\nnext = 2\n'),
        (("books", "dot", "id"), "d", '"p"   # d\n', '"p"   # d\nbooks.dot.id = "d"\n'),
        (("models", "c", "rubric", "writing"), 6, "writing = 4 ", "writing = 6 "),
        (("models", "c", "rubric", "bug fix"), 6, "# c\n", '# c\nc.rubric."bug fix" = 6\n'),
        (("models", "c", "price"), {"input": 1}, 'c.id = "c"\n', 'c.id = "c"\nc.price = { input = 1 }\n'),
        (("models", "flat", "rubric", "writing"), 7.5, "writing = 1 }", "writing = 7.5 }"),
        (("models", "flat", "rubric", "testing"), 2, "writing = 1 }", "writing = 1, testing = 2 }"),
        (("models", "flat", "rpm"), 9, "} } # f", "}, rpm = 9 } # f"),
        (("models", "braced", "rubric", "testing"), 2, "rpm = 8 }", "rpm = 8, rubric.testing = 2 }"),
        (("models", "none", "id"), "n", "none = { }", 'none = { id = "n" }'),
        (("models", "long", "rpm"), 1_000_000, "rpm = 3 ", "rpm = 1000000 "),
        (("models", "long", "tpm"), 9, "rpm = 3 # last\n", "rpm = 3, # last\n  tpm = 9,\n"),
        (("pools", "one", "quality"), 0.5, "\n  ]\n", "\n  ]\n  quality = 0.5\n"),
        (("pools", "one", "more", "x", "c"), 3, "b = 2 }", "b = 2, c = 3 }"),
        (
            ("pools", "one", "more", "y"),
            dict.fromkeys("abcde", 1),
            "b = 2 }",
            "b = 2 }\ny = {\n    a = 1, b = 1, c = 1, d = 1,\n    e = 1,\n}",
        ),
        (("pools", "two"), {"models": ["a"]}, "b = 2 }\n", 'b = 2 }\n\n[pools]\ntwo = { models = ["a"] }\n'),
    ],
)
def test_a_table_is_added_to_at_its_end_in_the_way_it_is_written(path: tuple[str | int, ...], value: object, old: str, new: str) -> None:
    """There are five ways to write a table, and the author chose his."""
    assert WRITTEN.count(old) == 1
    assert with_value(WRITTEN, path, value) == WRITTEN.replace(old, new)


def test_a_value_that_is_there_already_changes_nothing() -> None:
    """Nobody's layout is touched for nothing."""
    assert with_value(WRITTEN, ("models", "long"), {"id": "l", "rpm": 3}) == WRITTEN


def test_an_empty_file_takes_a_first_value() -> None:
    """There is nothing to stand beside."""
    assert with_value("", ("books", "path"), "x.db") == '[books]\npath = "x.db"\n'
    assert with_value("", ("x",), 1) == "x = 1\n"


def test_a_list_over_many_lines_is_moved_with_its_comments() -> None:
    """A comment belongs to what stands before it."""
    after = with_value(FILE, ("routes", 1, "try"), ["new", "small", "dear"])
    assert '  "new",\n  "small",   # the cheapest\n  "dear",   # the best\n]' in after


def test_what_cannot_be_changed_alone_is_left_to_its_author() -> None:
    """A comment inside a list belongs to nobody who can be told."""
    for text, path, value in (
        (FILE, ("routes", 0, "try"), ["small", "dear"]),
        (FILE, ("routes", 7, "try"), ["small"]),
        (FILE, ("models", "small", "id", "x"), 1),
        ("[pools.one.more]\nx = 1\n", ("pools", "one", "quality"), 1),
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
