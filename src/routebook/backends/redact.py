"""Keys out of texts that others wrote: error bodies echo what was sent."""

from __future__ import annotations

import re

MAX_CHARS = 300
_HIDDEN = "[hidden]"
_MIN_SECRET = 6
"""Shorter ones (`none`, `x`) are placeholders for servers that want any key."""
_KEYS = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|nvapi|csk|xai|r8|tvly|fw|pplx)[-_][A-Za-z0-9*_-]{12,}"  # as providers shape them, masked ones too
    r"|\bAIza[A-Za-z0-9_-]{20,}"
    r"|(?<=bearer )\S+"
    r"|(?<=basic )[A-Za-z0-9+/=]{8,}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"""((?:api[-_ ]?key|authorization|x-goog-api-key|access[-_ ]?token|token|secret|password|[?&]key)["']?\s?[:=]\s?["']?)(?!bearer )[^\s"'&,;}]{6,}""",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def redacted(text: str, *, secret: str | None = None, max_chars: int = MAX_CHARS) -> str:
    """Return a foreign text as one line without keys, cut to `max_chars`; `secret` is the key that was sent, if any."""
    if secret and len(secret) >= _MIN_SECRET:
        text = text.replace(secret, _HIDDEN)
    line = _SPACES.sub(" ", text[: 20 * max_chars]).strip()
    line = _NAMED.sub(rf"\1{_HIDDEN}", _KEYS.sub(_HIDDEN, line))
    return line if len(line) <= max_chars else line[: max_chars - 1].rstrip() + "…"
