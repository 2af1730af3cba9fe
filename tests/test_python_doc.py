"""`docs/python.md` says all there is, and its examples run."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from served import ONE_MODEL

import routebook as rb
from routebook import errors, events
from routebook.testing import ScriptedServer

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
INNER = {"runtime", "start", "is_open", "close", "load", "turn", "echo", "answered_by"}
"""For views and other rooms of the package, or said in the examples."""


def public(of: type) -> set[str]:
    """The names of a class that do not begin with `_`."""
    fields = {field.name for field in msgspec.structs.fields(of)} if issubclass(of, msgspec.Struct) else set()
    methods = {name for name, _ in inspect.getmembers(of, lambda value: inspect.isfunction(value) or isinstance(value, property))}
    return {name for name in fields | methods if not name.startswith("_")}


@pytest.mark.parametrize("of", [rb.Router, rb.Answer], ids=["Router", "Answer"])
def test_every_method_and_field_is_there(of: type) -> None:
    """What is not written down is not found."""
    assert public(of) - INNER <= NAMED


def test_every_event_and_every_error_that_the_package_has_is_there() -> None:
    """Whoever catches one must know its name."""
    assert {name for name, value in vars(events).items() if inspect.isclass(value) and value.__module__ == events.__name__} <= NAMED
    assert {name for name in rb.__all__ if name.endswith("Error") or issubclass(getattr(errors, name, int), rb.RoutebookError)} <= NAMED | {
        "RoutebookError"
    }


def test_its_examples_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a routing.toml whose model is a scripted server."""
    with ScriptedServer(reply="It is a monoid.") as server:
        (tmp_path / "routing.toml").write_text(ONE_MODEL.replace("URL", server.url), encoding="utf-8")
        first, second = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        exec(first, {})  # noqa: S102  our own page
        assert capsys.readouterr().out.startswith("It is a monoid. a ")
        made: dict[str, Any] = {}
        exec(second, made)  # noqa: S102  as above
        answer, answers = asyncio.run(made["main"]())
    assert [answer.text, *(one.text for one in answers)] == ["It is a monoid."] * 3
    assert capsys.readouterr().out == "It is a monoid."
