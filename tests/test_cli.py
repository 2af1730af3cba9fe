"""The shell command, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cells import ROUTING

import routebook
from routebook.config.scripted import ScriptedCall
from routebook.testing import Chaos, ScriptedServer

TOOLS = """
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
m = { provider = "here", id = "m", tools = true }
[tools.weather]
python = "mine:weather"
[[routes]]
name = "chat"
try = ["m"]
"""


def run(*words: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m routebook` in the working folder."""
    command = [sys.executable, "-W", "error", "-m", "routebook", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60, cwd=cwd)


@pytest.fixture(autouse=True)
def _routing(tmp_path: Path) -> None:
    (tmp_path / "routing.toml").write_text(ROUTING, encoding="utf-8")


def test_the_answer_alone_goes_to_standard_output() -> None:
    """So that it can be piped on; what it took is said on standard error."""
    done = run("ask", "What is", "2+2?")
    assert (done.returncode, done.stdout) == (0, "Four.\n")
    assert "tiny" in done.stderr
    assert run("ask", "-q", "What is 2+2?").stderr == ""


def test_it_has_the_options_of_a_cell() -> None:
    """One knows them already."""
    assert run("ask", "-m", "opus", "What is 2+2?").stdout == "A dear answer.\n"
    assert "stays on this machine" in run("ask", "--local", "What is 2+2?").stderr
    assert "To try, in order" in run("ask", "--dry", "What is 2+2?").stdout


def test_the_model_may_use_tools_as_in_a_cell(tmp_path: Path) -> None:
    """`--tools` names those of `[tools]`; in a shell nobody has made any by `@rb.tool`."""
    (tmp_path / "mine.py").write_text('def weather(city: str) -> str:\n    """The weather of a city."""\n    return f"rain in {city}"\n')
    calls = ((ScriptedCall(name="weather", arguments={"city": "Paris"}),),)
    with ScriptedServer(models={"m": Chaos(reply="Take an umbrella.", calls=calls)}) as server:
        (tmp_path / "routing.toml").write_text(TOOLS.replace("URL", server.url))
        done = run("ask", "--tools", "weather", "What is the weather in Paris?")
        last = list(server.seen.calls)[-1].json()["messages"][-1]
    assert (done.returncode, done.stdout) == (0, "Take an umbrella.\n"), done.stderr
    assert "rain in Paris" in last["content"]
    assert "There is no tool 'wether'; there are: weather." in run("ask", "--tools", "wether", "hi").stderr


@pytest.mark.parametrize("option", [["-b"], ["--arena"], ["--compare", "tiny,opus"], ["--ensemble", "tiny,opus"], ["-o", "x"], ["--raw"]])
def test_an_option_of_a_notebook_is_refused_rather_than_passed_over(option: list[str]) -> None:
    """One answer where two were asked for would look like all there is."""
    done = run("ask", *option, "hi")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"unrecognized arguments: {option[0]}" in done.stderr


def test_the_prompt_may_come_from_standard_input() -> None:
    """`cat notes.txt | routebook ask summarize: -` is how a shell's user asks."""
    assert run("ask", stdin="What is 2+2?").stdout == "Four.\n"
    assert "fix" in run("plan", "fix", "-", stdin="this traceback").stdout
    assert run("ask", stdin=" \n").returncode == 2


