"""The models that a provider lists."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from routebook.backends.base import Found
from routebook.backends.http import Http
from routebook.backends.unreadable import UNREADABLE

LIST_CONNECT_S: Final = 5.0


async def listed(http: Http, path: str, *, local: bool, key: str) -> list[Found]:
    """Ask for a list of models and read it; `key` is the member of the answer that holds it. Raises as `Backend.list_models`."""
    reply = await http.send(path, local=local, connect_s=LIST_CONNECT_S)
    try:
        body = await reply.read()
    finally:
        await reply.aclose()
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE as error:
        raise http.errors.broken(
            f"the list of models is not JSON: {body[:80].decode('utf-8', 'replace')!r}.", hint="Check base_url."
        ) from error
    entries = value.get(key) if isinstance(value, dict) else value  # some gateways send the bare list
    return [_found(entry) for entry in entries if _id(entry) and _answers(entry)] if isinstance(entries, list) else []


def _id(entry: object) -> str:
    """Return the id: `id`, or Gemini's `name` without its `models/`."""
    if not isinstance(entry, dict):
        return ""
    name = entry.get("id") or entry.get("name")
    return name.removeprefix("models/") if isinstance(name, str) else ""


def _answers(entry: dict[str, Any]) -> bool:
    """Leave out what Gemini lists for other uses than answering (embeddings, images)."""
    methods = entry.get("supportedGenerationMethods")
    return not isinstance(methods, list) or "generateContent" in methods


def _found(entry: dict[str, Any]) -> Found:
    """Read one entry; llama.cpp's server tells sizes in `meta`."""
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    size, parameters = meta.get("size"), meta.get("n_params")
    return Found(
        id=_id(entry),
        size_bytes=size if isinstance(size, int) else None,
        parameters=f"{parameters / 1e9:.1f}B" if isinstance(parameters, int) and parameters > 0 else None,
    )
