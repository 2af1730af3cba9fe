"""What a docstring says of a function and of each of its parameters: Google's, NumPy's and Sphinx's ways."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

_SECTION: Final = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?|Notes?)\s*:?\s*$")
_RULE: Final = re.compile(r"^-{3,}$")
_SPHINX: Final = re.compile(r"^:(\w+)\s*(?:[\w\[\], |]*\s)?(\w*):\s*(.*)$")
_PARAMETER: Final = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_PARAMETERS: Final = ("Args", "Arguments", "Parameters")


class Said(NamedTuple):
    """A docstring, read."""

    description: str
    parameters: dict[str, str]


def read_docstring(function: Callable[..., Any], names: Collection[str]) -> Said:
    """Read a function's docstring; `names` are those of its parameters. What it raises and returns is left out: the model sees it."""
    section, current = "", ""
    head: list[str] = []
    found: dict[str, list[str]] = {}
    for line in (inspect.getdoc(function) or "").splitlines():
        text = line.strip()
        if _RULE.match(text):
            continue
        if (title := _SECTION.match(line)) is not None:
            section, current = title[1], ""
        elif (field := _SPHINX.match(text)) is not None:
            section, current = "Sphinx", field[2] if field[1] == "param" and field[2] in names else ""
            if current:
                found[current] = [field[3]]
        elif not section:
            head.append(line)
        elif section in _PARAMETERS and (name := _named(text, names)):
            current = name[0]
            found[current] = [name[1]]
        elif current and text:
            found[current].append(text)
    return Said("\n".join(head).strip(), {name: " ".join(filter(None, lines)) for name, lines in found.items()})


def _named(text: str, names: Collection[str]) -> tuple[str, str] | None:
    """`name: …`, `name (type): …` or NumPy's `name : type`, whose words stand below."""
    match = _PARAMETER.match(text)
    if match is not None and match[1] in names:
        return match[1], "" if " : " in text else match[2]
    return (text, "") if text in names else None
