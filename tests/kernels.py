"""A real kernel, driven by messages as a notebook's front end drives it."""

from __future__ import annotations

import datetime as dt
import os
import queue
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager


@dataclass
class Run:
    """What came of one cell."""

    status: str = ""
    ename: str = ""
    traceback: list[str] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    """As a notebook would hold them: an updated display has its last content."""
    seen: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    """Every message on the output channel: when it came, its type, its content."""
    sent_s: list[float] = field(default_factory=list)
    """When the kernel sent each of them, on its own clock."""
    ended: float = 0.0
    """On the monotonic clock."""
    _shown: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def html(self) -> str:
        """All HTML of the outputs."""
        return "\n".join(output["data"].get("text/html", "") for output in self.outputs if "data" in output)

    @property
    def text(self) -> str:
        """All text of the outputs: printed, displayed, raised."""
        texts = (
            output.get("text") or "\n".join(output.get("traceback", ())) or output.get("data", {}).get("text/plain", "")
            for output in self.outputs
        )
        return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(texts))

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Note a message of the output channel."""
        self.seen.append((time.monotonic(), kind, content))
        if kind == "stream" and self.outputs and self.outputs[-1].get("name") == content["name"]:
            self.outputs[-1]["text"] += content["text"]  # what is printed comes in pieces, as a page puts them together
        elif kind in ("stream", "display_data", "execute_result", "error"):
            self.outputs.append(dict(content))
            name = content.get("transient", {}).get("display_id")
            if name:
                self._shown[name] = self.outputs[-1]
        elif kind == "update_display_data":
            self._shown.get(content["transient"]["display_id"], {}).update(data=content["data"])


class Kernel:
    """One running kernel and its client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        """Both are started."""
        self.manager, self.client = manager, client

    def start(self, code: str, *, cell_id: str | None = "cell-1", allow_stdin: bool = False, date: dt.datetime | None = None) -> str:
        """Send a cell and do not wait; `allow_stdin` says that somebody is there to be asked, `date` when the front end made the request."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        message = self.client.session.msg("execute_request", content, metadata={} if cell_id is None else {"cellId": cell_id})
        if date is not None:
            message["header"]["date"] = date
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def finish(self, sent: str, *, seconds: float = 30, run: Run | None = None) -> Run:
        """Wait until a cell has ended, and gather what it showed."""
        run = run or Run()
        until = time.monotonic() + seconds
        self.watch(sent, run, until=until)
        return self.reply(sent, run, until=until)

    def reply(self, sent: str, run: Run, *, until: float) -> Run:
        """Note how a cell ended that has ended."""
        while True:
            reply = self.client.get_shell_msg(timeout=max(0.1, until - time.monotonic()))
            if reply["parent_header"].get("msg_id") == sent:
                break
        run.status, run.ename = reply["content"]["status"], reply["content"].get("ename", "")
        run.traceback = reply["content"].get("traceback", [])
        return run

    def watch(self, sent: str, run: Run, *, until: float, stop_at: str | None = None) -> None:
        """Gather what a cell shows until it is idle, or has sent a message of the kind `stop_at`."""
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"the cell has not ended; it showed {run.outputs}") from None
            if message["parent_header"].get("msg_id") != sent:
                continue
            run.take(message["msg_type"], message["content"])
            run.sent_s.append(message["header"]["date"].timestamp())
            if message["msg_type"] == stop_at:
                return
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                run.ended = time.monotonic()
                return

    def listen(self, sent: str, run: Run, *, seconds: float) -> None:
        """Gather what a cell that has ended still shows: it left something behind that goes on."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=left_s)
            except queue.Empty:
                return
            if message["parent_header"].get("msg_id") == sent:
                run.take(message["msg_type"], message["content"])
                run.sent_s.append(message["header"]["date"].timestamp())

    def run(self, code: str, *, seconds: float = 30) -> Run:
        """Run a cell."""
        return self.finish(self.start(code), seconds=seconds)

    def interrupt(self) -> float:
        """Press the stop button; return when."""
        now = time.monotonic()
        self.manager.interrupt_kernel()
        return now


def said(kernel: Kernel, code: str) -> str:
    """What a line of Python prints."""
    run = kernel.run(code)
    assert run.status == "ok", run.text
    return run.text.strip()


def wait_in(kernel: Kernel, condition: str) -> None:
    """Wait in a cell until an expression is true there."""
    wait = f"import time\nuntil = time.monotonic() + 25\nwhile not ({condition}) and time.monotonic() < until:\n    time.sleep(0.02)\n"
    assert said(kernel, f"{wait}print(bool({condition}))") == "True", condition


@contextmanager
def running_kernel(folder: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Kernel]:
    """Start a kernel in `folder`, with a home of its own."""
    home = folder / ".home"
    own = {name: str(home / name) for name in ("HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "XDG_DATA_HOME")}
    quiet = {"OLLAMA_HOST": "http://127.0.0.1:9", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    home.mkdir(exist_ok=True)
    environment = {**os.environ, **own, **quiet, **(environ or {})}
    with short_folder() as sockets:
        manager = KernelManager(kernel_name="python3", transport="ipc", connection_file=f"{sockets}/kernel.json")
        with (folder / ".kernel.log").open("ab") as log:
            manager.start_kernel(cwd=str(folder), env=environment, stdout=log, stderr=log)
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=120)
            yield Kernel(manager, client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


@contextmanager
def short_folder() -> Iterator[str]:
    """A folder for the sockets of kernels, whose paths may have a hundred characters.

    Of ports one is chosen before it is taken, and another test may have it by then: the kernel dies at its start.
    """
    with tempfile.TemporaryDirectory(prefix="rb", dir="/tmp" if sys.platform == "darwin" else None) as folder:  # noqa: S108  a Mac's own is long
        yield folder
