"""The Python checks that come with Routebook. They read an answer, and run nothing of it. A check says True, False, what is wrong, or a share."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from routebook.evaluation.small_python import call
from routebook.evaluation.small_values import CannotFollow
from routebook.evaluation.suite import Check
from routebook.text import fenced_code

LONGEST: Final = 20_000
"""Characters of code that are parsed: Python's parser can be brought down by more."""


def defines(text: str, *, function: str, parameters: Sequence[str] = (), without: Sequence[str] = ()) -> str | None:
    """The code parses as Python, defines the function with these parameters, and uses none of the names in `without`."""
    code = code_of(text)
    try:
        tree = ast.parse(code[:LONGEST])
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"it is not Python: {error}."
    found = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function), None)
    if found is None:
        return f"it defines no function {function!r}."
    own = [argument.arg for argument in (*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs)]
    if parameters and own != list(parameters):
        return f"{function} takes {', '.join(own) or 'nothing'}, not {', '.join(parameters)}."
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    forbidden = [name for name in without if name in used]
    return f"it uses {', '.join(forbidden)}." if forbidden else None


def gives(text: str, *, function: str, cases: Sequence[Sequence[Any]], without: Sequence[str] = ()) -> str | None:
    """The function of the answer's code gives what it should, without some words; a case is the arguments and then what they should give.

    The code is followed step by step and never run: see `small_python.py`.
    """
    found = [word for word in without if re.search(rf"\b{re.escape(word)}\b", code_of(text))]
    if found:
        return f"it uses {', '.join(found)}."
    for *arguments, wanted in cases:
        shown = f"{function}({', '.join(map(repr, arguments))})"
        try:
            gave = call(code_of(text), function, copy.deepcopy(arguments))
        except CannotFollow as error:
            return f"{shown}: {error}."
        if _plain(gave) != wanted or isinstance(gave, bool) is not isinstance(wanted, bool):
            return f"{shown} gives {gave!r:.80}, not {wanted!r:.80}."
    return None


def _plain(value: Any) -> Any:  # noqa: ANN401  as a suite can write it
    """With lists in the place of tuples."""
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def contains(text: str, *, all_of: Sequence[str] = (), none_of: Sequence[str] = (), any_of: Sequence[str] = ()) -> str | None:
    """The words are there, in any case; others are not."""
    said = text.casefold()
    missing = [word for word in all_of if word.casefold() not in said]
    if missing:
        return f"it lacks {', '.join(missing)}."
    if any_of and not any(word.casefold() in said for word in any_of):
        return f"it has none of {', '.join(any_of)}."
    found = [word for word in none_of if word.casefold() in said]
    return f"it says {', '.join(found)}." if found else None


def lines(text: str, *, count: int, each: str = "") -> str | None:
    """So many lines that are not blank; each begins with `each`."""
    found = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(found) != count:
        return f"it has {len(found)} lines, not {count}."
    wrong = [line for line in found if not line.startswith(each)]
    return f"a line does not begin with {each!r}." if wrong else None


def words(text: str, *, least: int = 1, most: int = 1_000_000, all_of: Sequence[str] = ()) -> str | None:
    """So many words, and these are among them."""
    count = len(text.split())
    if not least <= count <= most:
        return f"it has {count} words, not {least} to {most}."
    return contains(text, all_of=all_of)


def json_equals(text: str, *, value: Any) -> str | None:  # noqa: ANN401  whatever JSON holds
    """The answer is JSON and says just this; objects may have their keys in any order."""
    try:
        found = json.loads(code_of(text).strip())
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}."
    return None if found == value else "it says something else."


def code_of(text: str) -> str:
    """The fenced code of an answer; all of it where it has none."""
    blocks = fenced_code(text)
    return "\n\n".join(blocks) if blocks else text


OWN: Final[Mapping[str, Check]] = {check.__name__: check for check in (defines, gives, contains, lines, words, json_equals)}
"""By the name that a suite calls them."""
