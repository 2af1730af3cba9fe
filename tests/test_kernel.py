"""`%%route` in a real kernel, against a real server: what a cell sends, shows and costs, and how it fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import asking_kernel
import pytest
from asking_kernel import ask, told
from kernels import Kernel, running_kernel, said

from routebook.testing import ScriptedServer

SCRIPTS, ENVIRON, ROUTING = asking_kernel.SCRIPTS, asking_kernel.ENVIRON, asking_kernel.ROUTING


def sent(server: ScriptedServer) -> dict[str, Any]:
    """The body of the last request."""
    body: dict[str, Any] = server.seen.calls[-1].json()
    return body


# ---- an answer


def test_a_cell_ends_as_static_html_and_text(kernel: Kernel) -> None:
    """The widget of the running cell would be dead when the notebook is opened again."""
    run = ask(kernel)
    assert [sorted(output["data"]) for output in run.outputs] == [["text/html", "text/plain"]]
    assert "It is <strong>four</strong>." in run.html
    assert run.text.startswith("[chat qa · complexity")
    assert "quick · 1 more behind it" in run.text
    assert "3 out · first token" in run.text


def test_the_answer_streams_under_a_header_that_is_there_from_the_beginning(kernel: Kernel) -> None:
    """Twenty messages a second at most, each with what is new."""
    ask(kernel, "-m steady")
    run = ask(kernel, "-m steady")
    sent = zip(run.sent_s, run.seen, strict=True)  # a busy page may have many at once of what was sent one after another
    updates = [(at, content["data"]) for at, (_, kind, content) in sent if kind == "comm_msg"]
    heads = [at for at, data in updates if data.get("state", {}).get("heads")]
    deltas = [(at, data["content"][""]["delta"]) for at, data in updates if "delta" in data.get("content", {}).get("", {})]
    assert heads[0] <= deltas[0][0]
    assert 3 <= len(deltas) <= 5 + 20 * (deltas[-1][0] - deltas[0][0])  # of sixty tokens
    assert "".join(delta for _, delta in deltas) in run.text


def test_the_answer_goes_into_a_variable(kernel: Kernel) -> None:
    """`-o`, and `_route` for those who forgot it; `_` and `Out` stay the user's."""
    run = ask(kernel, "-o found")
    assert not any("execution_count" in output for output in run.outputs)
    assert (
        said(kernel, "print(type(found).__name__, found.text, found.model, found.cost_usd, found is _route)")
        == "Answer It is **four**. quick 0 True"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--system 'Be brief.'", {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Two and two?"}]}),
        ("--temperature 0.5", {"temperature": 0.5}),
        ("--max-tokens 7", {"max_tokens": 7}),
        ("-m steady", {"model": "steady"}),
        ("--route tests", {"model": "quick", "messages": [{"role": "user", "content": "Two and two?"}]}),
        ("", {"stream": True}),
    ],
)
def test_what_the_line_says_is_what_is_sent(kernel: Kernel, server: ScriptedServer, line: str, expected: dict[str, Any]) -> None:
    """The body that reached the server, not what we meant to send."""
    ask(kernel, line, "Two and two?")
    body = sent(server)
    assert {name: body.get(name) for name in expected} == expected


def test_the_key_goes_to_its_provider_only(kernel: Kernel, server: ScriptedServer) -> None:
    """And never into an output."""
    run = ask(kernel, "-m dear")
    assert server.seen.calls[-1].headers["authorization"] == "Bearer k-secret"
    assert "k-secret" not in str(run.seen)
    ask(kernel, "-m quick")
    assert "authorization" not in server.seen.calls[-1].headers


def test_a_price_is_shown(kernel: Kernel) -> None:
    """Dear models say so."""
    assert "· $0." in ask(kernel, "-m dear").text


