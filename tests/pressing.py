"""The stop button and Cancel in real kernels of several versions of ipykernel: how long until the connection is closed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kernels import Kernel, Run, running_kernel

from routebook.testing import Chaos, ScriptedServer

ROUTING = '[books]\npath = ":memory:"\n[providers.p]\nkind = "openai"\nbase_url = "{url}"\ntier = "local"\n[models]\nslow = {{ provider = "p", id = "slow" }}\n'
ROUTE = '[[routes]]\nname = "chat"\ntry = ["slow"]\n'
HEARS_BUTTONS = 7


class Missing(Exception):
    """The version could not be fetched."""


def environment(folder: Path, version: str) -> dict[str, str]:
    """What a kernel of that ipykernel is started with.

    Raises:
        Missing: no registry was reached, or it has no such version.
    """
    if version == "newest":
        return {}
    packages = folder / version
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(packages), f"ipykernel=={version}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Missing(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"pip ended with {done.returncode}")
    return {"PYTHONPATH": str(packages)}


@contextmanager
def kernel_of(folder: Path, version: str, url: str) -> Iterator[Kernel]:
    """A kernel of that version with the extension loaded."""
    own = environment(folder, version)
    root = folder / f"run-{version}"
    root.mkdir()
    (root / "routing.toml").write_text(ROUTING.format(url=url) + ROUTE)
    with running_kernel(root, environ=own) as kernel:
        found = kernel.run("import ipykernel\nprint(ipykernel.__version__)\n%load_ext routebook").text.strip()
        if version not in ("newest", found):
            raise Missing(f"the kernel runs {found}")
        yield kernel


def press_stop(kernel: Kernel, _run: Run) -> float:
    """The stop button; when it was pressed."""
    return kernel.interrupt()


def press_cancel(kernel: Kernel, run: Run) -> float:
    """The Cancel button of the cell: the message that the page sends, to the shell that the page sends it to."""
    opened = [content for _, kind, content in run.seen if kind == "comm_open" and "panes" in content["data"].get("state", {})]
    data = {"method": "custom", "content": {"kind": "cancel", "pane": ""}}
    message = kernel.client.session.msg("comm_msg", {"comm_id": opened[-1]["comm_id"], "data": data})
    subshell = subshell_of(kernel)
    if subshell:
        message["header"]["subshell_id"] = subshell
    now = time.monotonic()
    kernel.client.shell_channel.send(message)
    return now


def subshell_of(kernel: Kernel) -> str | None:
    """A new subshell, as JupyterLab asks for one for its widgets; `None` where the kernel has none."""
    message = kernel.client.session.msg("create_subshell_request", {})
    kernel.client.control_channel.send(message)
    while True:
        reply = kernel.client.get_control_msg(timeout=10)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return str(reply["content"].get("subshell_id")) if reply["content"].get("status") == "ok" else None


def once(kernel: Kernel, server: ScriptedServer, press: Callable[[Kernel, Run], float]) -> float:
    """Seconds from the press to the moment when the server sees that its client has left."""
    before, run = len(server.seen.disconnects), Run()
    attempts = server.seen.attempts
    sent = kernel.start("%%route\nTell a story.")
    kernel.watch(sent, run, until=time.monotonic() + 20, stop_at="comm_open")
    while server.seen.attempts == attempts:
        time.sleep(0.01)
    kernel.listen(sent, run, seconds=0.5)
    pressed = press(kernel, run)
    until = time.monotonic() + 5
    while len(server.seen.disconnects) == before and time.monotonic() < until:
        time.sleep(0.002)
    took = server.seen.disconnects[-1] - pressed if len(server.seen.disconnects) > before else float("inf")
    if took == float("inf"):
        kernel.interrupt()
    kernel.finish(sent, run=run)
    return took


def measure(version: str, *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each press, by button."""
    script = Chaos(tokens=4000, tokens_per_s=50)
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedServer(models={"slow": script}) as server,
        kernel_of(Path(folder), version, server.url) as kernel,
    ):
        hears = version == "newest" or int(version.partition(".")[0]) >= HEARS_BUTTONS
        buttons = {"stop": press_stop, **({"Cancel": press_cancel} if hears else {})}
        return {name: [once(kernel, server, press) for _ in range(rounds)] for name, press in buttons.items()}
