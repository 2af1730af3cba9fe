"""Ollama's address, in all the forms that `$OLLAMA_HOST` may have."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

DEFAULT_PORT: Final = 11434
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where a server listens is no address to call


def host_url(text: str) -> str:
    """Return the address as a URL: `` (nothing), `:11435`, `0.0.0.0`, `box:11434`, `[::1]` and whole URLs are known.

    Without a scheme the port is Ollama's, with one it is the scheme's, as in Ollama itself; what cannot be read is returned as it is.
    """
    scheme, marker, rest = text.strip().rpartition("://")
    try:
        parts = urlsplit(f"{scheme or 'http'}://{rest}")
        port = parts.port or (DEFAULT_PORT if not marker else None)
    except ValueError:
        return text
    host = _EVERYWHERE.get(parts.hostname or "", parts.hostname or "")
    name = f"[{host}]" if ":" in host else host
    return f"{scheme or 'http'}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
