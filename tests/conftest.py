"""What all tests share: the outside network is blocked, and nothing of the user's is read or written."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # most tests need neither
    from kernels import Kernel
    from lab import Lab

    from routebook.testing import ScriptedServer


settings.register_profile("routebook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("routebook")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives the browser comes first: side by side it is all one worker's, and takes as long as what the others do."""
    items.sort(key=lambda item: not in_the_browser(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # noqa: ANN401  pytest-xdist has no types
    """Each file is one worker's; all that drive the browser are one's together, for only one browser at a time is quick enough."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]  as above
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if in_the_browser(nodeid) else str(super()._split_scope(nodeid))

    return Scheduling(config, log)


def in_the_browser(nodeid: str) -> bool:
    """Whether a test's file is one of those that drive JupyterLab in Chromium; they are told by their names."""
    return nodeid.split("::", maxsplit=1)[0].endswith("_lab.py")


@pytest.fixture(autouse=True, scope="session")
def _interrupts_are_heard() -> None:
    """A shell that starts tests in the background has them ignore Ctrl-C, and the tests of the stop button would wait for ever."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _no_outside_network() -> Iterator[None]:
    """Refuse every connection that leaves the machine: a test that needs one is wrong."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def allowed(address: Any) -> bool:  # noqa: ANN401  whatever a socket takes
        if not isinstance(address, tuple):
            return True
        try:
            return ipaddress.ip_address(address[0].split("%")[0]).is_loopback
        except ValueError:
            return address[0] == "localhost"

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401
        if not allowed(address):
            raise OSError(f"a test tried to reach {address}")
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:  # noqa: ANN401
        if not allowed(address):
            raise OSError(f"a test tried to reach {address}")
        return connect_ex(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    patch.setattr(socket.socket, "connect_ex", guarded_ex)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A home and a working folder of the test's own; no keys, no Ollama of the machine's."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "OLLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    if "browser" not in request.keywords:
        monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedServer]:
    """One server for all cells of a module, whose models are its `SCRIPTS`."""
    from routebook.testing import ScriptedServer

    with ScriptedServer(models=request.module.SCRIPTS) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(request: pytest.FixtureRequest, server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all cells of a module, with the extension loaded: the module's `ROUTING` in its folder, its `ENVIRON` around it."""
    from kernels import running_kernel

    folder = tmp_path_factory.mktemp("kernel")
    (folder / "routing.toml").write_text(request.module.ROUTING.replace("URL", server.url))
    with running_kernel(folder, environ=getattr(request.module, "ENVIRON", None)) as running:
        assert running.run("%load_ext routebook\nimport routebook as rb").status == "ok"
        yield running


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all tests of a module, with its `ROUTING` beside the notebooks and its `ENVIRON` around it."""
    from lab import running_lab

    root = tmp_path_factory.mktemp("lab")
    (root / "routing.toml").write_text(request.module.ROUTING.replace("URL", server.url))
    with running_lab(root, **getattr(request.module, "ENVIRON", {})) as running:
        yield running
