"""Run All: what is in the cache is replayed, and before a run that would cost money the person is asked once."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from kernels import Kernel, Run, running_kernel

from routebook.notebook.below import cells_below
from routebook.notebook.panels.cell_cost import CellCost
from routebook.notebook.panels.run_all import HINT, question
from routebook.notebook.series import TOGETHER_S, Series
from routebook.testing import Chaos, ScriptedServer

ROUTING = """
[defaults]
run_all = "WAY"
[books]
path = "books.db"
[providers.cloud]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_SET"
tier = "paid"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
dear = { provider = "cloud", id = "dear", price = { input = 1000, output = 5000 } }
secret = { provider = "cloud", id = "secret" }
small = { provider = "here", id = "small" }
[[routes]]
name = "chat"
try = ["dear"]
cache = { ttl_s = 86400 }
"""
LOAD = "%load_ext routebook\nrows = 'one, two'"
CELLS = (
    LOAD,
    "%%route -m small\nWhat is free?",
    "%%route -o count\nHow many are these? {{rows}}",
    "%%route\nWhat is two and two?",
    "%%route --dry\nWhat is not asked?",
    "%%route\nIs this right: {{count}}",
)
"""A free one, two that cost, a plan, and one whose variable is not there before the run."""
ASKED = re.compile(
    r"2 cells would cost about \$[\d.]+, and 1 more may, which cannot be known yet: replay, run, or stop\? \[replay / run / stop\]"
)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """A server whose answers cost something."""
    with ScriptedServer(script=Chaos(reply="It is four.")) as running:
        yield running


@contextmanager
def started(server: ScriptedServer, folder: Path, *, way: str = "ask", **environ: str) -> Iterator[Kernel]:
    """A new kernel of a saved notebook, as after a restart."""
    (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url).replace("WAY", way))
    book = folder / "book.ipynb"
    cells = [{"cell_type": "code", "id": f"cell-{at}", "source": source} for at, source in enumerate(CELLS)]
    book.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    with running_kernel(folder, environ={"A_KEY_THAT_IS_SET": "k-secret", "JPY_SESSION_NAME": str(book), **environ}) as running:
        yield running


class Person:
    """Somebody at a front end that draws no widgets: what is asked is typed."""

    def __init__(self, kernel: Kernel, *answers: str) -> None:
        """`answers` are typed in their order."""
        self.kernel, self.answers = kernel, list(answers)
        self.asked: list[str] = []

    def run_all(self, cells: Sequence[str] = CELLS) -> list[Run]:
        """Send all cells at once, as JupyterLab does; return what came of each."""
        now = dt.datetime.now(dt.UTC)
        sent = [self.kernel.start(cell, cell_id=_id(cell), allow_stdin=True, date=now) for cell in cells]
        return [self._see(message) for message in sent]

    def run(self, cell: str) -> Run:
        """Run one cell by hand: a moment after the last."""
        time.sleep(2 * TOGETHER_S)
        return self._see(self.kernel.start(cell, cell_id=_id(cell), allow_stdin=True))

    def _see(self, message: str) -> Run:
        run, until = Run(), time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.kernel.watch(message, run, until=time.monotonic() + 0.2)
            except TimeoutError:
                if self.kernel.client.stdin_channel.msg_ready():
                    self.asked.append(self.kernel.client.get_stdin_msg(timeout=1)["content"]["prompt"])
                    self.kernel.client.input(self.answers.pop(0))
            else:
                break
        return self.kernel.reply(message, run, until=until)


def _id(cell: str) -> str:
    return f"cell-{CELLS.index(cell)}" if cell in CELLS else "elsewhere"


def test_a_run_that_costs_money_is_asked_about_once_and_run(server: ScriptedServer, tmp_path: Path) -> None:
    """Restart and Run All asks at the first prompt, before anything is sent; then one may go for a coffee. Unchanged cells are then replayed."""
    before = server.seen.attempts
    with started(server, tmp_path) as kernel:
        person = Person(kernel, "run")
        runs = person.run_all()
        assert [run.status for run in runs] == ["ok"] * 6, [run.text for run in runs]
        assert len(person.asked) == 1
        assert ASKED.match(person.asked[0]), person.asked
        assert HINT in runs[1].text
        assert server.seen.attempts == before + 4
    with started(server, tmp_path) as kernel:
        person = Person(kernel)
        runs = person.run_all()
        assert [run.status for run in runs] == ["ok"] * 6
        assert ["replayed from the cache" in run.text for run in runs] == [False, True, True, True, False, True]
        assert server.seen.attempts == before + 4


def test_replay_asks_nothing_that_costs_and_goes_on(server: ScriptedServer, tmp_path: Path) -> None:
    """What the cache has is shown, what is free is asked, the rest says that it was left out; old answers count too."""
    with started(server, tmp_path) as kernel:
        Person(kernel).run(LOAD)
        assert "It is" in Person(kernel).run(CELLS[3]).text
        before = server.seen.attempts
        fresh = "%%route --fresh\nWhat is two and two?"
        runs = (person := Person(kernel, "rep")).run_all(
            (LOAD, CELLS[2], CELLS[3], fresh, "%%route --compare dear,secret\nWhat?", CELLS[1], "print('on')")
        )
        assert [run.status for run in runs] == ["ok"] * 7, [run.text for run in runs]
        assert len(person.asked) == 1
        assert "Not asked" in runs[1].text
        assert "about $" in runs[1].text
        assert "replayed from the cache" in runs[2].text
        assert "replayed from the cache" in runs[3].text
        assert "Not asked" in runs[4].text
        assert "It is four" in runs[5].text
        assert runs[6].text.strip() == "on"
        assert server.seen.attempts == before + 1


def test_stop_stops_the_rest(server: ScriptedServer, tmp_path: Path) -> None:
    """As the stop button does, and before anything was sent."""
    before = server.seen.attempts
    with started(server, tmp_path) as kernel:
        runs = Person(kernel, "stop").run_all()
        assert [run.status for run in runs] == ["ok", "error", *["aborted"] * 4]
        assert "Stopped: nothing was asked, and nothing spent." in runs[1].text
        assert "Traceback" not in runs[1].text
        assert server.seen.attempts == before


def test_a_cell_run_by_hand_is_never_asked_about(server: ScriptedServer, tmp_path: Path) -> None:
    """Whoever presses the key for one cell has decided."""
    with started(server, tmp_path) as kernel:
        person = Person(kernel)
        for cell in CELLS:
            assert person.run(cell).status == "ok"
        assert person.asked == []


def test_a_cell_that_the_saved_notebook_does_not_show_is_caught_when_its_turn_comes(server: ScriptedServer, tmp_path: Path) -> None:
    """A file may be old; money is not spent for that."""
    with started(server, tmp_path) as kernel:
        person = Person(kernel, "stop")
        runs = person.run_all((LOAD, "%%route -m small\nWhat is new?", "%%route -m secret\nWhat is not saved?"))
        assert [run.status for run in runs] == ["ok", "ok", "error"]
        assert re.match(r"1 cell would cost money, and its price is unknown: replay, run, or stop\?", person.asked[0])


@pytest.mark.parametrize(("way", "sent"), [("ask", 4), ("run", 4), ("replay", 1)])
def test_where_nobody_is_there_nothing_waits(server: ScriptedServer, tmp_path: Path, way: str, sent: int) -> None:
    """Nbconvert and papermill run as `routing.toml` says, and as ever where it says nothing."""
    before = server.seen.attempts
    with started(server, tmp_path, way=way) as kernel:
        runs = [kernel.run(cell) for cell in CELLS[:5]]
        assert [run.status for run in runs] == ["ok"] * 5
        left_out = kernel.run(CELLS[5])
        assert left_out.status == ("error" if way == "replay" else "ok")
        assert server.seen.attempts == before + sent


def test_the_environment_has_the_last_word(server: ScriptedServer, tmp_path: Path) -> None:
    """A job at night says so in one line; a typo there spends nothing."""
    before = server.seen.attempts
    with started(server, tmp_path, way="run", ROUTEBOOK_RUN_ALL="replay") as kernel:
        kernel.run(LOAD)
        assert "Not asked" in kernel.run(CELLS[3]).text
        kernel.run("import os; os.environ['ROUTEBOOK_RUN_ALL'] = 'rum'")
        wrong = kernel.run(CELLS[3])
        assert (wrong.status, wrong.ename) == ("error", "UsageError")
        assert "Did you mean 'run'?" in wrong.text
        assert server.seen.attempts == before


# ---- its parts


def at(seconds: float) -> dt.datetime:
    """A moment."""
    return dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)


def test_cells_sent_at_once_are_one_run_and_keys_are_not() -> None:
    """JupyterLab makes all requests before the first has run."""
    series = Series()
    seen = []
    for made in (0.0, 0.01, 0.05, 0.9, 2.0, 2.1, "2026-11-21T12:00:02.150Z", None, 2.2, "nonsense"):
        series.begin(at(made) if isinstance(made, float) else made)
        series.end()
        seen.append((series.number, series.is_many))
    assert [many for _, many in seen] == [False, True, True, False, False, True, True, False, False, False]
    assert seen[0][0] == seen[2][0] != seen[3][0]


def test_a_front_end_that_waits_for_each_cell_makes_a_run_too() -> None:
    """VS Code sends a cell when the one before has ended; JupyterLab does not, so that there such a cell was run by hand."""
    series = Series()
    series.begin(at(0), is_one_by_one=True)
    series._began -= 0.3  # the cell takes so long
    series.end()
    assert series._took_s >= 0.3
    series.begin(at(series._took_s + 0.05), is_one_by_one=True)
    assert series.is_many
    series.end()
    series.begin(at(5), is_one_by_one=True)
    assert not series.is_many
    series._began -= 0.3
    series.end()
    series.begin(at(5 + series._took_s + 0.05))
    assert not series.is_many


def test_the_cells_below_are_read_from_any_notebook(tmp_path: Path) -> None:
    """By the cell's id or its text; a file that is none, or does not know the cell, says nothing."""
    book = tmp_path / "b.ipynb"
    cells = [
        {"cell_type": "code", "id": "a", "source": ["x = 1\n", "y = 2"]},
        {"cell_type": "markdown", "source": "words"},
        {"cell_type": "code", "source": ["%%route\n", "What?"]},
        {"cell_type": "code", "id": "c", "source": "z"},
    ]
    book.write_text(json.dumps({"cells": cells}))
    assert cells_below(book, cell_id="a", source="changed since") == ["%%route\nWhat?", "z"]
    assert cells_below(book, cell_id="new", source="%%route\nWhat?\n") == ["z"]
    assert cells_below(book, cell_id="c", source="z") == []
    assert cells_below(book, cell_id="new", source="new") is None
    for content in ("{", "[]", '{"cells": 3}', '{"cells": [3]}'):
        book.write_text(content)
        assert cells_below(book, cell_id="a", source="x") is None
    assert cells_below(tmp_path / "none.ipynb", cell_id="a", source="x") is None
    assert cells_below(None, cell_id="a", source="x") is None


def test_the_question_says_what_is_known_and_what_is_not() -> None:
    """An unknown price is not nothing."""
    some = [CellCost(Decimal("0.07"), 0)] * 6
    assert question(some, unsure=0) == "6 cells would cost about $0.42: replay, run, or stop?"
    assert question(some[:1], unsure=2) == "1 cell would cost about $0.07, and 2 more may, which cannot be known yet: replay, run, or stop?"
    assert "about $0.0043:" in question([CellCost(Decimal("0.0042789"), 0)], unsure=0)
    unknown = CellCost(Decimal(0), 1)
    assert question([*some, unknown], unsure=0) == "7 cells would cost about $0.42 and 1 of them an unknown price: replay, run, or stop?"
    assert question([unknown, unknown], unsure=0) == "2 cells would cost money, and their price is unknown: replay, run, or stop?"
