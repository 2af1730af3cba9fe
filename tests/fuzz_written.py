"""What people and models write, for fuzzing: `routing.toml`, cells and their options, answers in Markdown."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from pathlib import Path
from typing import Any, Final

import msgspec
from fuzz_inputs import bent
from hypothesis import strategies as st

from routebook.config import scripted, values
from routebook.config.read import shipped
from routebook.notebook.options import OPTIONS

DOCS: Final = Path(__file__).parent.parent / "docs"

# ---- routing.toml

_TABLES: Final[list[type[msgspec.Struct]]] = [
    *(kind for kind in vars(values).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)), scripted.Chaos, scripted.Fault,
]  # fmt: skip
_FIELDS: Final = sorted({field.encode_name for table in _TABLES for field in msgspec.structs.fields(table)})
_names = st.sampled_from(["a", "b", "chat", "groq", "openai", "total", "small", "default", "p q", "ü", "", "a.b"]) | st.text(max_size=5)
_words = st.sampled_from(["openai", "ollama", "local", "paid", "in-order", "best", "P1", "restart", "chat", "a", "http://x/v1", "json", "sk-0123456789abcdef0123"])  # fmt: skip
_scalars = (
    st.booleans() | st.integers(-3, 100) | st.integers() | st.floats() | _words | _names | st.datetimes() | st.dates() | st.times()
)  # fmt: skip
_settings = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS) | _names, inner, max_size=4),
    max_leaves=8,
)


def toml(value: Any) -> str:  # noqa: ANN401  any TOML
    """A value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return "nan" if math.isnan(value) else f"{'-' if value < 0 else ''}inf" if math.isinf(value) else repr(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case _:
            return json.dumps(value) if isinstance(value, str) else str(value)


_tables = st.dictionaries(
    st.sampled_from(["providers", "models", "routes", "pools", "tasks", "agents", "budgets", "defaults", "books"]),
    st.dictionaries(_names, st.dictionaries(st.sampled_from(_FIELDS), _settings, max_size=5), max_size=3)
    | st.lists(st.dictionaries(st.sampled_from(_FIELDS), _settings, max_size=5), max_size=3)
    | _settings,
    max_size=5,
)
_examples = [
    shipped("default.toml"),
    *re.findall(r"^```toml\n(.*?)^```", (DOCS / "configuration.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL),
]
_lines = [line for example in _examples for line in example.splitlines()]
_pieced = st.lists(st.sampled_from(_lines) | st.builds("{} = {}".format, st.sampled_from(_FIELDS), _settings.map(toml)), max_size=20).map(
    "\n".join
)
_bent_examples = bent(st.sampled_from(_examples).map(str.encode)).map(lambda data: data.decode("utf-8", "replace"))
configs = (
    _tables.map(lambda tables: "\n".join(f"{name} = {toml(value)}" for name, value in tables.items()))
    | st.builds("{}\n{}".format, st.sampled_from(_examples), _pieced)
    | _pieced
    | _bent_examples
    | st.text(max_size=80)
)
"""The text of a `routing.toml`."""

# ---- cells

_marks = st.sampled_from(
    [
        "{{",
        "}}",
        "{{ a }}",
        "{{table}}",
        "{{nothing}}",
        "{{a.b}}",
        "{{{{a}}}}",
        "{",
        "}",
        "\\{",
        '{"a": {"b": 1}}',
        "\\frac{{a}}{b}",
        "%s",
        "\n",
    ]
)
prompts = st.lists(_marks | st.text(max_size=12), max_size=8).map("".join)
"""Prompts with something in braces."""
_flags = st.sampled_from([flag for option in OPTIONS for flag in option.flags])
option_lines = st.lists(
    _flags | _words | _names | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["'", '"', "\\", "--", "-", "=", "--model=x", "-mx", "--budget=-1", "#", "A,B,", ","]),
    max_size=8,
).map(" ".join) | st.text(max_size=40)  # fmt: skip
"""What stands behind `%%route`."""
_markdown = st.sampled_from(
    [
        "# ",
        "> ",
        "- ",
        "1. ",
        "```python\n",
        "```",
        "~~~",
        "|a|b|\n|-|-|\n",
        "**",
        "*",
        "_",
        "`",
        "[a](",
        "![a](",
        "javascript:alert(1)",
        "data:text/html,x",
        ")",
        "]",
        "[",
        "<script>",
        "</div>",
        "<img src=x onerror=y>",
        "&lt;",
        "$$",
        "$",
        "\\(",
        "\\[",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "http://a/b",
        "[x]: http://a",
        "~~",
        "\\",
        "\x00",
        "&#106;",
        "<!--",
        "<a@b.c>",
        "<http://a>",
    ]
)
markdown = st.lists(_markdown | st.text(max_size=8), max_size=25).map("".join)
"""What a model may write."""
