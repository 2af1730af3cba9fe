"""A real JupyterLab in Chromium, driven as a person would."""

# mypy: disable-error-code="no-untyped-call"
# nbformat and its kind have no types.

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from kernels import short_folder
from playwright.sync_api import Locator, Page, expect, sync_playwright
from ports import free_port

TOKEN = "for-tests-only"
PATIENCE_MS = 60_000
"""How long a page is waited for: what comes at once on a machine of one's own may take this long beside three other tests."""
START_S = 240
"""How long the server may take to start: it loads all of JupyterLab, beside whatever else runs."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

IMAGES = Path(__file__).parents[1] / "docs" / "images"
ARE_PICTURES_WANTED = "ROUTEBOOK_IMAGES" in os.environ
"""Whether the pictures of the documentation are taken anew; they are drawn at twice the usual density."""
EXTENSION = Path(__file__).parents[1] / "src" / "routebook" / "notebook" / "labextension"
OPEN_INSTEAD = """async name => {
  const app = window.jupyterapp;
  for (const widget of [...app.shell.widgets('main')]) {
    await widget.sessionContext?.shutdown();
    widget.dispose();
  }
  await app.commands.execute('docmanager:open', { path: name, factory: 'Notebook' });
}"""
READY = """name => {
  const open = window.jupyterapp?.shell?.currentWidget;
  return open?.context?.path === name && open.sessionContext?.session?.kernel?.connectionStatus === 'connected' && open.content.model?.cells.length > 0;
}"""


def browser_path() -> str | None:
    """Where Chromium is; `None` when there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=1),  # and named at the end: not all that moves in a whole JupyterLab is ours
    pytest.mark.skipif(browser_path() is None, reason="there is no Chromium: apt install chromium"),
    pytest.mark.filterwarnings("ignore"),  # Playwright's and nbformat's own
]
"""The marks of a module whose tests drive the browser: `pytestmark = IN_A_BROWSER`."""


class Lab:
    """One JupyterLab server and one page in it."""

    def __init__(self, root: Path, base: str, page: Page) -> None:
        """`root` holds the notebooks."""
        self.root, self.base, self.page = root, base, page
        self.outside: list[str] = []
        """Addresses outside the server that the page asked for."""
        page.on("request", lambda request: None if request.url.startswith((base, "data:", "blob:")) else self.outside.append(request.url))

    def open(self, name: str, cells: list[str] | None = None) -> None:
        """Open a notebook, made from `cells` when they are given; a new name gets a new kernel. What was open is closed unsaved."""
        if cells is not None:
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            nbformat.write(notebook, self.root / name)
        if self.page.url.startswith(self.base) and not self.page.locator(".jp-Dialog").count():  # one keeps the focus from what is opened
            self.page.evaluate(OPEN_INSTEAD, name)
        else:
            self.page.goto(f"{self.base}/lab/tree/{name}?reset&token={TOKEN}", timeout=START_S * 1000)
        self.page.wait_for_function(READY, arg=name, timeout=START_S * 1000)  # a kernel starts

    def run_all(self, *, seconds: float = 120) -> bool:
        """Run all cells; true when the last has ended, false when time is over."""
        script = "ms => Promise.race([window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => true), new Promise(end => setTimeout(() => end(false), ms))])"
        return bool(self.page.evaluate(script, seconds * 1000))

    def start_all(self) -> None:
        """Run all cells and do not wait."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def command(self, name: str, **args: object) -> None:
        """Run one of JupyterLab's commands and wait for its end."""
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, args])

    def theme(self, name: str) -> None:
        """Change the theme: `JupyterLab Light` or `JupyterLab Dark`."""
        self.command("apputils:change-theme", theme=name)
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)

    def save(self) -> None:
        """Save the notebook."""
        self.command("docmanager:save")

    def shows(self, name: str) -> bool:
        """Whether this notebook is open: a test that is run again may begin on a page that was left."""
        return bool(self.page.evaluate("name => window.jupyterapp?.shell?.currentWidget?.context?.path === name", name))

    def leave(self) -> None:
        """Shut every kernel down and leave the page: what comes next knows nothing of what was. A page that was left already stays so."""
        self.page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll()")
        self.page.goto("about:blank")

    def picture(self, name: str, cell: int | None = None) -> None:
        """Take a cell, or the page, as a picture of the documentation, where pictures are wanted; else do nothing."""
        if not ARE_PICTURES_WANTED:
            return
        IMAGES.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(0, 0)
        self.page.wait_for_timeout(500)  # colours fade over, charts are drawn
        (self.page if cell is None else self.cell(cell)).screenshot(path=IMAGES / f"{name}.png")

    def cell(self, index: int) -> Locator:
        """A cell."""
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')

    def output(self, index: int) -> Locator:
        """The output area of a cell."""
        return self.cell(index).locator(".jp-Cell-outputArea")


@contextmanager
def running_lab(root: Path, **environ: str) -> Iterator[Lab]:
    """Start JupyterLab on `root`, with a home of its own, and open a page. Run All asks nothing there unless `ROUTEBOOK_RUN_ALL` is given."""
    with (Path(tempfile.gettempdir()) / "routebook-browser.lock").open("w") as turn, short_folder() as sockets:
        fcntl.flock(turn, fcntl.LOCK_EX)  # tests may run side by side (pytest-xdist): one browser at a time, or none is quick enough
        yield from _lab(root, {"JUPYTER_RUNTIME_DIR": sockets, **environ})


def _lab(root: Path, environ: Mapping[str, str]) -> Iterator[Lab]:
    port, home = free_port(), root / ".home"
    names = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "XDG_DATA_HOME")
    own = {"OLLAMA_HOST": "http://127.0.0.1:9", "ROUTEBOOK_RUN_ALL": "run", **{name: str(home / name) for name in names}}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0", "--KernelManager.transport=ipc", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}",
        "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    _no_news(home / "JUPYTER_CONFIG_DIR")
    _own_extension(home / "JUPYTER_DATA_DIR")
    log = root / ".lab.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, env={**os.environ, **own, **environ}, cwd=root, stdout=out, stderr=subprocess.STDOUT)
    base = f"http://127.0.0.1:{port}"
    try:
        _await(server, f"{base}/api/status?token={TOKEN}", log)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=list(FLAGS), timeout=START_S * 1000)
            page = browser.new_page(viewport={"width": 1200, "height": 900}, device_scale_factor=2 if ARE_PICTURES_WANTED else 1)
            page.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            yield Lab(root, base, page)
            browser.close()
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # it waits for kernels of a loaded machine; nothing of it is looked at any more
            server.kill()
            server.wait()


def _no_news(folder: Path) -> None:
    """Answer the question whether JupyterLab may fetch news, which it would ask over every screenshot."""
    setting = folder / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    setting.parent.mkdir(parents=True)
    setting.write_text(json.dumps({"fetchNews": "false"}))


def _own_extension(folder: Path) -> None:
    """Have JupyterLab load our extension as it stands in the source; what is installed beside an editable install is as old as that."""
    found = folder / "labextensions" / "routebook"
    found.parent.mkdir(parents=True)
    found.symlink_to(EXTENSION, target_is_directory=True)


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  our own server
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.1)
        else:
            return
