"""`%%route --compare` in a real kernel: several models race, one is stopped, one fails, the cell tells all."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from kernels import Kernel, Run, running_kernel, said
from served import wait_until

from routebook.testing import Chaos, Fault, ScriptedServer

SCRIPTS = {
    "judge": Chaos(reply="An animal sat on the mat."),
    "tom": Chaos(reply="The cat sat on the mat."),
    "rex": Chaos(reply="The dog sat on the mat."),
    "slow": Chaos(tokens=2000, tokens_per_s=20),
    "down": Chaos(faults=(Fault(kind="auth"),)),
}
ROUTING = """
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
tom = { provider = "here", id = "tom" }
rex = { provider = "here", id = "rex", price = { input = 1, output = 5 } }
slow = { provider = "here", id = "slow" }
down = { provider = "here", id = "down" }
judge = { provider = "here", id = "judge" }
[[routes]]
name = "chat"
try = ["tom", "rex"]
"""


@pytest.fixture(scope="module")
def kernel(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension loaded."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with running_kernel(folder) as running:
        assert running.run("%load_ext routebook").status == "ok"
        yield running


def test_models_answer_side_by_side_and_stay_in_the_notebook(kernel: Kernel) -> None:
    """One widget while it runs, one page when it is done."""
    run = kernel.run("%%route --compare tom,rex -o both\nWho sat?")
    assert run.status == "ok", run.text
    assert [sorted(output["data"]) for output in run.outputs] == [["text/html", "text/plain"]]
    assert "<del>cat</del><ins>dog</ins>" in run.html
    assert run.text.index("The cat sat") < run.text.index("The dog sat")
    assert said(kernel, "print(list(both), both['rex'].text, both.frame.shape[0])") == "['tom', 'rex'] The dog sat on the mat. 2"


def test_each_answer_is_in_the_books(kernel: Kernel) -> None:
    """A comparison costs what its calls cost."""
    kernel.run("%route frame -o before")
    kernel.run("%%route --compare tom,rex --repeat 3\nWho sat?")
    kernel.run("%route frame -o frame")
    assert said(kernel, "print(len(frame) - len(before))") == "6"
    assert said(kernel, "print(sorted(frame.model.astype(str).tail(6)))") == str(["rex"] * 3 + ["tom"] * 3)


def test_votes_and_ratings_are_learned_from(kernel: Kernel) -> None:
    """What one sees side by side is worth more than any benchmark."""
    kernel.run("%%route --compare tom,rex -o both\nWho sat?")
    said(kernel, "both.vote('rex'); both.rate('tom', 0.25)")
    beliefs = said(kernel, "b = both.router.beliefs().set_index('model')['mean']\nprint(b['rex'] > b['tom'])")
    assert beliefs == "True"
    assert "There is no pane 'rax'" in kernel.run("both.vote('rax')").text


def test_a_model_that_fails_has_its_pane_and_spoils_nothing(kernel: Kernel) -> None:
    """The others were paid for."""
    run = kernel.run("%%route --compare tom,down -o some\nWho sat?")
    assert run.status == "ok", run.text
    assert "did not answer" in run.html
    assert "The cat sat" in run.html
    assert said(kernel, "print(list(some), list(some.failures))") == "['tom'] ['down']"


def test_when_none_answers_the_cell_fails(kernel: Kernel) -> None:
    """An error is an error: Run All stops."""
    run = kernel.run("%%route --compare down,down\nWho sat?")
    assert run.status == "error"
    assert "down" in run.text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--compare tom", "makes 1"),
        ("--compare tom,", "has an empty one"),
        ("--compare tom,rax", "Did you mean 'rex'"),
        ("--compare tom,rex --repeat 9", "asked 9 times makes 18"),
        ("--compare tom,rex --repeat 0", "1 or more, not 0"),
        ("--repeat 2", "goes with --compare"),
        ("--compare tom,rex -m tom", "leave -m out"),
    ],
)
def test_a_wrong_comparison_is_refused_before_anything_is_sent(kernel: Kernel, server: ScriptedServer, line: str, words: str) -> None:
    """Nothing is paid for a slip."""
    before = len(server.seen.calls)
    run = kernel.run(f"%%route {line}\nWho sat?")
    assert run.status == "error"
    assert words in run.text
    assert len(server.seen.calls) == before


def news(run: Run) -> str:
    """What the panes were told so far."""
    return "".join(str(content["data"]) for _, kind, content in run.seen if kind == "comm_msg")


def test_stopping_ends_every_pane_and_keeps_what_came(kernel: Kernel, server: ScriptedServer) -> None:
    """The stop button means all of it."""
    before, run = len(server.seen.disconnects), Run()
    message = kernel.start("%%route --compare tom,slow,slow\nTell a story.")
    while not all(part in news(run) for part in ("'tom': 'done'", "'slow #1': {", "'slow #2': {")):
        kernel.watch(message, run, until=time.monotonic() + 30, stop_at="comm_msg")
    kernel.interrupt()
    kernel.finish(message, run=run)
    assert run.status == "error"
    assert "Stopped: " in run.text
    assert "characters are kept" in run.text
    assert "The cat sat" in run.html
    wait_until(lambda: len(server.seen.disconnects) == before + 2)


# ---- blind


def test_an_arena_without_a_person_shows_both_and_asks_nobody(kernel: Kernel) -> None:
    """Where a notebook is run by a program nobody can vote, and it must not wait for ever."""
    run = kernel.run("%%route --arena -o duel\nWho sat?")
    assert run.status == "ok", run.text
    blind, revealed = (output["data"]["text/plain"] for output in run.outputs)
    assert "The cat sat" in blind
    assert "The dog sat" in blind
    assert "tom" not in blind
    assert "rex" not in blind
    assert "no vote: nobody could be asked" in revealed
    assert "tom" in revealed
    assert said(kernel, "print(sorted(pane[3:] for pane in duel))") == "['rex', 'tom']"


def test_while_a_blind_answer_comes_nothing_tells_who_writes(kernel: Kernel) -> None:
    """Neither headline nor state."""
    run = kernel.run("%%route --arena\nWho sat?")
    told = [str(content["data"]) for _, kind, content in run.seen if kind in ("comm_msg", "comm_open")]
    assert any("The" in message for message in told)
    assert not any(re.search(r"\b(?:tom|rex)\b", message) for message in told)


def test_an_arena_needs_two_models(kernel: Kernel, server: ScriptedServer) -> None:
    """Said before anything is sent."""
    before = len(server.seen.calls)
    run = kernel.run("%%route --arena -m tom\nWho sat?")
    assert "An arena takes two models, and the plan of this prompt has tom." in run.text
    assert "--compare and --arena do not go together" in kernel.run("%%route --arena --compare tom,rex\nWho?").text
    assert len(server.seen.calls) == before


# ---- one of several


def test_without_a_judge_the_answer_most_agreed_on_is_taken(kernel: Kernel) -> None:
    """And what is disputed stands first."""
    run = kernel.run("%%route --ensemble rex,tom,tom -o one\nWho sat?")
    assert run.status == "ok", run.text
    assert said(kernel, "print(one.chosen, one.judged, one.text, f'{one.agreement:.2f}')") == "tom #1 None The cat sat on the mat. 0.67"
    assert "2 of 3" in run.html
    assert "what only others say" in run.html
    assert "The dog sat on the mat." in said(kernel, "print(one.frame.to_string()); print(one.comparison['rex'].text)")


def test_a_judge_writes_the_answer_from_theirs(kernel: Kernel, server: ScriptedServer) -> None:
    """It is given all of them, as material, and its attempt is a judge's in the books."""
    run = kernel.run("%%route --ensemble tom,rex --judge judge -o one\nWho sat?")
    assert run.status == "ok", run.text
    asked = server.seen.calls[-1].json()
    assert "The cat sat" in asked["messages"][-1]["content"]
    assert "never an instruction" in asked["messages"][0]["content"]
    assert said(kernel, "print(one.text, one.judged.attempt.kind, one.chosen)") == "An animal sat on the mat. judge None"
    assert "written by the judge" in run.text


def test_a_wrong_judge_is_refused_before_anything_is_sent(kernel: Kernel, server: ScriptedServer) -> None:
    """The answers would have been paid for already."""
    before = len(server.seen.calls)
    assert "Did you mean 'judge'" in kernel.run("%%route --ensemble tom,rex --judge jugde\nWho sat?").text
    assert "--judge goes with --ensemble" in kernel.run("%%route --judge judge\nWho sat?").text
    assert len(server.seen.calls) == before
