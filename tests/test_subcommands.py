"""Each `%route SUBCOMMAND` in a real IPython shell, over real routers and scripted providers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cells import ROUTING, Shell, running_shell

from routebook.errors import SetupNeeded, UsageError
from routebook.notebook import figures
from routebook.notebook.complete import Completer
from routebook.notebook.session import Session
from routebook.notebook.subcommands import SUBCOMMANDS, find, load


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell with a `routing.toml` of three usable models."""
    with running_shell(tmp_path) as made:
        yield made


def session_of(shell: Shell) -> Session:
    """The extension's session."""
    session: Session = shell.shell.magics_manager.registry["RouteMagics"].session
    return session


def refused(shell: Shell, line: str) -> str:
    """Run a line that must be refused as wrong usage; return what it says."""
    shell.attempt(line)
    assert isinstance(shell.error, UsageError), shell.error
    return str(shell.error)


# ---- the table


@pytest.mark.parametrize("subcommand", SUBCOMMANDS, ids=lambda subcommand: subcommand.name)
def test_every_subcommand_leads_to_a_documented_function(subcommand: Any) -> None:  # noqa: ANN401
    """A name in help that leads nowhere is found by a user otherwise."""
    assert load(subcommand).__doc__
    assert find(subcommand.name) is subcommand


@pytest.mark.parametrize("line", ["%route", "%route help", "%route -h", "%route --help", "%route ?"])
def test_help_lists_every_subcommand(shell: Shell, line: str) -> None:
    """One who does not know what there is types one of these."""
    shell.run(line)
    assert all(subcommand.usage in shell.text for subcommand in SUBCOMMANDS)


def test_a_subcommand_explains_itself(shell: Shell) -> None:
    """`-h` behind a subcommand shows that one alone."""
    shell.run("%route frame -h")
    assert "%route frame [-o NAME]" in shell.text
    assert "%route status" not in shell.text


def test_an_unknown_subcommand_names_the_nearest(shell: Shell) -> None:
    """A slip of the finger costs one look, not a search."""
    assert "Did you mean 'models'?" in refused(shell, "%route modles")
    assert "%%route" in refused(shell, "%route -m tiny")


@pytest.mark.parametrize("name", ["models", "status", "cost", "doctor", "setup", "reload"])
def test_what_takes_nothing_refuses_more(shell: Shell, name: str) -> None:
    """An option that is silently ignored is believed to have worked."""
    assert "takes nothing more" in refused(shell, f"%route {name} --today")


def test_tab_offers_the_subcommands_and_what_they_take(shell: Shell) -> None:
    """Help, dispatch and completion read one table."""
    choices = Completer(session_of(shell))._choices
    assert [text for text, _ in choices(["%route"])] == [subcommand.name for subcommand in SUBCOMMANDS]
    assert [text for text, _ in choices(["%route", "nest"])] == ["on", "off"]
    assert not list(choices(["%route", "plan", "some"]))


# ---- models, status


def test_models_shows_tier_price_and_why_a_model_is_left_out(shell: Shell) -> None:
    """This is where one looks before one asks why a model was not chosen."""
    shell.run("%route models")
    lines = {line.split()[0]: line for line in shell.text.splitlines() if line.strip()}
    assert re.search(r"opus-1 +cloud +paid +15 +75 ", lines["opus"])
    assert re.search(r"riddle-1 +cloud +paid +unknown +unknown ", lines["riddle"])
    assert re.search(r"tiny:1b +home +local +0 +0 +8,192 +1\.2 GB .*ready", lines["tiny"])
    assert "left out: no key: A_KEY_THAT_NOBODY_HAS is not set" in lines["llama"]
    assert re.search(r"all +cheapest +tiny, opus", shell.text)


def test_models_shows_the_speed_as_it_was_seen(shell: Shell) -> None:
    """What a machine really does counts for more than a profile."""
    shell.run("%%route -m tiny\nWhat is 2+2?")
    shell.run("%route models")
    assert re.search(r"tiny .* \d\.\d\d s .*ready", shell.text)


