"""Whatever is in `routing.toml`, it is a config or one ConfigError."""

from __future__ import annotations

import contextlib
import string

from hypothesis import example, given, settings
from hypothesis import strategies as st

from routebook.config.read import parse, shipped
from routebook.errors import ConfigError

_NAMES = st.sampled_from(
    ["routes", "models", "providers", "pools", "tasks", "agents", "budgets", "defaults", "books", "groq", "x", "try", "avoid", "kind", "id",
     "name", "provider", "price", "input", "output", "on_refusal", "chaos", "faults", "weights", "rubric", "complexity", "extra", "params",
     "headers", "base_url", "api_key_env", "total", "daily", "alert", "primary", "pick", "private", "local", "timeout", "cache", "ttl_s", ""],
) | st.text(max_size=5)  # fmt: skip
_SCALARS = (
    st.sampled_from(["openai", "ollama", "chaos", "groq", "x", "x/y", "http://[", "http://a:b", "sk-1234567890abcdefgh", "weighted", "P1"])
    | st.text(max_size=8)
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**70, -(10**400), 0, 1, 5])
    | st.floats()
)
_TREES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=20)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'
        case dict():
            return "{" + ", ".join(f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return str(value)


def _no_other_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse(text, file="x")


@settings(max_examples=150)
@given(st.dictionaries(_NAMES, _TREES, max_size=6))
@example({"routes": []})
def test_any_data_is_a_config_or_a_config_error(data: dict[str, object]) -> None:
    """A file may hold anything; a traceback of ours is never the answer."""
    try:
        text = "\n".join(f"{_toml(key)} = {_toml(value)}" for key, value in data.items())
    except ValueError:  # more digits than Python prints
        return
    _no_other_error(text)


@settings(max_examples=150)
@given(st.text(st.sampled_from(list(string.ascii_letters[:6] + "\"'[]{}=.,#\\ \n\t\r\x00é1")), max_size=80))
def test_any_text_is_a_config_or_a_config_error(text: str) -> None:
    """A file may not even be TOML."""
    _no_other_error(text)


@settings(max_examples=80)
@given(st.data())
def test_any_damage_to_a_good_file_is_a_config_error_or_still_good(data: st.DataObject) -> None:
    """Real mistakes are small ones in a file that was right."""
    lines = shipped("starter.toml").splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["cut", "twice", "swap", "value", "key"]))
        key, equals, value = lines[at].partition("=")
        match change:
            case "cut":
                lines[at] = lines[at][: len(lines[at]) // 2]
            case "twice":
                lines.insert(at, lines[at])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "value" if equals:
                lines[at] = f"{key} = {_toml(data.draw(_SCALARS))}"
            case _:
                lines[at] = key[:-2] + equals + value
    _no_other_error("\n".join(lines))
