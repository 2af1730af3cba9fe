"""An Ollama-protocol server over the real embedded model: an emulator, written from Ollama's documentation and server sources (0.33).

It answers /api/chat, /api/generate, /api/tags, /api/ps, /api/show and /api/version, loads its model with the first request, refuses what
Ollama refuses, in its words, and hands everything else to the embedded model's server. Embeddings, pulling and tools are left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx

from routebook.backends.chaos.connection import Connection
from routebook.backends.chaos.http1 import END, HttpRequest, chunk
from routebook.backends.chaos.seen import Seen
from routebook.backends.embedded_server import EmbeddedServer

_JSON: Final = {"content-type": "application/json; charset=utf-8"}
_OPTIONS: Final = {"num_predict": "max_tokens", "temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop"}
_DETAILS: Final = {"format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "134.52M", "quantization_level": "Q4_1"}
CONTEXT: Final = 2048


class Refused(Exception):
    """A request that Ollama would not take."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class OllamaServer:
    """Serves one model under one name."""

    def __init__(self, gguf: Path, *, name: str = "smollm2:135m") -> None:
        self.name, self.is_loaded, self.seen, self.url = name, False, Seen(), ""
        self._size = gguf.stat().st_size
        self._model = EmbeddedServer(gguf, alias=name, context=CONTEXT)

    async def serve(self, request: HttpRequest, out: Connection) -> None:
        """Answer one request."""
        route = {
            "GET /api/version": self._version, "GET /api/tags": self._tags, "GET /api/ps": self._ps, "POST /api/show": self._show,
            "POST /api/chat": self._chat, "POST /api/generate": self._chat,
        }.get(f"{request.method} {request.path}")  # fmt: skip
        try:
            await (route or self._nothing)(request, out)
        except Refused as error:
            out.respond(error.status, _JSON, json.dumps({"error": str(error)}).encode())

    async def _nothing(self, _: HttpRequest, __: Connection) -> None:
        raise Refused(404, "404 page not found")

    async def _version(self, _: HttpRequest, out: Connection) -> None:
        out.respond(200, _JSON, b'{"version":"0.33.0"}')

    async def _tags(self, _: HttpRequest, out: Connection) -> None:
        out.respond(200, _JSON, json.dumps({"models": [{**self._entry(), "capabilities": ["completion"]}]}).encode())

    async def _ps(self, _: HttpRequest, out: Connection) -> None:
        out.respond(200, _JSON, json.dumps({"models": [self._entry()] if self.is_loaded else []}).encode())

    async def _show(self, request: HttpRequest, out: Connection) -> None:
        self._asked(request)
        out.respond(
            200,
            _JSON,
            json.dumps({"details": _DETAILS, "capabilities": ["completion"], "model_info": {"llama.context_length": 8192}}).encode(),
        )

    def _entry(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "model": self.name,
            "size": self._size,
            "digest": "0" * 64,
            "details": _DETAILS,
            "modified_at": "2026-01-01T00:00:00Z",
        }

    def _asked(self, request: HttpRequest) -> dict[str, Any]:
        if not request.body:
            raise Refused(400, "missing request body")
        body: dict[str, Any] = json.loads(request.body)
        if not body.get("model"):
            raise Refused(400, "model is required")
        if body["model"] != self.name:
            raise Refused(404, f"model '{body['model']}' not found")
        if body.get("think"):
            raise Refused(400, f'"{self.name}" does not support thinking')
        if body.get("tools"):
            raise Refused(400, f"registry.ollama.ai/library/{self.name} does not support tools")
        return body

    async def _chat(self, request: HttpRequest, out: Connection) -> None:
        body, start = self._asked(request), time.monotonic_ns()
        await self._model.start()
        self.is_loaded, loaded = True, time.monotonic_ns()
        is_chat = request.path == "/api/chat"
        messages = body.get("messages") or [] if is_chat else [{"role": "user", "content": body.get("prompt", "")}]
        wanted: dict[str, Any] = {
            "messages": messages,
            "stream": True,
            "max_tokens": 256,
            "temperature": 0.2,
            "stream_options": {"include_usage": True},
        }
        wanted |= {_OPTIONS[name]: value for name, value in (body.get("options") or {}).items() if name in _OPTIONS}
        if isinstance(body.get("format"), dict):
            wanted["response_format"] = {"type": "json_schema", "json_schema": {"schema": body["format"]}}
        is_stream, text = body.get("stream") is not False, ""
        last: dict[str, Any] = {}
        async with contextlib.aclosing(self._generate(wanted)) as parts:
            async for part in parts:
                last |= part
                piece = part.pop("text", "")
                if is_stream and piece:
                    if not text:
                        out.start({"content-type": "application/x-ndjson"})
                    out.write(_line(self._part(piece, is_chat=is_chat, is_done=False)))
                text += piece
        final = self._part("" if is_stream else text, is_chat=is_chat, is_done=True) | {
            "done_reason": last.get("reason", "stop"), "total_duration": time.monotonic_ns() - start, "load_duration": loaded - start,
            "prompt_eval_count": last.get("n_input", 0), "prompt_eval_duration": last.get("prompt_ns", 0),
            "eval_count": last.get("n_output", 0), "eval_duration": last.get("generate_ns", 0),
        }  # fmt: skip
        final = {name: value for name, value in final.items() if value != 0 or name == "done"}  # zeros are left out, as in Ollama
        if is_stream:
            out.write(_line(final) + END)
        else:
            out.respond(200, _JSON, json.dumps(final).encode())

    def _part(self, text: str, *, is_chat: bool, is_done: bool) -> dict[str, Any]:
        said: dict[str, Any] = {"message": {"role": "assistant", "content": text}} if is_chat else {"response": text}
        return {"model": self.name, "created_at": "2026-01-01T00:00:00Z", **said, "done": is_done}

    async def _generate(self, wanted: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Ask the real model; its cancellation is this generator's."""
        headers = {"authorization": f"Bearer {self._model.key}"}
        async with (
            httpx.AsyncClient(base_url=self._model.url, headers=headers, timeout=None) as client,  # noqa: S113 - a test has its own
            client.stream("POST", "/v1/chat/completions", json=wanted) as response,
        ):
            if response.status_code != 200:
                raise Refused(response.status_code, (await response.aread()).decode())  # as Ollama hands on what its runner says
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    yield _part_of(json.loads(line[6:]))

    async def aclose(self) -> None:
        """End the model's process."""
        await self._model.aclose()


def _part_of(value: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for choice in value.get("choices", ()):
        part["text"] = choice["delta"].get("content") or ""
        if choice.get("finish_reason"):
            part["reason"] = choice["finish_reason"]
    if usage := value.get("usage"):
        part |= {"n_input": usage["prompt_tokens"], "n_output": usage["completion_tokens"]}
    if timings := value.get("timings"):
        part |= {"prompt_ns": int(timings["prompt_ms"] * 1e6), "generate_ns": int(timings["predicted_ms"] * 1e6)}
    return part


def _line(value: dict[str, Any]) -> bytes:
    return chunk(json.dumps(value).encode() + b"\n")


@contextlib.asynccontextmanager
async def ollama_server(gguf: Path, *, name: str = "smollm2:135m") -> AsyncIterator[OllamaServer]:
    """Run one for the length of a block."""
    server, peers = OllamaServer(gguf, name=name), set[Connection]()
    listening = await asyncio.get_running_loop().create_server(
        lambda: Connection(peers, seen=server.seen, serve=server.serve), "127.0.0.1", 0
    )
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for peer in tuple(peers):
            peer.abort()
        await asyncio.sleep(0)
        await server.aclose()
