"""The keys of tools: where they are named, they are looked for as the keys of providers are, `.env` files included."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar

from routebook.config.keys import Secret
from routebook.errors import SetupNeeded

Find = Callable[[str], Secret | None]
find: ContextVar[Find | None] = ContextVar("routebook_tool_keys", default=None)
"""Finds a variable's value; set while a tool runs."""


def tool_key(variable: str) -> str:
    """The key that a tool needs, by the name of its variable.

    Raises:
        SetupNeeded: it is set nowhere; says where to put it.
    """
    look = find.get()
    secret = look(variable) if look is not None else None
    text = secret.reveal() if secret is not None else os.environ.get(variable, "").strip()
    if not text:
        raise SetupNeeded(f"no key: {variable} is not set. Set it in the environment, or in .env beside routing.toml or in ~/.env.")
    return text