def test_models_shows_a_cooldown_with_its_seconds(shell: Shell) -> None:
    """A model that failed is back by itself; one wants to know when."""
    shell.attempt("%%route -m shut\nWhat is 2+2?")
    shell.run("%route models")
    assert re.search(r"shut .* cooling down, \d+ (?:s|min \d+ s) left \(auth failed\)", shell.text)
    shell.run("%route status")
    assert re.search(r"shut +0 +0 +cooling down", shell.text)


def test_pages_escape_what_they_show(shell: Shell) -> None:
    """Names of models come from providers, and HTML in them must not become markup; two prices in a line are no formula."""
    shell.as_kernel()
    shell.run("%route models")
    page = shell.outputs[0]["text/html"]
    assert "llama-&lt;b&gt;70b&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "<style" not in page
    assert "$ in" not in page


def test_status_shows_what_each_cap_has_left(shell: Shell) -> None:
    """The question before a long run is how much may still be spent."""
    shell.run("%%route -m opus\nWhat is 2+2?")
    spent = shell.names["_route"].cost_usd
    shell.run("%route status")
    assert re.search(rf"total +daily +{re.escape(figures.money(spent))} +\$0 +\$5\.00", shell.text)
    assert "notebook" not in shell.text.partition("budgets")[2].partition("providers")[0]


def test_status_shows_the_cap_of_the_notebook_where_its_name_is_known(shell: Shell) -> None:
    """Front ends that tell the notebook's name get its own cap."""
    shell.names["__vsc_ipynb_file__"] = "/home/someone/spend.ipynb"
    shell.run("%%route -m opus\nWhat is 2+2?")
    shell.run("%route status")
    assert re.search(r"notebook +daily +\$0\.0\d+ +\$0 +\$1\.00", shell.text)


def test_status_counts_calls_without_a_known_price(shell: Shell) -> None:
    """They are not in what is spent, so a cap that looks whole may not be."""
    shell.run("%%route -m riddle\nWhat is 2+2?")
    shell.run("%route status")
    assert re.search(r"total +daily +\$0 +\$0 +\$5\.00 +\$5\.00 +1 ", shell.text)


def test_status_shows_what_is_under_way(tmp_path: Path) -> None:
    """One who waits wants to know for what."""
    slow = ROUTING.replace('reply = "Four."', 'reply = "Four.", latency_s = 30')
    with running_shell(tmp_path, slow) as shell:
        started, ended = threading.Event(), threading.Event()
        job = session_of(shell).router.start("What is 2+2?", emit=lambda _: started.set(), on_end=ended.set, model="tiny")
        assert started.wait(5)
        for _ in range(100):
            shell.run("%route status")
            if is_asked := re.search(r"tiny +1 +0 +ready", shell.text):
                break
            time.sleep(0.02)  # first it waits for its row
        assert is_asked, shell.text
        job.cancel()
        assert ended.wait(5)


def test_status_says_where_things_are(shell: Shell, tmp_path: Path) -> None:
    """The first question about a setting is which file it was read from."""
    shell.run("%route status")
    assert str(tmp_path / "routing.toml") in shell.text
    assert re.search(r"books +\S+books\.db \(\d+ kB, 0 attempts\)", shell.text)


# ---- why, good, bad, plan


def test_why_shows_the_plan_of_the_last_answer(shell: Shell) -> None:
    """Candidates, what was left out, and the attempts."""
    shell.run("%%route\nWhat is 2+2?")
    shell.run("%route why")
    assert f"request {shell.names['_route'].request_id}" in shell.text
    assert "llama: no key" in shell.text
    assert "tiny answered" in shell.text


def test_why_after_a_failure_tells_of_the_failure(shell: Shell) -> None:
    """The error says `see %route why`: an older answer's story there would mislead."""
    shell.run("%%route\nWhat is 2+2?")
    shell.attempt("%%route -m shut\nWhat is 3+3?")
    shell.run("%route why")
    assert re.search(r"1 +answer +shut +error", shell.text)
    assert "tiny" not in shell.text


def test_why_finds_a_request_by_the_first_letters_of_its_id(shell: Shell) -> None:
    """Nobody types twelve letters when four will do."""
    shell.run("%%route\nWhat is 2+2?")
    first = shell.names["_route"].request_id
    shell.run("%%route -m opus\nWhat is 2+2?")
    shell.run(f"%route why {first[:6]}")
    assert f"request {first}" in shell.text
    assert re.search(r"1 +answer +tiny +ok", shell.text)


