"""`%%route` in a real kernel, against a real server: what a cell sends, shows, costs, and leaves when it is stopped."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from kernels import Kernel, Run, running_kernel, said

from routebook.testing import Chaos, Fault, ScriptedServer

STOP_S = 0.2
"""From the stop button to the closed connection, and to the end of the cell: the figure itself, also on a loaded machine."""
SCRIPTS = {
    "quick": Chaos(reply="It is **four**."),
    "steady": Chaos(tokens=60, tokens_per_s=60),
    "slow": Chaos(tokens=2000, tokens_per_s=20),
    "mute": Chaos(faults=(Fault(kind="slow_first_token", delay_s=60),)),
    "broken": Chaos(tokens=40, tokens_per_s=40, faults=(Fault(kind="cut", after_tokens=10),)),
    "down": Chaos(faults=(Fault(kind="server_error"),)),
    "shy": Chaos(faults=(Fault(kind="refusal"),)),
}
ENVIRON = {"A_KEY_THAT_IS_SET": "k-secret"}
ROUTING = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.cloud]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_SET"
tier = "paid"
[providers.closed]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_NOT"
tier = "free"
[models]
quick = { provider = "here", id = "quick" }
steady = { provider = "here", id = "steady" }
slow = { provider = "here", id = "slow", price = { input = 1, output = 100 } }
mute = { provider = "here", id = "mute" }
broken = { provider = "here", id = "broken" }
down = { provider = "here", id = "down" }
shy = { provider = "here", id = "shy" }
dear = { provider = "cloud", id = "quick", price = { input = 1000, output = 5000 } }
keyless = { provider = "closed", id = "quick" }
[pools]
shaky = { models = ["broken", "quick"] }
[[routes]]
name = "tests"
tasks = ["testing"]
try = ["dear"]
[[routes]]
name = "chat"
try = ["quick", "dear", "keyless"]
"""


def ask(kernel: Kernel, line: str = "", prompt: str = "What is two and two?") -> Run:
    """Run a `%%route` cell that must succeed."""
    run = kernel.run(f"%%route {line}\n{prompt}")
    assert run.status == "ok", run.text
    return run


def sent(server: ScriptedServer) -> dict[str, Any]:
    """The body of the last request."""
    body: dict[str, Any] = server.seen.calls[-1].json()
    return body


def told(run: Run, key: str) -> list[str]:
    """What the cell's one pane was told of a kind: `delta`, `void`."""
    news = (content["data"].get("content", {}).get("", {}) for _, kind, content in run.seen if kind == "comm_msg")
    return [piece[key] for piece in news if key in piece]


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
    began = time.monotonic()
    run = ask(kernel, "-m steady")
    updates = [(at - began, content["data"]) for at, kind, content in run.seen if kind == "comm_msg"]
    heads = [at for at, data in updates if data.get("state", {}).get("heads")]
    deltas = [(at, data["content"][""]["delta"]) for at, data in updates if "delta" in data.get("content", {}).get("", {})]
    assert heads[0] <= deltas[0][0]
    assert heads[0] < 0.15 + 0.15  # the figure, and a loaded machine
    assert 8 <= len(deltas) <= 25  # one second of sixty tokens
    assert deltas[0][0] < deltas[-1][0] - 0.5
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
        ("%%route -m down --deadline 0.5\nWhat?", "AllAttemptsFailed", "1. down: "),
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


# ---- the stop button


def stop(kernel: Kernel, server: ScriptedServer, line: str, *, after_s: float) -> tuple[Run, float, float]:
    """Run a cell, stop it; return it, the seconds to its end, and the seconds until the server saw the client leave."""
    before = len(server.seen.disconnects)
    cell = kernel.start(f"%%route {line}\nWhat is two and two?")
    time.sleep(after_s)
    pressed = kernel.interrupt()
    run = kernel.finish(cell)
    until = time.monotonic() + 2
    while len(server.seen.disconnects) == before and time.monotonic() < until:
        time.sleep(0.005)
    assert len(server.seen.disconnects) == before + 1
    return run, run.ended - pressed, server.seen.disconnects[-1] - pressed


def test_the_stop_button_stops_at_once_and_keeps_what_came(kernel: Kernel, server: ScriptedServer) -> None:
    """The money stops, the text stays, one line says so."""
    run, cell_s, server_s = stop(kernel, server, "-m slow -o kept", after_s=0.8)
    assert cell_s <= STOP_S
    assert server_s <= STOP_S
    assert (run.status, run.ename) == ("error", "Interrupted")
    assert run.traceback[-1].startswith("Stopped: ")
    assert "characters are kept, cost so far: $0.0" in run.text
    assert len(run.traceback) == 1
    page = run.outputs[0]["data"]
    assert sorted(page) == ["text/html", "text/plain"]
    assert "stopped" in page["text/plain"]
    deltas = "".join(told(run, "delta"))
    assert deltas in page["text/plain"]
    assert len(deltas) > 20


def test_a_stopped_attempt_is_in_the_books_with_its_cost(kernel: Kernel, server: ScriptedServer) -> None:
    """What was streamed is billed."""
    stop(kernel, server, "-m slow", after_s=0.6)
    row = said(
        kernel,
        "row = rb.Router().frame().iloc[-1]\nprint(row.model, row.status, row.finish_reason, row.cost_usd > 0, row.output_tokens > 0, row.tokens_estimated)",
    )
    assert row == "slow cancelled cancelled True True True"


def test_a_stop_before_the_first_token_is_as_quick(kernel: Kernel, server: ScriptedServer) -> None:
    """A model that thinks for minutes is the usual reason to press it."""
    run, cell_s, server_s = stop(kernel, server, "-m mute", after_s=0.4)
    assert cell_s <= STOP_S
    assert server_s <= STOP_S
    assert "nothing had come yet" in run.text


def test_a_stop_aborts_the_cells_behind_it_and_leaves_the_kernel_alive(kernel: Kernel, server: ScriptedServer) -> None:
    """Run All must not go on and spend."""
    cell = kernel.start("%%route -m slow\nWhat?")
    behind = [kernel.start("%%route\nWhat?"), kernel.start("print('ran')")]
    time.sleep(0.5)
    attempts = server.seen.attempts
    kernel.interrupt()
    kernel.finish(cell)
    assert [kernel.finish(one).status for one in behind] == ["aborted", "aborted"]
    assert server.seen.attempts == attempts
    assert "four" in ask(kernel).text


def test_the_cancel_button_is_heard_while_the_cell_runs(kernel: Kernel, server: ScriptedServer) -> None:
    """A page sends its clicks to a subshell of the kernel; the main one is busy with the cell."""
    made = kernel.client.session.msg("create_subshell_request", {})
    kernel.client.control_channel.send(made)
    subshell = kernel.client.get_control_msg(timeout=10)["content"]["subshell_id"]
    before = len(server.seen.disconnects)
    cell = kernel.start("%%route -m slow\nWhat?")
    run = Run()
    kernel.watch(cell, run, until=time.monotonic() + 10, stop_at="display_data")
    model = run.outputs[0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    time.sleep(0.6)
    click = kernel.client.session.msg(
        "comm_msg", {"comm_id": model, "data": {"method": "custom", "content": {"kind": "cancel", "pane": ""}}}
    )
    click["header"]["subshell_id"] = subshell
    pressed = time.monotonic()
    kernel.client.shell_channel.send(click)
    kernel.finish(cell, run=run)
    assert run.ename == "Interrupted"
    assert run.ended - pressed <= STOP_S
    assert server.seen.disconnects[-1] - pressed <= STOP_S
    assert len(server.seen.disconnects) == before + 1


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
