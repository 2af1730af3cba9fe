"""`%route` in a real IPython shell: the table of subcommands, and those that show how things are, why, and what it cost."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cells import ROUTING, Shell, refused, running_shell, usual_shell

from routebook.notebook import figures
from routebook.notebook.complete import Completer
from routebook.notebook.session import Session
from routebook.notebook.subcommands import SUBCOMMANDS, find, load

shell = pytest.fixture(usual_shell)


def session_of(shell: Shell) -> Session:
    """The extension's session."""
    session: Session = shell.shell.magics_manager.registry["RouteMagics"].session
    return session


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
    assert f"%route help {name} says what it takes" in refused(shell, f"%route {name} --today")


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
