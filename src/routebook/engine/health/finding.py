"""What the doctor says of one thing."""

from __future__ import annotations

from typing import Literal

from routebook.messages import Value

State = Literal["ok", "left out", "advice", "problem"]


class Finding(Value, frozen=True, kw_only=True):
    """One thing that was looked at."""

    about: str
    """`Python`, `provider groq`, `model llama-70b`, …"""
    state: State
    """`left out` is nothing wrong: a provider without a key, an Ollama that is not started. `advice`: it works, and could work better."""
    said: str
    hint: str = ""
    """What to type, or to do, where there is something."""
