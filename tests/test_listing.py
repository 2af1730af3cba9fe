"""The models that providers list."""

from __future__ import annotations

import asyncio
import json

import pytest
from rawserver import raw, response

from routebook.backends.registry import open_backend
from routebook.config.values import Provider
from routebook.errors import StreamBroken


def test_the_models_are_listed_in_whatever_frame() -> None:
    """Some gateways send the bare list; llama.cpp's server tells sizes."""

    async def run(answer: bytes) -> list[tuple[str, int | None, str | None]]:
        async with raw(response(answer)) as server:
            backend = open_backend("acme", Provider(kind="openai", base_url=server.url), key=None, models={})
            found = await backend.list_models(local=True)
            await backend.aclose()
            return [(one.id, one.size_bytes, one.parameters) for one in found]

    framed = {"object": "list", "data": [{"id": "a", "meta": {"size": 90_000, "n_params": 134_515_008}}, {"id": "b"}, {"no": "id"}, 7]}
    assert asyncio.run(run(json.dumps(framed).encode())) == [("a", 90_000, "0.1B"), ("b", None, None)]
    assert asyncio.run(run(b'[{"id":"c"}]')) == [("c", None, None)]
    assert asyncio.run(run(b'{"data":null}')) == []
    with pytest.raises(StreamBroken, match="not JSON"):
        asyncio.run(run(b"<html>"))