def test_tier_and_local_keep_dearer_models_out(kernel: Kernel) -> None:
    """`--local` says so above the answer, too."""
    dry = ask(kernel, "--dry --tier free").text
    assert "dear: " in dry.partition("Left out:")[2]
    assert "dear (" not in dry
    assert "stays on this machine" in ask(kernel, "--local").text
    refused = kernel.run("%%route --local --route tests\nWhat?")
    assert refused.ename == "NoCandidate"
    assert "dear: " in refused.text


def test_dry_sends_nothing(kernel: Kernel, server: ScriptedServer) -> None:
    """It shows who would be asked, who would not, and why."""
    before = server.seen.attempts
    run = ask(kernel, "--dry")
    assert server.seen.attempts == before
    for part in ("To try, in order", "quick (local): ", "Left out", "keyless", "A_KEY_THAT_IS_NOT"):
        assert part in run.html
        assert part in run.text


def test_history_sends_the_last_exchanges(kernel: Kernel, server: ScriptedServer) -> None:
    """A conversation over several cells, as long as one asks for it."""
    ask(kernel, "", "My name is Ada.")
    ask(kernel, "--history 1", "What is my name?")
    assert sent(server)["messages"] == [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "It is **four**."},
        {"role": "user", "content": "What is my name?"},
    ]
    ask(kernel, "", "And yours?")
    assert len(sent(server)["messages"]) == 1


def test_names_in_double_braces_are_replaced_unless_raw(kernel: Kernel, server: ScriptedServer) -> None:
    """Nothing else is, in the line or in the prompt."""
    kernel.run("city = 'Rome $city {city}'")
    ask(kernel, "", 'Where is {{city}}? {"a": {"b": 1}} $city {city}')
    assert sent(server)["messages"][-1]["content"] == 'Where is Rome $city {city}? {"a": {"b": 1}} $city {city}'
    ask(kernel, "--raw --system '{city} $city'", "{{city}}")
    assert [message["content"] for message in sent(server)["messages"]] == ["{city} $city", "{{city}}"]


def test_a_text_that_is_none_is_refused(kernel: Kernel) -> None:
    """Half a surrogate pair comes of a file read the wrong way; no provider could take it."""
    kernel.run("half = chr(0xD83D)")
    run = kernel.run("%%route\nWhat is {{half}}?")
    assert run.ename == "UsageError"


def test_a_fallback_voids_what_came_and_is_told(kernel: Kernel) -> None:
    """The half answer of a broken stream is not part of the whole one."""
    run = ask(kernel, "-m shaky")
    assert "It is <strong>four</strong>." in run.html
    assert re.search(r"\d attempts", run.text)
    assert "1. broken failed" in run.html
    assert told(run, "void")
    assert "".join(told(run, "delta")).endswith("It is **four**.")
    assert len("".join(told(run, "delta"))) > len("It is **four**.")


def test_a_refusal_is_shown_as_one(kernel: Kernel) -> None:
    """It is an answer that one should recognize, not an error."""
    assert "the model refused" in ask(kernel, "-m shy").text


def test_widgets_do_not_pile_up(kernel: Kernel) -> None:
    """A notebook runs hundreds of cells in one kernel."""
    count = "from ipywidgets import Widget; import ipywidgets.widgets.widget as w; print(len(w._instances))"
    ask(kernel)
    before = said(kernel, count)
    for _ in range(3):
        ask(kernel)
    assert said(kernel, count) == before


def test_python_works_beside_it(kernel: Kernel) -> None:
    """`await`, and a sync call inside the kernel's running loop."""
    assert said(kernel, "async with rb.Router() as router:\n    print((await router.ask('2+2')).text)") == "It is **four**."
    assert said(kernel, "print(rb.Router().ask_sync('2+2').text)") == "It is **four**."


# ---- errors


