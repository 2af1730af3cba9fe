"""Hostile answers in a real browser: live, final, and opened again, none of them runs, fetches, or touches the page."""

# mypy: disable-error-code="no-untyped-call"
# nbformat and its kind have no types.

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import nbformat
import pytest
from hostile import payloads
from lab import IN_A_BROWSER, Lab, running_lab
from pages import shell_of, wrong_on

from routebook.testing import Chaos, Fault, ScriptedServer

pytestmark = IN_A_BROWSER
SIZE = 100
"""Payloads in one answer."""


class Canary(http.server.BaseHTTPRequestHandler):
    """A server that nobody should ask for anything."""

    asked: list[str] = []  # noqa: RUF012  one list for all its requests is the point

    def do_GET(self) -> None:
        """Note it."""
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_POST = do_HEAD = do_GET  # noqa: N815  the base's own names


@pytest.fixture(scope="module")
def canary() -> Iterator[str]:
    """Its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/canary"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def answers(canary: str) -> list[str]:
    """The corpus in a few answers; what is never closed comes last."""
    corpus = payloads(code="top.hit=1", url=canary)
    return ["\n\n".join(corpus[at : at + SIZE]) for at in range(0, len(corpus), SIZE)]


@pytest.fixture(scope="module")
def lab(answers: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab whose models are all hostile."""
    root = tmp_path_factory.mktemp("hostile")
    final = {f"h{number}": Chaos(reply=answer) for number, answer in enumerate(answers)}
    endless = Chaos(reply="\n".join(answers), faults=(Fault(kind="stall", after_tokens=1_000_000, delay_s=600),))
    with ScriptedServer(models={**final, "endless": endless}) as server:
        models = "".join(f'{name} = {{ provider = "p", id = "{name}" }}\n' for name in (*final, "endless"))
        (root / "routing.toml").write_text(
            f'[books]\npath = "books.db"\n[providers.p]\nkind = "openai"\nbase_url = "{server.url}"\ntier = "local"\n'
            f'[models]\n{models}[[routes]]\nname = "chat"\ntry = ["h0"]\n'
        )
        with running_lab(root) as running:
            yield running


def check(lab: Lab, around: list[object], count: int) -> None:
    """See that answers are there, and that nothing but text came of them."""
    lab.page.wait_for_function("count => document.querySelectorAll('.routebook-answer').length >= count", arg=count)
    lab.page.wait_for_timeout(500)  # what would be fetched or run late
    assert wrong_on(lab.page) == []
    assert shell_of(lab.page) == around
    assert [frame.url for frame in lab.page.frames[1:]] == []
    assert lab.outside == []
    assert Canary.asked == []


def test_the_checks_find_what_they_look_for(lab: Lab, canary: str) -> None:
    """Without Routebook's care the same page is taken over; a check that sees nothing then is worth nothing."""
    style = "<style>#jp-top-panel{height:99px!important}</style>"
    evil = f"<div class=routebook-answer><img src=x onerror='top.hit=1'>{style}<img src='{canary}'></div>"
    lab.open("bare.ipynb", [f"from IPython.display import HTML\nHTML({evil!r})"])
    around = shell_of(lab.page)
    assert lab.run_all()
    lab.page.wait_for_function("() => window.hit === 1")
    lab.page.wait_for_timeout(500)
    for _ in range(600):
        if "/canary" in Canary.asked:
            break
        lab.page.wait_for_timeout(100)
    try:
        assert {kind.split(":")[0] for kind in wrong_on(lab.page)} >= {"element", "onerror", "src", "code ran"}
        assert shell_of(lab.page) != around
        assert "/canary" in Canary.asked
        assert lab.outside
    finally:
        lab.page.goto("about:blank")
        lab.outside.clear()
        Canary.asked.clear()


def test_while_it_streams_an_answer_is_text(lab: Lab, answers: list[str]) -> None:
    """What has settled is rendered as the final page renders it; the end is shown letter by letter."""
    lab.open("live.ipynb", ["%load_ext routebook", "%%route -m endless\nWhat?"])
    around = shell_of(lab.page)
    lab.start_all()
    end = answers[-1][-40:]
    lab.page.wait_for_function("end => document.querySelector('.routebook-body')?.textContent.includes(end)", arg=end)
    lab.page.wait_for_timeout(500)
    assert wrong_on(lab.page) == []
    assert shell_of(lab.page) == around
    assert lab.outside == []
    assert Canary.asked == []
    lab.command("notebook:interrupt-kernel")
    check(lab, around, 1)


def test_final_saved_and_opened_again_it_is_text_too(lab: Lab, answers: list[str]) -> None:
    """By the one who ran it, and by a stranger whose JupyterLab does not trust it."""
    lab.open("final.ipynb", ["%load_ext routebook", *(f"%%route -m h{number}\nWhat?" for number in range(len(answers)))])
    around = shell_of(lab.page)
    assert lab.run_all()
    check(lab, around, len(answers))
    lab.save()
    lab.leave()
    saved = nbformat.read(lab.root / "final.ipynb", as_version=4)
    saved.cells.append(nbformat.v4.new_markdown_cell("Another hand was here: the signature is void."))
    nbformat.write(saved, lab.root / "stranger.ipynb")
    for name in ("final.ipynb", "stranger.ipynb"):
        lab.open(name)
        check(lab, around, len(answers))
        lab.leave()
