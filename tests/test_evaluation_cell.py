"""`%route evaluate` in a cell: the report, the difference, what is written, and the line that reminds of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import tomli
from cells import Shell, running_shell
from kernels import running_kernel

import routebook as rb
from routebook.errors import ConfigError, SuiteError, UsageError
from routebook.notebook.reminder import due
from routebook.testing import Chaos, ScriptedServer

SUITE = """
[[prompts]]
task = "chat_qa"
prompt = "Capital of France?"
exact = "Paris"

[[prompts]]
task = "chat_qa"
prompt = "Capital of Italy?"
exact = "Rome"

[[prompts]]
task = "writing"
prompt = "Name a city."
regex = "Paris"
"""
ROUTING = """# our models
[books]
path = "books.db"

[providers.p]
kind = "openai"
base_url = "{url}"
tier = "paid"

[models.paris]   # always says Paris
provider = "p"
id = "paris"
price = {{ input = 1, output = 2 }}
rubric = {{ chat_qa = 1 }}   # a guess

[models.lost]
provider = "p"
id = "lost"
price = {{ input = 1, output = 2 }}
rubric = {{ chat_qa = 9, writing = 9 }}   # a guess too

[pools.all]
models = ["lost", "paris"]
pick = "best"
quality = 1.0

[[routes]]
name = "chat"
try = ["all"]
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Paris is right twice of three, the other never."""
    with ScriptedServer(
        models={"paris": Chaos(reply="Paris."), "lost": Chaos(reply="I do not know."), "new": Chaos(reply="Rome")}
    ) as running:
        yield running


@pytest.fixture
def shell(tmp_path: Path, server: ScriptedServer) -> Iterator[Shell]:
    """A notebook with both models and a suite."""
    (tmp_path / "mine.toml").write_text(SUITE, encoding="utf-8")
    with running_shell(tmp_path, ROUTING.format(url=server.url)) as found:
        yield found


def text_of(folder: Path) -> str:
    """The file as it is."""
    return (folder / "routing.toml").read_text(encoding="utf-8")


def test_2_06_profiles_come_from_an_evaluation(shell: Shell, tmp_path: Path) -> None:
    """A suite is run on demand, its report shown, and what it says of each model written, with the comments kept and the old file too."""
    before = text_of(tmp_path)
    shell.run("%route evaluate --suite mine.toml")
    for words in (
        "evaluation by mine: 2 models, 6 of 6 answers graded",
        "paris",
        "6.7",
        "chat_qa",
        "5.0 (2)",
        "10.0 (1)",
        "+++ routing.toml with this",
    ):
        assert words in shell.text, shell.text
    assert "Nothing was written" in shell.text
    assert text_of(tmp_path) == before
    shell.run("%route evaluate --suite mine.toml --budget 0.5 --write -o report")
    after = tomli.loads(text_of(tmp_path))["models"]
    assert after["paris"]["rubric"] == {"chat_qa": 5.8, "writing": 7.8}
    assert after["lost"]["rubric"] == {"chat_qa": 0, "writing": 0}
    assert text_of(tmp_path).count("#") == before.count("#")
    assert "# a guess too" in text_of(tmp_path)
    assert "kept as routing.toml.old1" in shell.text
    assert "in use" in shell.text
    assert (tmp_path / "routing.toml.old1").read_text(encoding="utf-8") == before
    frame = shell.names["report"].frame
    assert isinstance(frame, pd.DataFrame)
    assert set(frame["model"]) == {"paris", "lost"}
    spent = shell.run("%route frame").query("kind == 'evaluation'")["cost_usd"].sum()
    assert spent > 0


def test_4_05_a_rubric_that_an_evaluation_wrote_is_used_in_choosing(shell: Shell) -> None:
    """That is what it is written for: the next prompt goes to the model that proved better."""
    shell.run("%%route -o first\nWhat is the capital of France?")
    assert shell.names["first"].model == "lost", "by the guesses in the file"
    shell.run("%route evaluate --suite mine.toml --write")
    shell.run("%%route -o second\nWhat is the capital of Italy?")
    assert shell.names["second"].model == "paris"
    assert shell.names["second"].text == "Paris."


def test_4_05_a_speed_that_an_evaluation_wrote_is_used_in_choosing(tmp_path: Path) -> None:
    """A router that has seen no answer yet takes the quicker model first."""
    (tmp_path / "mine.toml").write_text(
        "".join(f'[[prompts]]\ntask = "writing"\nprompt = "Say {n}."\nregex = "."\n' for n in range(5)), encoding="utf-8"
    )
    routing = ROUTING.replace('pick = "best"\nquality = 1.0', 'pick = "fastest"')
    models = {"lost": Chaos(reply="a b c", latency_s=0.4), "paris": Chaos(reply="a b c")}
    with ScriptedServer(models=models) as server, running_shell(tmp_path, routing.format(url=server.url)) as shell:
        first = shell.run("rb = __import__('routebook')\nrb.Router().plan('hello').candidates[0].model")
        shell.run("%route evaluate --suite mine.toml --write")
        then = shell.run("rb.Router().plan('hello').candidates[0].model")
    assert (first, then) == ("lost", "paris")


def test_speed_is_written_where_there_were_enough_answers_and_a_price_where_one_is_known(shell: Shell, tmp_path: Path) -> None:
    """A suite of one's own may be a DataFrame of the notebook."""
    shell.names["prompts"] = pd.DataFrame([{"task": "writing", "prompt": f"Name city {n}.", "regex": "Paris"} for n in range(6)])
    shell.run("%route evaluate --suite prompts --models paris --write")
    entry = tomli.loads(text_of(tmp_path))["models"]["paris"]
    assert entry["rubric"] == {"chat_qa": 1, "writing": 10}, "what was not asked about stays"
    assert 0 < entry["speed"] <= 10
    assert entry["price"] == {"input": 1, "output": 2}
    shell.run("%route evaluate --suite prompts --models paris --write")
    assert "Written" in shell.text or "says all of this already" in shell.text


