"""Hostile answers, prompts, names and errors in every panel: while it lives, at its end, and opened again, none runs, fetches, or touches the page."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import nbformat
import pytest
from hostile import payloads
from lab import IN_A_BROWSER, Lab, running_lab
from pages import shell_of, wrong_on
from panels import NOTEBOOKS, prepare, scripts, show

from routebook.testing import ScriptedServer

pytestmark = IN_A_BROWSER
A, B = "<img/src=x/onerror=top.hit=1>", "<svg/onload=top.hit=1>"
"""Names of models: they come from a file, and from providers' own lists."""
ENDS = """end => [...document.querySelectorAll('.routebook-panes .routebook-body')].some(body => body.textContent.includes(end))"""


class Mean(http.server.BaseHTTPRequestHandler):
    """A provider whose refusals are hostile, and which nobody should ask for anything by GET."""

    asked: list[str] = []  # noqa: RUF012  one list for all its requests is the point
    words = ""

    def do_GET(self) -> None:
        """Note it."""
        if "canary" in self.path:
            self.asked.append(self.path)
        self.send_error(404)

    def do_POST(self) -> None:
        """Refuse."""
        body = json.dumps({"error": {"message": self.words}}).encode()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def mean() -> Iterator[str]:
    """Its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mean)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def corpus(mean: str) -> list[str]:
    """What a hostile model may write; what is never closed comes last."""
    return payloads(code="top.hit=1", url=f"{mean}/canary")


@pytest.fixture(scope="module")
def lab(corpus: list[str], mean: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab in which everything that is shown is hostile."""
    root = tmp_path_factory.mktemp("hostile-panels")
    half = len(corpus) // 2
    Mean.words = " ".join(corpus)
    with ScriptedServer(models=scripts("\n\n".join(corpus[:half]), "\n\n".join(corpus[half:]))) as server:
        prepare(root, url=server.url, a=A, b=B, prompt="\n\n".join(corpus))
        routing = (root / "routing.toml").read_text().replace('down = { provider = "here"', 'down = { provider = "mean"')
        (root / "routing.toml").write_text(f'[providers.mean]\nkind = "openai"\nbase_url = "{mean}"\ntier = "local"\n{routing}')
        with running_lab(root) as running:
            yield running


def check(lab: Lab, around: list[object], *, name: str) -> None:
    """See that panels are there, and that nothing but text came of what they show."""
    for at, panel in enumerate(NOTEBOOKS[name], start=1):
        if panel.shows:
            lab.output(at).scroll_into_view_if_needed()
            lab.page.wait_for_timeout(100)
    lab.page.wait_for_timeout(500)  # what would be fetched or run late
    assert wrong_on(lab.page) == []
    assert shell_of(lab.page) == around
    assert [frame.url for frame in lab.page.frames[1:]] == []
    assert lab.outside == []
    assert Mean.asked == []


def hover(lab: Lab) -> None:
    """Move over every chart: what a point says comes up as a note over the page."""
    for chart in lab.page.locator(".jp-OutputArea-output canvas, .jp-OutputArea-output svg.marks").all():
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        for step in range(1, 40):
            lab.page.mouse.move(box["x"] + box["width"] * step / 40, box["y"] + box["height"] * (0.15 + 0.7 * (step % 5) / 4))
    lab.page.wait_for_timeout(200)
    assert lab.page.evaluate("() => document.querySelectorAll('#vg-tooltip-element :is(img, svg, script)').length") == 0


@pytest.mark.parametrize("name", list(NOTEBOOKS))
def test_no_panel_lets_anything_run_or_fetch_or_touch_the_page(lab: Lab, corpus: list[str], name: str) -> None:
    """Live and final by the one who ran it; then saved, and opened again by that one and by a stranger."""
    assert len(corpus) >= 200
    lab.open("empty.ipynb", ["1"])
    around = shell_of(lab.page)
    show(lab, name, NOTEBOOKS[name], a=A, b=B)
    if name == "live":
        lab.page.wait_for_function(ENDS, arg=corpus[-1][-30:])
    check(lab, around, name=name)
    hover(lab)
    lab.save()
    lab.leave()
    saved = nbformat.read(lab.root / f"{name}.ipynb", as_version=4)
    saved.cells.append(nbformat.v4.new_markdown_cell("Another hand was here: the signature is void."))
    nbformat.write(saved, lab.root / f"{name}-stranger.ipynb")
    for file in (f"{name}.ipynb", f"{name}-stranger.ipynb"):
        lab.open(file)
        check(lab, around, name=name)
        lab.leave()