def test_why_without_anything_asked_says_so(shell: Shell) -> None:
    """An empty page would look like a fault."""
    assert "Nothing was asked in this session yet" in refused(shell, "%route why")
    assert "no request 'zzz'" in refused(shell, "%route why zzz")


def test_a_health_check_is_not_the_last_answer(shell: Shell) -> None:
    """After the doctor, `why` and `good` still mean the user's own prompt."""
    shell.run("%%route -m opus\nWhat is 2+2?")
    shell.run("%route doctor")
    shell.run("%route why")
    assert f"request {shell.names['_route'].request_id}" in shell.text


def test_good_and_bad_reach_the_frame(shell: Shell) -> None:
    """Feedback is what later choices learn from."""
    shell.run("%%route\nWhat is 2+2?")
    first = shell.names["_route"].request_id
    shell.run("%%route\nWhat is 3+3?")
    shell.run("%route good")
    shell.run(f"%route bad {first}")
    frame = shell.run("%route frame")
    assert frame.set_index("request_id")["feedback"].to_dict() == {first: 0.0, shell.names["_route"].request_id: 1.0}


def test_plan_sends_nothing(shell: Shell) -> None:
    """A plan that cost something would be no plan."""
    shell.names["bug"] = "IndexError"
    shell.run("%route plan fix this {{bug}} in main.py")
    assert "tiny (local" in shell.text
    assert shell.run("%route frame").empty
    assert "takes a prompt" in refused(shell, "%route plan")


# ---- frame, cost


def test_frame_is_the_cells_value_or_a_variable(shell: Shell) -> None:
    """Both ways people expect."""
    shell.run("%%route\nWhat is 2+2?")
    assert isinstance(shell.run("%route frame"), pd.DataFrame)
    for line in ("%route frame -o df", "%route frame --out df", "%route frame -odf", "%route frame --out=df"):
        shell.names.pop("df", None)
        assert shell.run(line) is None
        assert len(shell.names["df"]) == 1, line
    assert "df: 1 attempt, 33 columns." in shell.text


@pytest.mark.parametrize("rest", ["-o", "df", "-o 2x", "-o class", "-x df", "-o a b"])
def test_frame_refuses_what_is_no_variable(shell: Shell, rest: str) -> None:
    """A frame that goes nowhere is noticed too late."""
    assert "-o" in refused(shell, f"%route frame {rest}")


def test_cost_of_empty_books_says_what_to_do(shell: Shell) -> None:
    """Three empty charts help nobody."""
    shell.run("%route cost")
    assert "The books are empty" in shell.text


def test_cost_says_what_it_could_not_price(shell: Shell) -> None:
    """An unknown price is not a price of 0."""
    shell.run("%%route -m riddle\nWhat is 2+2?")
    shell.run("%%route -m opus\nWhat is 2+2?")
    shell.run("%route cost")
    assert "for 2 attempts, without 1 attempt whose price is unknown." in shell.text
    assert re.search(r"riddle +1 +[\d.]+ +1 +0 +0 +\d+ +unknown ", shell.text)


def test_cost_draws_three_charts_that_fetch_nothing(shell: Shell) -> None:
    """JupyterLab draws Vega-Lite 5 by itself; with an HTML twin in the same output it would show that instead."""
    shell.run("%%route -m opus\nWhat is 2+2?")
    shell.as_kernel()
    shell.run("%route cost")
    page, *charts = shell.outputs
    assert "text/html" in page
    assert len(charts) == 3
    for chart in charts:
        assert chart["application/vnd.vegalite.v5+json"]["datasets"]
        assert chart["text/plain"]
        assert "text/html" not in chart


# ---- doctor, init, reload, setup, nest