def test_the_report_has_a_page_and_its_text(shell: Shell) -> None:
    """In a notebook as HTML, with the twin that a terminal and a saved notebook need."""
    shell.as_kernel()
    shell.shell.get_parent = lambda: {"metadata": {"cellId": "c"}, "content": {}}  # type: ignore[attr-defined]
    shell.run("%route evaluate --suite mine.toml --models paris")
    pages = [output for output in shell.outputs if "text/html" in output]
    assert any("<table" in page["text/html"] and "scores by task" in page["text/plain"] for page in pages)
    assert any("background:" in page["text/html"] and "+++ routing.toml" in page["text/plain"] for page in pages)
    assert all("<script" not in page["text/html"] for page in pages)


@pytest.mark.parametrize(
    ("line", "says", "kind"),
    [
        ("--modls a", "There is no option --modls. Did you mean '--models'", UsageError),
        ("--budget much", "--budget takes a number, not 'much'.", UsageError),
        ("--budget nan", "budget_usd must be a finite number, not nan.", UsageError),
        ("--suite nowhere.toml", "there is none of this name", SuiteError),
        ("-o 1x", "takes the name of a variable", UsageError),
        ("--suite 'mine", "a quote that is not closed", UsageError),
        ("--suite mine.toml --models all,nobody", "no model, pool or provider 'nobody'", UsageError),
    ],
)
def test_a_wrong_line_is_refused_before_anything_is_sent(
    shell: Shell, server: ScriptedServer, line: str, says: str, kind: type[Exception]
) -> None:
    """And says what was meant."""
    shell.attempt(f"%route evaluate {line}")
    assert isinstance(shell.error, kind)
    assert says in str(shell.error)
    assert not server.seen.calls


def test_without_a_file_there_is_a_report_and_nothing_to_write_to() -> None:
    """It says how to come by one."""
    with ScriptedServer(script=Chaos(reply="Paris")) as server:
        from served import router

        of = router(server)
        report = rb.evaluate_models(pd.DataFrame([{"task": "chat_qa", "prompt": "Capital?", "exact": "Paris"}]), router=of, progress=False)
        with pytest.raises(UsageError, match="%route init writes one"):
            report.write()
        of.close()


