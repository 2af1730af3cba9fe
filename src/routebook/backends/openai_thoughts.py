"""What was thought in an answer of Chat Completions, in the form in which its server sent it: the same form is what it takes back.

Servers differ: `reasoning_content` (DeepSeek, Z.ai, llama.cpp, vLLM), `reasoning` (Groq, Cerebras), `reasoning_details` that go back unchanged
(OpenRouter), parts of the content (Mistral). OpenAI's own models tell nothing of their thoughts here, so nothing goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PLAIN: Final = ("reasoning_content", "reasoning")
_GROWING: Final = ("text", "summary", "data", "signature")
"""Members of a detail that come in pieces."""
PARTS: Final = "parts"
"""Under it stands what came as parts of the content."""


class Thoughts:
    """Gathers what is thought."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._plain: dict[str, str] = {}
        self._details: list[dict[str, Any]] = []
        self._parts = ""

    def plain(self, name: str, text: object) -> None:
        """Take a piece that came under a name of its own."""
        if isinstance(text, str) and text:
            self._plain[name] = self._plain.get(name, "") + text

    def part(self, text: str) -> None:
        """Take a piece that came inside of the content."""
        self._parts += text

    def details(self, details: object) -> None:
        """Take pieces of details: those of one index belong together."""
        for piece in details if isinstance(details, list) else ():
            if isinstance(piece, dict):
                self._detail(piece)

    def _detail(self, piece: Mapping[str, Any]) -> None:
        last = self._details[-1] if self._details else {}
        if not last or (last.get("index"), last.get("type")) != (piece.get("index"), piece.get("type")):
            self._details.append(dict(piece))
            return
        for name, value in piece.items():
            is_more = name in _GROWING and isinstance(value, str) and isinstance(last.get(name), str)
            last[name] = last[name] + value if is_more else value if value is not None else last.get(name)

    def form(self) -> dict[str, Any]:
        """What goes back, under one name; the same thoughts often come under two. Empty when nothing was thought aloud."""
        if self._details:
            return {"reasoning_details": self._details}
        for name in _PLAIN:
            if name in self._plain:
                return {name: self._plain[name]}
        return {PARTS: self._parts} if self._parts else {}


def thoughtful(turn: dict[str, Any], echo: Mapping[str, Any]) -> dict[str, Any]:
    """A turn with what was thought in it, as `Thoughts.form` kept it."""
    for name in ("reasoning_details", *_PLAIN):
        if echo.get(name):
            return {**turn, name: echo[name]}
    if echo.get(PARTS):
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": echo[PARTS]}]}
        said = [{"type": "text", "text": turn["content"]}] if turn.get("content") else []
        return {**turn, "content": [thought, *said]}
    return turn
