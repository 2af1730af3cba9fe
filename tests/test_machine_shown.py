"""`%route models` and `%route status` show this machine: what is loaded, what fits, what is being pulled, how fast models wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from box import box, disk, memory_of, stored
from cells import running_shell
from served import outcome, rows, until

from routebook.books.speeds import tokens_per_s
from routebook.engine.survey import status
from routebook.notebook.commands.models import models_parts
from routebook.notebook.commands.status import status_parts
from routebook.notebook.report import report
from routebook.testing import Chaos, Memory, ScriptedServer


def test_2_01_the_models_page_shows_what_fits_what_is_loaded_and_how_fast_each_wrote(tmp_path: Path) -> None:
    """Size, fit and speed of each, as seen on this machine and over all sessions."""
    memory = Memory({"a:1": stored(5), "b:1": stored(8), "huge:1": stored(400_000), "by-hand:1": stored(2)})
    with ScriptedServer(wire="ollama", script=Chaos(tokens=30, tokens_per_s=100), memory=memory) as server:
        of = box(server, "a", "b", "huge", "absent", books=tmp_path / "books.db", provider={"max_loaded": 2, "memory_gb": 500_000})
        try:
            of.ask_sync("hello", model="a")
            runtime = of.runtime()
            text = report(*models_parts(runtime))["text/plain"]
            assert "this machine: " in text
            assert "of memory" in text
            lines = [line.split() for line in text[text.index("this machine") :].splitlines()]
            here = {name: " ".join(line) for line in lines for name in ("a", "b", "huge", "absent") if name in line}
            assert "loaded" in here["a"]
            assert "5.0 GB" in here["a"]
            assert "fits" in here["b"]
            assert "8.8 GB" in here["b"], "a tenth more than its file, until it was seen in memory"
            assert "too large" in here["huge"]
            assert "not there" in here["absent"]
            assert "mac: 1 of 2 loaded, 5.0 GB of 500000 GB" in text
            speeds = runtime.books.read(tokens_per_s)
            [row] = rows(of)
            assert row.output_tokens
            assert row.latency_s
            assert speeds["a"] == pytest.approx(row.output_tokens / (row.latency_s - (row.ttft_s or 0)))
            assert 2 < speeds["a"] < 1000
            assert f" {speeds['a']:,.0f}" in here["a"]
        finally:
            of.close()


def test_a_machine_without_a_limit_is_shown_too() -> None:
    """What others have loaded is named as theirs."""
    with ScriptedServer(wire="ollama", memory=Memory(disk("a", "x"))) as server:
        of = box(server, "a", provider={})

        async def by_hand() -> None:
            async with memory_of(server).running("x:1", keep_alive=None):
                pass

        try:
            asyncio.run_coroutine_threadsafe(by_hand(), server._loop).result(10)
            text = report(*models_parts(of.runtime()))["text/plain"]
            assert "(not in routing.toml)" in text
            assert "mac: 1 loaded, 5.0 GB" in text
        finally:
            of.close()


def test_a_server_that_is_not_there_does_not_spoil_the_page() -> None:
    """It says that nothing is known, and the other models stand."""
    with ScriptedServer(wire="ollama", memory=Memory(disk("a"))) as server:
        of = box(server, models={"a": {"memory_gb": 3}})
    try:
        text = report(*models_parts(of.runtime()))["text/plain"]
        assert "what is loaded is not known (mac: " in text
        assert "3.0 GB" in text
    finally:
        of.close()


def test_a_pull_is_in_the_status_while_it_goes_on() -> None:
    """With per cent and bytes, as the cell has it."""
    memory = Memory(disk("old"), pullable={"new:1": stored(4.7)}, pull_s=20)
    with ScriptedServer(wire="ollama", memory=memory) as server:
        of = box(server, "new", provider={"pull": True})

        def shown() -> str:
            return report(*status_parts(status(of.runtime()), ""))["text/plain"]

        async def main() -> None:
            assert "being pulled" not in shown()
            asking = asyncio.ensure_future(outcome(of, "hello", deadline_s=4))
            await until(lambda: "of 4.7 GB" in shown(), within_s=20)
            assert "being pulled" in shown()
            assert "%" in shown()
            await asking

        try:
            asyncio.run(main())
        finally:
            of.close()


ROUTING = """
[providers.mac]
kind = "ollama"
base_url = "{url}"
max_loaded = 1
pull = true

[models.small]
provider = "mac"
id = "small:1"

[models.large]
provider = "mac"
id = "large:1"

[[routes]]
name = "chat"
try = ["small", "large"]

[books]
path = ":memory:"
"""


def test_5_06_a_cell_loads_swaps_and_pulls_by_what_routing_toml_says(tmp_path: Path) -> None:
    """From `routing.toml` and cells alone, and the row says why each was taken."""
    memory = Memory(disk("small"), pullable={"large:1": stored(9)}, pull_s=0.3)
    with ScriptedServer(wire="ollama", script=Chaos(reply="Four."), memory=memory) as server:
        with running_shell(tmp_path, ROUTING.format(url=server.url)) as shell:
            shell.run("%%route -m small -o small\nWhat is 2 + 2?")
            shell.run("%%route -m large -o large\nWhat is 2 + 2?")
            assert shell.names["large"].text == "Four."
            assert "needs loading" in shell.names["large"].attempts[0].reason
            shell.run("%route models")
            assert "mac: 1 of 1 loaded" in shell.text
        assert memory.pulls == {"large:1": 1}
        assert memory.loaded == ["large:1"]
        assert (memory.peak_loaded, memory.cut) == (1, 0)
