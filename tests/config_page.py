"""A `rb.ConfigPanel()` as its page has it: what it was told, and what a person does there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from kernels import Kernel, Run


class Panel:
    """A panel as the page has it: what it was told, and what a person does there."""

    def __init__(self, kernel: Kernel, file: Path, made: str = "rb.ConfigPanel()") -> None:
        """Open it in a cell of its own, in the folder of the file, in front of a person."""
        self.kernel, self.file, self.serial = kernel, file, 0
        kernel.run(f"os.chdir({str(file.parent)!r})")
        if file.exists():
            kernel.run("%route reload")
        content = {
            "code": f"panel = {made}\npanel", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
            "stop_on_error": True,
        }  # fmt: skip
        message = kernel.client.session.msg("execute_request", content, metadata={"cellId": "panel"})
        kernel.client.shell_channel.send(message)
        self.run = kernel.finish(message["header"]["msg_id"])
        assert self.run.status == "ok", self.run.text
        opened = [content for _, kind, content in self.run.seen if kind == "comm_open" and "checked" in content["data"].get("state", {})]
        self.comm = opened[-1]["comm_id"]
        self.traits: dict[str, Any] = dict(opened[-1]["data"]["state"])
        self.sent: list[dict[str, Any]] = []
        """Messages to the page."""
        self.take(self.run)

    @property
    def page(self) -> str:
        """The tables as text, as they were last shown."""
        return str(next(output for output in self.run.outputs if "route" in output["data"]["text/plain"])["data"]["text/plain"])

    def does(self, kind: str, **content: Any) -> Run:  # noqa: ANN401
        """Send what a person did, and take in what the kernel says while it acts on it."""
        self.serial += kind == "edit"
        data = {"method": "custom", "content": {"kind": kind, "serial": self.serial, **content}}
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.kernel.client.shell_channel.send(message)
        run = Run()
        self.kernel.watch(message["header"]["msg_id"], run, until=time.monotonic() + 30)
        self.take(run)
        return run

    def take(self, run: Run) -> None:
        """Note what the page was told."""
        for _, kind, content in run.seen:
            if kind == "comm_msg" and content["comm_id"] == self.comm:
                if content["data"].get("method") == "update":
                    self.traits.update(content["data"]["state"])
                else:
                    self.sent.append(content["data"]["content"])
            if kind == "update_display_data" and run is not self.run:
                self.run.take(kind, content)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What the page shows as wrong."""
        found: list[dict[str, Any]] = self.traits["checked"]["problems"]
        return found
