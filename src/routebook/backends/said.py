"""What an error body says, whichever of the many shapes it has."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from routebook.backends.unreadable import UNREADABLE

_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(r"\s*<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_TEXT_KEYS = ("message", "detail", "msg", "error_description", "title")
_NAME_KEYS = ("type", "code", "status", "error_type")
_MAX_TEXT = 20_000


class Said(NamedTuple):
    """An error as a provider put it."""

    text: str = ""
    """For a person."""
    names: tuple[str, ...] = ()
    """Everything the provider calls it (`type`, `code`, `status`), lower case."""
    status: int | None = None
    """A number inside that stands for an HTTP status: OpenRouter and Gemini send one inside of a 200."""
    details: tuple[Mapping[str, Any], ...] = ()
    """Google's typed details."""
    headers: Mapping[str, str] = {}
    """Rate-limit headers that OpenRouter hands on inside of the body."""


def said(body: bytes) -> Said:
    """Read an error body: JSON in the shapes of OpenAI, Anthropic, Gemini, Ollama, OpenRouter, FastAPI and others, HTML, or plain text."""
    try:
        return said_in(msgspec.json.decode(body))
    except UNREADABLE:
        return Said(text=_plain(body[:_MAX_TEXT].decode("utf-8", "replace")))


def said_in(value: object) -> Said:
    """As `said`, for what is decoded already."""
    if isinstance(value, list):  # Gemini's streams wrap errors in an array, FastAPI lists what is wrong
        return said_in(value[0]) if value else Said()
    if not isinstance(value, dict):
        return Said(text=value if isinstance(value, str) else "")
    error = value.get("error", value.get("errors"))
    if isinstance(error, list) and error:
        error = error[0]
    if isinstance(error, dict):
        return _said_by(error, around=value)
    if isinstance(error, str) and error.startswith("{"):  # Ollama hands on what its runner said as it came
        return said(error.encode())
    if isinstance(error, str) and error:
        return Said(text=error, names=tuple(_names(value)), status=_status(value))
    return _said_by(value, around=value)


def _said_by(error: dict[str, Any], *, around: dict[str, Any]) -> Said:
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    details = error.get("details")
    return Said(
        text=_with_raw(_text(error) or _text(around), metadata.get("raw")),
        names=tuple(_names(error)),
        status=_status(error),
        details=tuple(part for part in details if isinstance(part, dict)) if isinstance(details, list) else (),
        headers=_headers(metadata.get("headers")),
    )


def _text(error: dict[str, Any]) -> str:
    for key in _TEXT_KEYS:
        value = error.get(key)
        if isinstance(value, (list, dict)):
            value = said_in(value).text
        if isinstance(value, str) and value:
            return value
    return ""


def _with_raw(text: str, raw: object) -> str:
    """OpenRouter says `Provider returned error` and keeps what the provider said in `metadata.raw`."""
    return f"{text}: {said(raw.encode()).text}" if isinstance(raw, str) and raw else text


def _names(error: dict[str, Any]) -> Iterator[str]:
    for key in _NAME_KEYS:
        value = error.get(key)
        if isinstance(value, str):
            yield value.lower()


def _status(error: dict[str, Any]) -> int | None:
    for key in ("code", "status", "status_code"):
        value = error.get(key)
        if isinstance(value, str) and value.isdecimal() and len(value) == 3:  # noqa: PLR2004 - as an HTTP status has
            value = int(value)
        if isinstance(value, int) and 400 <= value <= 599:  # noqa: PLR2004 - the range of HTTP's errors
            return value
    return None


def _headers(headers: object) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}


def _plain(text: str) -> str:
    """Read the words of a page: its title, else its text."""
    if not _HTML.match(text):
        return text.strip()
    title = _TITLE.search(text)
    return html.unescape(_TAGS.sub(" ", title[2] if title else text)).strip()
