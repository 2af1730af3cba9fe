"""The scripted server: takes requests on loopback, tells the wire formats apart by path, and counts all it sees."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from routebook.backends.chaos.allowance import Allowance
from routebook.backends.chaos.connection import Connection
from routebook.backends.chaos.http1 import HttpRequest
from routebook.backends.chaos.memory import Memory
from routebook.backends.chaos.play import Scene
from routebook.backends.chaos.script import Act, Asked, Script
from routebook.backends.chaos.seen import Seen, SeenCall
from routebook.backends.chaos.wire import Wait, WaitForm, Wire, failure
from routebook.backends.chaos.wire_anthropic import AnthropicWire
from routebook.backends.chaos.wire_gemini import GeminiWire
from routebook.backends.chaos.wire_ollama import OllamaWire
from routebook.backends.chaos.wire_openai import OpenAIWire
from routebook.backends.unreadable import UNREADABLE
from routebook.config.scripted import Chaos, Fault

_WIRES: Final[dict[str, Wire]] = {"openai": OpenAIWire(), "anthropic": AnthropicWire(), "gemini": GeminiWire(), "ollama": OllamaWire()}
_BASE_PATHS: Final = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama": ""}
_CALLS: Final = {
    "/chat/completions": "openai",
    "/messages": "anthropic",
    "/api/chat": "ollama",
    ":generateContent": "gemini",
    ":streamGenerateContent": "gemini",
}
_LISTS: Final = {"/api/tags": "ollama", "/api/ps": "ollama", "/v1beta/models": "gemini", "/models": "openai"}
_JSON: Final = {"content-type": "application/json"}
_STEPS_IN: Final = 5
"""Steps of the loop from a connection that is taken to one that is known; it takes three."""


class ChaosServer:
    """Answers from a script. Lives on the event loop that starts it."""

    def __init__(
        self,
        script: Chaos = Chaos(),  # noqa: B008 - a frozen value
        *,
        models: Mapping[str, Chaos] | None = None,
        key: str | None = None,
        rpm: int | None = None,
        max_concurrent: int | None = None,
        limits: Mapping[str, Allowance] | None = None,
        memory: Memory | None = None,
        random_usage: bool = False,
        wait_forms: Sequence[WaitForm] = (),
        keep: int = 10_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a server; `start` opens its port.

        Args:
            script: for every model without one of its own.
            models: scripts by model id; these are also the models that it lists.
            key: asked for with every request, in any of the usual headers.
            rpm: calls a minute over all models; more get a 429 that states when to come back, and are counted.
            max_concurrent: calls at once over all models; more get a 429 and are counted.
            limits: the same of single models, by their ids.
            memory: what it loads and pulls as Ollama does; without it every model is there, and loaded.
            random_usage: report tokens drawn from the seed: output up to the request's limit, input never more than was sent.
            wait_forms: the ways in which a time to wait is stated, in turn, instead of the usual one of each wire format.
            keep: how many calls `seen` keeps the details of.
            clock: what it dates its failures by; a wrong one is a fault too.
        """
        self.seen = Seen(keep=keep)
        self._wire_name = script.wire
        self._script = Script(script, models=models, random_usage=random_usage)
        self._key, self._limits, self.memory = key, dict(limits or {}), memory
        self._over_all = Allowance(rpm=rpm, max_concurrent=max_concurrent)
        self._clock = clock
        self._forms = itertools.cycle(wait_forms) if wait_forms else None
        self._server: asyncio.Server | None = None
        self.port = 0
        """Known once started."""
        self._connections: set[Connection] = set()

    @property
    def url(self) -> str:
        """The `base_url` for the script's wire format."""
        return self.url_for(self._wire_name)

    def url_for(self, wire: str) -> str:
        """Return the `base_url` for a wire format; one server speaks all of them."""
        return f"http://127.0.0.1:{self.port}{_BASE_PATHS[wire]}"

    async def start(self, *, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._connections, seen=self.seen, serve=self.serve), "127.0.0.1", port, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            for listening in self._server.sockets:
                with contextlib.suppress(NotImplementedError):  # the loop of Windows
                    asyncio.get_running_loop().remove_reader(listening.fileno())
            for _ in range(_STEPS_IN):  # those who are just coming in would be left open: asyncio cannot place them once it has closed
                await asyncio.sleep(0)
            self._server.close()
            for connection in tuple(self._connections):
                connection.abort()
            await asyncio.sleep(0)

    async def serve(self, request: HttpRequest, out: Connection) -> None:
        """Answer one request."""
        if self.memory is not None and await self.memory.serve(request, out):
            return
        for ending, name in _CALLS.items():
            if request.method == "POST" and request.path.endswith(ending):
                await self._call(request, _WIRES[name], out=out)
                return
        for ending, name in _LISTS.items():
            if request.method == "GET" and request.path.endswith(ending):
                self._list(request, "anthropic" if "anthropic-version" in request.headers else name, out=out)
                return
        if request.method in ("GET", "HEAD") and request.path in ("/", "/api/version", "/health"):
            out.respond(200, _JSON, b'{"version":"0.0.0"}')
        else:
            out.respond(404, _JSON, b'{"error":"404 page not found"}')

    def _list(self, request: HttpRequest, name: str, *, out: Connection) -> None:
        self.seen.lists += 1
        if self._has_key(request):
            out.respond(200, _JSON, _WIRES[name].listing(self._script.models or ("chaos",)))
        else:
            _deny(_WIRES[name], out=out)

    async def _call(self, request: HttpRequest, wire: Wire, *, out: Connection) -> None:
        try:
            asked = wire.asked(request.path, msgspec.json.decode(request.body))
        except (*UNREADABLE, KeyError, TypeError, AttributeError) as error:
            out.respond(
                400,
                _JSON,
                msgspec.json.encode({"error": {"message": f"not a request of this format: {error!r}", "type": "invalid_request_error"}}),
            )
            return
        call = SeenCall(time_s=time.monotonic(), model=asked.model, path=request.path, headers=request.headers, body=request.body)
        fault = self._over_limit(request, model=asked.model)
        self.seen.begin(call)
        self.seen.over_limit += fault is not None and fault.kind == "rate_limit"  # before the client can know of it
        outcome = "disconnected"
        try:
            act = self._script.act(asked)
            if self.memory is not None and fault is None and not self.memory.has(asked.model):
                fault = Fault(kind="not_found")
            if self.memory is None or fault is not None:
                outcome = await self._play(act, call, asked=asked, wire=wire, out=out, instead=fault)
            else:
                async with self.memory.running(asked.model, keep_alive=call.json().get("keep_alive")) as act.load_s:
                    outcome = await self._play(act, call, asked=asked, wire=wire, out=out, instead=None)
        finally:
            self.seen.end(call, outcome=outcome, time_s=time.monotonic())

    async def _play(self, act: Act, call: SeenCall, *, asked: Asked, wire: Wire, out: Connection, instead: Fault | None) -> str:
        act.fault = instead or act.fault

        def tell(wait: Wait | None) -> None:
            if wait is None:
                self.seen.report(call, input_tokens=act.input_tokens, output_tokens=act.output_tokens)
            elif wait.seconds is not None:
                self.seen.state_wait(call, until_s=time.monotonic() + wait.seconds)

        form = next(self._forms) if self._forms else None
        outcome = await Scene(wire, asked, act, out=out, form=form, tell=tell, clock=self._clock).play()
        if instead is not None and outcome == "rate_limit":
            return "over_limit"
        return outcome

    def _over_limit(self, request: HttpRequest, *, model: str) -> Fault | None:
        """Return the failure of a request that may not be answered: without the key, or above a limit."""
        if not self._has_key(request):
            return Fault(kind="auth")
        now, own = time.monotonic(), self._limits.get(model)
        refused = own.refusal(concurrent=self.seen.concurrent_by_model[model], now=now) if own is not None else None
        return refused or self._over_all.refusal(concurrent=self.seen.concurrent, now=now)

    def _has_key(self, request: HttpRequest) -> bool:
        sent = (request.headers.get(name, "").removeprefix("Bearer ") for name in ("authorization", "x-api-key", "x-goog-api-key"))
        return self._key is None or self._key in sent


def _deny(wire: Wire, *, out: Connection) -> None:
    response, _ = failure(wire, Fault(kind="auth"), form=None)
    out.respond(response.status, response.headers, response.body)
