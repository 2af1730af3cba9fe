"""The nearest right name, for messages about a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?`, or a list of what there is when nothing is near; empty when there is nothing at all."""
    names = sorted(set(known))
    near = [name] if name in names else difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return "Did you mean " + " or ".join(map(repr, near)) + "?"
    shown = ", ".join(map(repr, names[:12])) + (", …" if len(names) > 12 else "")  # noqa: PLR2004  a dozen is a line
    return f"There is {shown}." if names else ""