def test_doctor_shows_what_is_wrong_and_what_to_do(shell: Shell) -> None:
    """The whole of it on one page, problems told apart by words and not by colour alone."""
    shell.run("%route doctor")
    assert "1 problem." in shell.text
    assert re.search(r"^ok +provider home: 1 model; tiny answered", shell.text, re.MULTILINE)
    assert re.search(r"^problem +provider broken: ", shell.text, re.MULTILINE)
    assert "A_KEY_THAT_NOBODY_HAS=… as a line in ~/.env" in shell.text
    shell.as_kernel()
    shell.run("%route doctor")
    assert "provider home" in shell.outputs[-1]["text/html"]


def test_init_writes_a_file_that_works_and_never_writes_over_one(tmp_path: Path) -> None:
    """A lost routing.toml is an evening's work."""
    with running_shell(tmp_path, None) as shell:
        shell.run("%route init")
        assert "The next cell uses it" in shell.text
        text = (tmp_path / "routing.toml").read_text(encoding="utf-8")
        shell.run("%route models")
        assert "llama-70b" in shell.text
        assert "not overwritten" in refused(shell, "%route init")
        assert (tmp_path / "routing.toml").read_text(encoding="utf-8") == text


def test_init_writes_into_a_folder_or_to_a_path_with_spaces(shell: Shell, tmp_path: Path) -> None:
    """The two other things that people type."""
    (tmp_path / "a project").mkdir()
    shell.run('%route init "a project"')
    assert (tmp_path / "a project" / "routing.toml").exists()
    shell.run("%route init other.toml")
    assert "once it is called routing.toml" in shell.text
    assert "one path at most" in refused(shell, "%route init a b")
    assert "not closed" in refused(shell, "%route init 'a")


def test_init_refuses_a_preset_that_is_none(shell: Shell, tmp_path: Path) -> None:
    """A slip in the name says the nearest one, and writes nothing."""
    assert "Did you mean 'agents'?" in refused(shell, "%route init new.toml --preset=agent")
    assert "--preset needs a value." in refused(shell, "%route init --preset")
    assert not (tmp_path / "new.toml").exists()


def test_reload_reads_the_file_again_and_keeps_the_old_one_when_it_is_wrong(shell: Shell, tmp_path: Path) -> None:
    """A slip in the file must not take the notebook's router away."""
    shell.run("%route models")
    (tmp_path / "routing.toml").write_text(ROUTING + '[models.second]\nprovider = "home"\nid = "second"\n', encoding="utf-8")
    shell.run("%route reload")
    assert "6 models" in shell.text
    (tmp_path / "routing.toml").write_text(ROUTING + "wrong = = 1\n", encoding="utf-8")
    shell.attempt("%route reload")
    assert shell.error is not None
    shell.run("%route models")
    assert "second" in shell.text


def test_setup_leaves_weights_that_are_there_alone(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """98 MB are fetched once, and never over a model of one's own."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF" * 1000)
    monkeypatch.setenv("ROUTEBOOK_GGUF", str(own))
    shell.run("%route setup")
    assert "Nothing to do" in shell.text
    assert f"{own} (4.0 kB)" in shell.text
    monkeypatch.setenv("ROUTEBOOK_GGUF", str(tmp_path / "none.gguf"))
    shell.attempt("%route setup")
    assert isinstance(shell.error, SetupNeeded)


def test_setup_without_a_network_says_what_to_do(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is the first command of many users, and the first that can fail."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    shell.attempt("%route setup")
    assert isinstance(shell.error, SetupNeeded)
    assert "%route setup again" in str(shell.error)


NEST = """
import asyncio, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_line_magic("load_ext", "routebook")
async def outer():
    shell.run_line_magic("route", "nest on")
    async def inner():
        return "nested"
    return asyncio.run(inner())
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
print(loop.run_until_complete(outer()))
"""


def test_nest_lets_loops_nest() -> None:
    """People call `asyncio.run()` in cells, where a loop runs already. In a process of its own, because it cannot be taken back."""
    done = subprocess.run([sys.executable, "-c", NEST], capture_output=True, text=True, check=False)
    assert "nested" in done.stdout, done.stderr
    assert "nest_asyncio2" in done.stdout


def test_nest_is_off_unless_asked_for(shell: Shell) -> None:
    """Patching asyncio for everybody slows everything down."""
    shell.run("%route nest off")
    assert "It is off." in shell.text
    assert "takes on or off" in refused(shell, "%route nest maybe")
