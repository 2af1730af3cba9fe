"""The `%%route` line: what people type at it, right and wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from cells import running_shell
from hypothesis import given
from hypothesis import strategies as st

from routebook.errors import AllAttemptsFailed, UsageError
from routebook.messages import Overrides
from routebook.notebook.options import OPTIONS, help_text, overrides, parse

CITY = {"type": "object", "required": ["city"]}


def wrong(line: str) -> str:
    """What a wrong line is answered."""
    with pytest.raises(UsageError) as caught:
        parse(line)
    return str(caught.value)


def test_a_bare_line_decides_nothing() -> None:
    """Whatever the user leaves open is the router's to decide."""
    assert not any(overrides(parse("")).values())


def test_every_option_reaches_the_router() -> None:
    """An option that is parsed and then dropped is worse than none."""
    line = (
        "-m org/model:8b --route code --pipeline reviewed --task bug_fix --complexity 7.5 --agent me --tier free --local --budget 0.02 --priority P0 --deadline 9 "
        "--system 'Be brief.' --temperature 0 --max-tokens 50 --think off --tools a,b --no-cache --fresh --schema City"
    )
    assert overrides(parse(line), {"City": CITY}) == Overrides(
        model="org/model:8b", route="code", pipeline="reviewed", task="bug_fix", complexity=7.5, agent="me", tier="free", local=True, budget_usd=0.02, priority="P0",
        deadline_s=9.0, system="Be brief.", temperature=0.0, max_tokens=50, think="off", tools="a,b", cache=False, fresh=True,
        schema=CITY,
    )  # fmt: skip


def test_the_pinned_names_are_all_there() -> None:
    """Notebooks are written against these names."""
    flags = {flag for option in OPTIONS for flag in option.flags}
    assert flags >= {
        "-m", "--model", "--route", "--task", "--complexity", "--agent", "--tier", "--local", "--budget", "--priority", "--deadline", "--dry",
        "-o", "--out", "--system", "--temperature", "--max-tokens", "--think", "--history", "--raw", "-h", "--help", "--schema",
    }  # fmt: skip


def test_an_equals_sign_and_quotes_work_as_in_a_shell() -> None:
    """People type both forms, and a system message has spaces."""
    found = parse('--max-tokens=7 --system "You are \\"terse\\"" --out=a')
    assert (found.max_tokens, found.system, found.out) == (7, 'You are "terse"', "a")


def test_a_wrong_option_is_answered_with_the_near_one() -> None:
    """A typo costs one look, not a search through the docs."""
    assert "There is no option --modle." in wrong("--modle x")
    assert "'--model'" in wrong("--modle x")


def test_an_abbreviated_option_is_not_guessed() -> None:
    """`--t` would mean another thing the day an option is added."""
    assert "There is no option --temp." in wrong("--temp 1")


def test_a_prompt_on_the_line_is_told_where_it_belongs() -> None:
    """The first mistake everybody makes."""
    assert "goes on the lines below" in wrong("What is a monad?")


def test_an_apostrophe_in_a_prompt_on_the_line_is_told_the_same() -> None:
    """An open quote is a shell's notion; the user only wrote `What's`."""
    said = wrong("What's a monad?")
    assert "quote" in said
    assert "lines below" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--model", "--model needs a value. %%route -h shows all options."),
        ("--tier cheap", "--tier takes local, free or paid, not 'cheap'."),
        ("--priority P9", "P0"),
        ("--max-tokens many", "--max-tokens takes a whole number, not 'many'."),
        ("--temperature hot", "--temperature takes a number, not 'hot'."),
        ("--history x", "x"),
        ("--history -1", "-1"),
        ("--out 2x", "'2x'"),
        ("--out class", "'class'"),
        ("-o a.b", "'a.b'"),
        ("--local=yes", "--local takes no value."),
    ],
)
def test_a_wrong_value_is_named(line: str, says: str) -> None:
    """The message says which value is wrong, and where all options are to be found."""
    assert says in wrong(line)


def test_help_lists_every_option_once() -> None:
    """Help that leaves one out hides it."""
    text = help_text()
    for option in OPTIONS:
        assert ", ".join(option.flags) in text
        assert option.help in text


def test_help_wins_over_nothing_else_given() -> None:
    """`%%route -h` and `--help` both answer."""
    assert parse("-h").help
    assert parse("--help").help


@given(st.text(max_size=200))
def test_no_line_ever_leaves_the_process_or_fails_otherwise(line: str) -> None:
    """Argparse exits by default, which would end the kernel."""
    with contextlib.suppress(UsageError):
        parse(line)


def test_a_schema_is_a_variable_or_a_file(tmp_path: Path) -> None:
    """A notebook has it at hand; a shell has files only."""
    file = tmp_path / "city.json"
    file.write_text('{"type": "object"}', encoding="utf-8")
    assert overrides(parse(f"--schema {file}"))["schema"] == {"type": "object"}
    file.write_text("{", encoding="utf-8")
    for line, says in ((f"--schema {file}", "is not JSON"), ("--schema none.json", "cannot be read"), ("--schema Citty", "'City'")):
        with pytest.raises(UsageError, match=says):
            overrides(parse(line), {"City": CITY})
    with pytest.raises(UsageError, match=r"takes a variable or a \.json file, and there is no 'City'"):
        overrides(parse("--schema City"))


def test_a_cell_s_schema_is_checked_and_its_answer_can_be_read(tmp_path: Path) -> None:
    """The whole way: the variable, the first model that fails, the second, the value."""
    routing = """
    providers.p = { kind = "chaos" }
    models.a = { provider = "p", id = "a", chaos = { reply = "Rome, I think." } }
    models.b = { provider = "p", id = "b", chaos = { reply = '{"city": "Rome"}' } }
    routes = [{ name = "chat", try = ["a", "b"] }]
    """
    with running_shell(tmp_path, routing) as shell:
        shell.run("City = {'type': 'object', 'required': ['city']}")
        shell.run("%%route --schema City -o found\nWhere is the Forum?")
        answer = shell.names["found"]
        assert (answer.json(), answer.model) == ({"city": "Rome"}, "b")
        shell.run("City['required'] = ['country']")
        shell.attempt("%%route --schema City\nWhere is the Colosseum?")
        assert isinstance(shell.error, AllAttemptsFailed)
        assert "country" in str(shell.error)
        shell.attempt("%%route --schema Citty\nWhere?")
        assert "'City'" in str(shell.error)