def test_the_answer_comes_as_it_is_made(tmp_path: Path) -> None:
    """Whoever reads the pipe sees the first word long before the last."""
    slow = ROUTING.replace('reply = "Four."', 'reply = "one two three four five six", tokens_per_s = 4')
    (tmp_path / "routing.toml").write_text(slow, encoding="utf-8")
    with subprocess.Popen([sys.executable, "-m", "routebook", "ask", "-q", "count"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first, first_at = os.read(process.stdout.fileno(), 100), time.monotonic()
        rest, last_at = process.stdout.read(), time.monotonic()
    assert first.startswith(b"one")
    assert (first + rest).split() == b"one two three four five six".split()
    assert last_at - first_at > 0.3
    done = run("ask", "-q", "--no-stream", "count")
    assert done.stdout == "one two three four five six\n"


def test_ctrl_c_stops_it_and_keeps_the_partial_answer(tmp_path: Path) -> None:
    """As the stop button does in a notebook: one line, no traceback, and its own exit code."""
    slow = ROUTING.replace('reply = "Four."', 'reply = "one two three four five six seven eight nine ten", tokens_per_s = 2')
    (tmp_path / "routing.toml").write_text(slow, encoding="utf-8")
    command = [sys.executable, "-m", "routebook", "ask", "count"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Stopped: " in said
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["ask", "-m", "tinny", "hi"], 2, "Did you mean 'tiny'"),
        (["ask", "--tier", "golden", "hi"], 2, "takes local, free or paid"),
        (["ask", "--temperature", "9", "hi"], 2, "temperature must be between 0 and 2"),
        (["ask", "-m", "shut", "hi"], 1, "shut"),
        (["ask", "-m", "llama", "hi"], 1, "A_KEY_THAT_NOBODY_HAS"),
        (["models", "--config", "none.toml"], 1, "routebook init"),
        (["init"], 2, "not overwritten"),
        (["init", "new.toml", "--preset", "agent"], 2, "Did you mean 'agents'"),
        (["nonsense"], 2, "invalid choice"),
        ([], 2, "usage"),
    ],
)
def test_an_error_goes_to_standard_error_with_its_code(words: list[str], code: int, says: str) -> None:
    """Scripts look at the code, people at the line; neither wants a traceback."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_connection_of_the_reader_is_no_error_of_ours() -> None:
    """`routebook ask … | head -1` closes the pipe early."""
    command = f"{sys.executable} -m routebook models | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602  a pipe needs one
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_models_and_plan_say_what_the_notebook_says() -> None:
    """One table, one wording."""
    assert "opus-1" in run("models").stdout
    assert "cheapest of all" in run("plan", "What is 2+2?").stdout


def test_doctor_fails_when_there_is_a_problem(tmp_path: Path) -> None:
    """So that a script can ask it; it speaks of the shell's commands, not of the notebook's."""
    done = run("doctor")
    assert done.returncode == 1
    assert "1 problem." in done.stdout
    assert "%route" not in done.stdout
    well = ROUTING.replace('faults = [{ kind = "auth" }]', "tokens = 3")
    (tmp_path / "well.toml").write_text(well, encoding="utf-8")
    assert run("doctor", "--config", "well.toml").returncode == 0


def test_doctor_tells_of_a_wrong_file_rather_than_failing_with_it(tmp_path: Path) -> None:
    """It is asked when things are broken."""
    (tmp_path / "routing.toml").write_text("wrong = = 1\n", encoding="utf-8")
    done = run("doctor")
    assert done.returncode == 1
    assert "problem   routing.toml" in done.stdout


def test_init_writes_a_file_that_works(tmp_path: Path) -> None:
    """The first command on a new project."""
    (tmp_path / "new").mkdir()
    done = run("init", "new")
    assert done.returncode == 0
    assert str(tmp_path / "new" / "routing.toml") in done.stdout
    assert "claude" in run("models", cwd=tmp_path / "new").stdout


def test_setup_says_where_the_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetched once, or one's own."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    monkeypatch.setenv("ROUTEBOOK_GGUF", str(own))
    assert str(own) in run("setup").stdout


def test_the_version_is_the_packages() -> None:
    """The first line of every bug report."""
    assert run("--version").stdout.strip() == f"routebook {routebook.__version__}"


def test_every_command_has_help() -> None:
    """And the package's own command is the same program."""
    for command in ("ask", "plan", "models", "doctor", "init", "setup"):
        assert run(command, "--help").stdout.startswith("usage: routebook")
    script = Path(sys.executable).with_name("routebook")
    if script.exists():
        assert "doctor" in subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout


def test_it_loads_no_notebook() -> None:
    """A server's shell has no IPython, and nobody waits for pandas to see a list of models."""
    script = (
        "import sys\nfrom routebook.cli import main\nfor words in (['ask', 'hi'], ['models'], ['doctor'], ['plan', 'hi']):\n    main(words)\n"
        "print([name for name in ('IPython', 'pandas', 'altair', 'anywidget') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
