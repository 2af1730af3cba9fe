"""What each front end gets: widgets where they are drawn, pages where nobody clicks, text where neither is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernels import Kernel, Run, running_kernel

from routebook.testing import Chaos, ScriptedServer

ROUTING = """
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
quick = { provider = "here", id = "quick" }
[[routes]]
name = "chat"
try = ["quick"]
"""
CELL = "%%route\nWhat is two and two?"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension loaded."""
    folder = tmp_path_factory.mktemp("front-ends")
    with ScriptedServer(models={"quick": Chaos(reply="It is **four**.", tokens_per_s=40)}) as server:
        (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url))
        with running_kernel(folder) as running:
            assert running.run("%load_ext routebook").status == "ok"
            yield running


def displayed(run: Run) -> list[dict[str, str]]:
    """All that a cell displayed, first forms and updates."""
    return [content["data"] for _, kind, content in run.seen if kind in ("display_data", "update_display_data")]


def by(kernel: Kernel, code: str, *, cell_id: str | None, is_typed: bool) -> Run:
    """Run a cell as a front end does that names its cells, or does not, and has somebody who types, or has not."""
    run = kernel.finish(kernel.start(code, cell_id=cell_id, allow_stdin=is_typed))
    assert run.status == "ok", run.text
    return run


@pytest.mark.parametrize("is_typed", [True, False])
def test_a_page_gets_a_widget_and_at_last_html_and_text(kernel: Kernel, is_typed: bool) -> None:  # noqa: FBT001
    """JupyterLab and Notebook; nbconvert and papermill, which keep the last form."""
    shown = displayed(by(kernel, CELL, cell_id="a", is_typed=is_typed))
    assert WIDGET in shown[0]
    assert "text/plain" in shown[0]
    assert sorted(shown[-1]) == ["text/html", "text/plain"]
    assert "<strong>four</strong>" in shown[-1]["text/html"]
    assert "It is **four**." in shown[-1]["text/plain"]


@pytest.mark.parametrize(
    "said",
    ["__vsc_ipynb_file__ = '/home/me/book.ipynb'", "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')"],
)
def test_vs_code_and_colab_are_pages_too(kernel: Kernel, said: str) -> None:
    """They do not name their cells as JupyterLab does; each is known by what it puts into the kernel."""
    by(kernel, said, cell_id=None, is_typed=True)
    assert WIDGET in displayed(by(kernel, CELL, cell_id=None, is_typed=True))[0]
    by(
        kernel,
        "import sys; globals().pop('__vsc_ipynb_file__', None); _ = sys.modules.pop('google.colab', None)",
        cell_id=None,
        is_typed=True,
    )


@pytest.mark.parametrize(
    "code", [CELL, "%route status", "%route cost", "%route board", "%route plan What is this?", "%%route --dry\nWhat?"]
)
def test_a_console_gets_text(kernel: Kernel, code: str) -> None:
    """Jupyter console, qtconsole and Spyder drop updates: the answer would stand behind three dots for ever."""
    run = by(kernel, code, cell_id=None, is_typed=True)
    assert displayed(run) == []
    assert run.text.strip()
    assert "…" not in run.text.split("\n")[0]
    if code == CELL:
        assert "**four**." in run.text


def test_panels_in_a_console_are_their_pages(kernel: Kernel) -> None:
    """Controls that nobody can press are not shown."""
    for code in ("import routebook as rb\nrb.Compare()", "rb.Board()", "rb.ConfigPanel()"):
        run = by(kernel, code, cell_id=None, is_typed=True)
        assert all(WIDGET not in data for data in displayed(run)), code
        assert run.text.strip(), code
    by(kernel, "%route board stop", cell_id=None, is_typed=True)