def test_a_person_who_says_yes_has_it_written(tmp_path: Path, server: ScriptedServer) -> None:
    """Asked while the cell runs; what is not answered yes is not written."""
    (tmp_path / "routing.toml").write_text(ROUTING.format(url=server.url), encoding="utf-8")
    (tmp_path / "mine.toml").write_text(SUITE, encoding="utf-8")
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext routebook")
        for answer in ("Leave it", "Write it"):
            sent = kernel.start("%route evaluate --suite mine.toml --fresh", cell_id=None, allow_stdin=True)
            kernel.client.get_stdin_msg(timeout=90)
            kernel.client.input(answer)
            run = kernel.finish(sent, seconds=90)
            assert ("kept as routing.toml.old1" in run.text) is (answer == "Write it"), run.text
    assert tomli.loads(text_of(tmp_path))["models"]["lost"]["rubric"] == {"chat_qa": 0, "writing": 0}


# ---- the reminder

SCHEDULE = """
[evaluation]
every = "7d"
suite = "mine.toml"
models = ["paris", "lost"]
budget = 0.5
"""


def with_schedule(shell: Shell, folder: Path, more: str = "") -> None:
    """Put a schedule into the file and to use."""
    (folder / "routing.toml").write_text(text_of(folder) + SCHEDULE + more, encoding="utf-8")
    shell.run("%route reload")


def test_a_schedule_reminds_once_a_session_and_never_runs_by_itself(shell: Shell, tmp_path: Path, server: ScriptedServer) -> None:
    """One quiet line; what it costs is the user's to decide."""
    shell.run("%%route\nhello")
    assert "%route evaluate" not in shell.text, "who wants no schedule is left alone"
    with_schedule(shell, tmp_path)
    shell.run("%%route\nhello")
    assert "The models were never evaluated. %route evaluate runs the suite." in shell.text
    shell.run("%%route\nhello again")
    assert "never evaluated" not in shell.text
    assert len(server.seen.calls) == 3
    shell.run("%route evaluate")
    assert "evaluation by mine: 2 models, 6 of 6" in shell.text, "the suite, the models and the budget of the schedule"
    assert "of $0.50" in shell.text


def test_it_is_due_again_after_its_time_and_a_new_model_is_named(shell: Shell, tmp_path: Path) -> None:
    """The same line says that a model has no profile yet."""
    with_schedule(shell, tmp_path)
    shell.run("%route evaluate")
    session = shell.shell.magics_manager.registry["RouteMagics"].session
    runtime, config = session.router.runtime(), session.router.config
    assert due(runtime, config) == ""
    later = runtime.now() + dt.timedelta(days=9)
    runtime.now = lambda: later
    assert due(runtime, config) == "The models were evaluated 9 days ago, and every 7d is wanted. %route evaluate runs the suite."
    (tmp_path / "routing.toml").write_text(
        text_of(tmp_path) + '\n[models.new]\nprovider = "p"\nid = "new"\nprice = { input = 1, output = 1 }\n', encoding="utf-8"
    )
    shell.run("%route reload")
    session.was_reminded = False
    shell.run("%%route\nhello")
    assert "Without a profile: new. %route evaluate runs the suite." in shell.text, shell.text


def test_a_wrong_schedule_is_refused_with_all_the_rest(shell: Shell, tmp_path: Path) -> None:
    """As every mistake of the file."""
    text = text_of(tmp_path) + '\n[evaluation]\nevery = "weekly"\nmodels = ["pari"]\njudge = "nobody"\nbudget = -1\n'
    (tmp_path / "routing.toml").write_text(text, encoding="utf-8")
    shell.attempt("%route reload")
    assert isinstance(shell.error, ConfigError)
    for words in ('Write it like every = "7d"', "Did you mean 'paris'", "no model 'nobody'", "evaluation.budget"):
        assert words in str(shell.error)