@pytest.mark.parametrize(
    ("cell", "ename", "says"),
    [
        ("%%route --nope\nWhat?", "UsageError", "There is no option --nope."),
        ("%%route -m quik\nWhat?", "UsageError", "'quick'"),
        ("%%route --route cht\nWhat?", "UsageError", "'chat'"),
        ("%%route --temperature 9\nWhat?", "UsageError", "temperature must be between 0 and 2"),
        ("%%route --max-tokens 0\nWhat?", "UsageError", "max_tokens"),
        ("%%route\n{{nowhere}}", "UsageError", "{{nowhere}}"),
        ("%%route\n\n  \n", "UsageError", "The prompt is empty."),
        ("%%route -m keyless\nWhat?", "NoCandidate", "A_KEY_THAT_IS_NOT"),
        ("%%route -m dear --tier local\nWhat?", "NoCandidate", "dear"),
        ("%%route -m down --deadline 3\nWhat?", "AllAttemptsFailed", "1. down: "),
        ("%%route -m dear --budget 0.0001\nWhat?", "BudgetExceeded", "this cell"),
        ("%route nonsense", "UsageError", "nonsense"),
    ],
)
def test_an_error_is_an_error_in_few_lines(kernel: Kernel, cell: str, ename: str, says: str) -> None:
    """It stops Run All, papermill sees it, and a person reads what to do."""
    run = kernel.run(cell)
    assert (run.status, run.ename) == ("error", ename), run.text
    assert says in run.text
    assert run.outputs[-1]["ename"] == ename
    assert "Traceback" not in run.text
    assert len(run.outputs[-1]["traceback"]) == 1


def test_a_wrong_option_leaves_no_empty_card(kernel: Kernel) -> None:
    """One line in the cell, and nothing around it."""
    assert len(kernel.run("%%route -m quik\nWhat?").outputs) == 1
    assert len(kernel.run("%%route --nope\nWhat?").outputs) == 1


def test_an_empty_cell_is_refused(kernel: Kernel) -> None:
    """IPython itself does it."""
    run = kernel.run("%%route\n")
    assert run.status == "error"
    assert "empty" in run.text


def test_what_came_before_a_failure_is_kept(kernel: Kernel) -> None:
    """It was on the screen; the error below it says what became of it."""
    run = kernel.run("%%route -m broken --deadline 2\nWhat?")
    assert run.ename in ("AllAttemptsFailed", "DeadlineExceeded")
    assert "chat qa" in run.outputs[0]["data"]["text/plain"]


def test_a_wrong_config_is_told_and_then_mended(server: ScriptedServer, tmp_path: Path) -> None:
    """Every problem at once; once the file is right the next cell works."""
    (tmp_path / "routing.toml").write_text("[models.a]\nprovder = 'x'\n[[routes]]\nname = 'chat'\ntry = ['b']\n")
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext routebook")
        run = kernel.run("%%route\nWhat?")
        assert run.ename == "ConfigError"
        assert "provder" in run.text
        assert "'b'" in run.text
        (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
        assert "four" in ask(kernel).text


# ---- beside what users do to their loops


def test_run_all_with_nest_asyncio2_applied_loses_no_cell(server: ScriptedServer, tmp_path: Path) -> None:
    """With the archived nest_asyncio the queued cells vanish; with its successor, applied by the user, all of ours run."""
    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with running_kernel(tmp_path) as kernel:
        cells = [
            "%load_ext routebook",
            "import asyncio, nest_asyncio2\nnest_asyncio2.apply()",
            "%%route -o a\nWhat?",
            "asyncio.run(asyncio.sleep(0.01)); print(a.text)",
            "%%route -m steady -o b\nWhat?",
            "import routebook as rb\nprint(rb.Router().ask_sync('What?').text, (await rb.Router().ask('What?')).text)",
        ]
        started = [kernel.start(cell) for cell in cells]
        runs = [kernel.finish(one) for one in started]
        assert [run.status for run in runs] == ["ok"] * len(cells), [run.text for run in runs]
        assert runs[3].text.strip() == "It is **four**."
