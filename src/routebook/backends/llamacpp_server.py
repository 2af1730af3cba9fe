"""One llama.cpp server, from a kernel's side: found on its port, joined, or started, and let go at the end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from routebook.backends.counts import as_object
from routebook.backends.http import Http
from routebook.backends.llamacpp_launch import Launch
from routebook.backends.llamacpp_link import Link, Record, launch_keeper, read_record
from routebook.backends.translate import Translator
from routebook.backends.unreadable import UNREADABLE
from routebook.backends.waits import Clock
from routebook.errors import ProviderError, SetupNeeded, StreamBroken, Unavailable

_OK: Final = 200
_LOADING: Final = 503
_CONNECT_S: Final = 2.0
_LOOK_S: Final = 0.1
_TRIES: Final = 40
"""Another kernel may be about to start it, or to end it: a quarter of a second each."""
_LAST_WORD_S: Final = 1.0
"""A keeper looks five times a second whether its server lives."""
Health = Literal["well", "loading", "strange", "none"]


class LlamaServer:
    """Serves one model. Bound to the event loop it is first used on."""

    def __init__(self, launch: Launch, *, provider: str, key: str | None, clock: Clock) -> None:
        """`key` is the user's own, where one is configured; else a server that we start gets one that is made for it."""
        self.launch, self._own_key = launch, key
        self.url = f"http://127.0.0.1:{launch.port}"
        self.key = key
        self._provider = provider
        self._errors = Translator(provider, clock=clock, secret=key)
        self._http = Http(self.url, headers={"Authorization": f"Bearer {key}"} if key else {}, errors=self._errors)
        self._link: Link | None = None
        self._is_found = False
        """It was there already, started by somebody else: it is never stopped."""
        self._starting: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """As far as this kernel knows: it has called the server, or starts it."""
        return self._is_found or (self._link is not None and self._link.end is None)

    @property
    def link(self) -> Link | None:
        """The line to its keeper; `None` for a server that is not ours."""
        return self._link

    @property
    def is_ours(self) -> bool:
        """Routebook started it, in this kernel or another, and may stop it."""
        return self._link is not None and self._link.end is None

    async def start(self) -> float:
        """Find, join or start the server, and return the seconds it took until it answered; who is cancelled while waiting does not stop it.

        Raises:
            SetupNeeded: the file or the program is not there, or something else listens on the port.
            Unavailable: the server ended while it started.
        """
        is_starting = self._starting is not None and not self._starting.done()
        if self.is_running and not is_starting:
            return 0.0
        begun = asyncio.get_running_loop().time()
        if not is_starting:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())  # perhaps nobody waits any more
        assert self._starting is not None  # noqa: S101 - made above
        await asyncio.shield(self._starting)
        return asyncio.get_running_loop().time() - begun

    async def look(self) -> Health:
        """Whether a server answers on the port, asked now."""
        try:
            reply = await self._http.exchange("GET", "/health", content=b"", local=True, connect_s=_CONNECT_S)
        except ProviderError:
            return "none"
        await reply.aclose()
        return "well" if reply.status == _OK else "loading" if reply.status == _LOADING else "strange"

    async def explained(self, error: ProviderError, *, link: Link | None) -> ProviderError:
        """The error of a call over `link`, with what the server said last when it has ended; the next call starts it again."""
        is_cut = isinstance(error, StreamBroken) or (isinstance(error, Unavailable) and error.status is None)
        if is_cut and link is not None and (end := await link.ended(within_s=_LAST_WORD_S)) is not None:
            kind = StreamBroken if isinstance(error, StreamBroken) else Unavailable
            return kind(
                f"the llama.cpp server of {self.launch.name} {_how(end)} while it answered.{self._last(end)}",
                provider=self._provider,
                hint="The next request starts it again.",
            )
        if is_cut and self._is_found and await self.look() == "none":
            self._is_found = False  # it has gone: the next call starts one
        return error

    async def is_resident(self) -> bool:
        """Whether a server that Routebook started is there, in whatever kernel: one of somebody else's is not ours to count, or to stop."""
        if self.is_ours:
            return True
        record = read_record(self.launch.record())
        return record is not None and Path(record.gguf) == self.launch.gguf and await self.look() in ("well", "loading")

    async def stop(self) -> None:
        """End the server, if Routebook started it, as soon as it answers nobody."""
        if not self.is_ours and not await self._join():
            return
        while await self._is_busy():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(_LOOK_S)
        link = self._link
        if link is not None:
            await link.stop()
            await self._let_go()

    async def aclose(self) -> None:
        """Let go of the server; it ends when no other kernel holds it."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting
        await self._let_go()
        await self._http.aclose()

    async def _let_go(self) -> None:
        link, self._link, self._is_found = self._link, None, False
        if link is not None:
            await link.aclose()

    async def _start(self) -> None:
        await self._let_go()
        for _ in range(_TRIES):
            if await self._join() or await self._find() or await self._launch():
                break
            await asyncio.sleep(0.25)
        else:
            raise Unavailable(
                f"another notebook holds port {self.launch.port} for {self.launch.name}, and no server answers there.",
                provider=self._provider,
            )
        try:
            await self._until_well()
        except BaseException:  # also a cancellation: a server that nobody holds would stay
            await self._let_go()
            raise

    async def _join(self) -> bool:
        """Come in at the keeper of this port, when there is one."""
        record = read_record(self.launch.record())
        link = await Link.to(record) if record is not None else None
        if link is None:
            return False
        if Path(link.record.gguf) != self.launch.gguf:
            await link.aclose()
            raise SetupNeeded(f"{self._taken()} Another notebook's server is there, for {Path(link.record.gguf).name}. {self._other()}")
        self._link, self.key = link, link.record.key
        return True

    async def _find(self) -> bool:
        """Use a server that is there already."""
        health = await self.look()
        if health == "none":
            return False
        if health == "strange":
            raise SetupNeeded(f"{self._taken()} What listens there is no llama.cpp server: it does not know /health. {self._other()}")
        other = await self._other_model()
        if other:
            raise SetupNeeded(f"{self._taken()} A llama.cpp server is there that was started with {other}. {self._other()}")
        record = read_record(self.launch.record())  # of a keeper that was killed
        self._is_found, self.key = True, self._own_key or (record.key if record is not None else None)
        return True

    async def _launch(self) -> bool:
        """Start a keeper, which starts the server; false when another kernel was quicker."""
        argv, record = self.launch.argv(), self.launch.record()
        said_of = Record(
            door=0, token=secrets.token_urlsafe(24), key=self._own_key or secrets.token_urlsafe(24), gguf=str(self.launch.gguf)
        )
        task = {
            "argv": argv,
            "environment": {"LLAMA_API_KEY": said_of.key, "OMP_WAIT_POLICY": "passive"},
            "record": str(record),
            "lock": str(record.with_suffix(".lock")),
            "record_of": msgspec.to_builtins(said_of),
        }
        said = await asyncio.to_thread(launch_keeper, task)
        if "error" in said:
            raise SetupNeeded(f"{self.launch.name}: {argv[0]} cannot be started: {said['error']}. Correct command of the provider.")
        if "door" not in said:
            return False
        self._link = await Link.to(msgspec.structs.replace(said_of, door=said["door"]))
        self.key = said_of.key
        return self._link is not None

    async def _until_well(self) -> None:
        """Wait until the model is loaded; whoever waits for it has a limit of its own."""
        while (health := await self.look()) != "well":
            if self._is_found and health == "none":
                raise Unavailable(f"the server on port {self.launch.port} went away while it loaded.", provider=self._provider)
            if self._link is not None and (end := self._link.end) is not None:
                raise Unavailable(
                    f"the llama.cpp server of {self.launch.name} {_how(end)} while it loaded {self.launch.gguf.name}.{self._last(end)}",
                    provider=self._provider,
                    hint="Is it a whole GGUF file, and is there memory enough? args of the model go to the server as they are.",
                )
            await asyncio.sleep(_LOOK_S)

    async def _other_model(self) -> str:
        """The file of a server that was there, when it is another than ours; not every server tells."""
        known = as_object(await self._get("/props")).get("model_path")
        theirs = Path(known).name if isinstance(known, str) else ""
        return theirs if theirs and self.launch.model.gguf and theirs != self.launch.gguf.name else ""

    async def _is_busy(self) -> bool:
        slots = await self._get("/slots", key=self.key)
        return isinstance(slots, list) and any(as_object(slot).get("is_processing") is True for slot in slots)

    async def _get(self, path: str, *, key: str | None = None) -> Any:  # noqa: ANN401 - whatever JSON holds
        """What an address says; `None` when it does not."""
        http = self._http if key is None else Http(self.url, headers={"Authorization": f"Bearer {key}"}, errors=self._errors)
        try:
            reply = await http.send(path, local=True, connect_s=_CONNECT_S)
            async with contextlib.aclosing(reply):
                return msgspec.json.decode(await reply.read())
        except (ProviderError, *UNREADABLE):
            return None
        finally:
            if http is not self._http:
                await http.aclose()

    def _taken(self) -> str:
        return f"{self.launch.name}: port {self.launch.port} is taken."

    def _other(self) -> str:
        return f"Stop it, or give [models.{self.launch.name}] another port in routing.toml."

    def _last(self, end: dict[str, Any]) -> str:
        said = self._errors.text(str(end["said"]).rpartition("\n")[2])
        return f" It said: {said}" if said else ""


def _how(end: dict[str, Any]) -> str:
    code = end["code"]
    if code is None:
        return "was stopped"
    return f"was killed (signal {-code})" if code < 0 else f"ended (status {code})"
