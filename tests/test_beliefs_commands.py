"""What was learned, as one sees it in a notebook: `%route good`, `%route why`, `%route beliefs`, `%route forget`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import Shell, running_shell
from labelled_made import labelled

from routebook.errors import UsageError

ROUTING = """
[defaults]
explore = 0

[providers.home]
kind = "chaos"
chaos = { reply = "Four." }

[models.tiny]
provider = "home"
id = "tiny:1b"
rubric = { writing = 6 }

[models.big]
provider = "home"
id = "big:70b"

[pools.all]
models = ["tiny", "big"]
pick = "best"
quality = 0.9

[[routes]]
name = "chat"
try = ["all"]
"""
ASK = "%%route --task writing\nWrite a haiku about the first snow"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell with a pool of two models to choose the best of."""
    with running_shell(tmp_path, ROUTING) as made:
        yield made


def refused(shell: Shell, line: str) -> str:
    """Run a line that must be refused; return what it says."""
    shell.attempt(line)
    assert isinstance(shell.error, UsageError), shell.error
    return str(shell.error)


def test_bad_turns_the_next_prompt_to_another_model_and_why_says_so(shell: Shell) -> None:
    """The shortest way from a complaint to a better choice."""
    shell.run(ASK)
    assert "tiny" in shell.text
    shell.run("%route bad")
    shell.run(ASK)
    shell.run("%route why")
    tried = shell.text[shell.text.index("To try, in order") :].splitlines()[1:3]
    assert re.search(r"big .*best of all: believed 0\.50 ± 0\.29 by its profile", tried[0])
    assert re.search(r"tiny .*believed 0\.48 ± 0\.20 by 1 outcome", tried[1])


def test_why_tells_of_a_memory_now_and_from_the_books_later(shell: Shell) -> None:
    """One who wonders why this model, finds the reason by the request's ID a week later too."""
    for _ in range(3):
        shell.run("%%route -m big --task writing\nWrite a haiku about the first snow")
        shell.run("%route good")
    shell.run("%%route -o answer --task writing\nwrite a haiku on the first snow, please")
    request = shell.names["answer"].request_id
    shell.run("%route why")
    assert "remembered: it did well on 3 similar prompts (sure 0.8" in shell.text
    shell.run("%%route\nWhat is 2+2?")
    shell.run(f"%route why {request}")
    assert "remembered: it did well on 3 similar prompts (sure 0.8" in shell.text


def test_beliefs_shows_what_was_learned_and_forget_wipes_it(shell: Shell) -> None:
    """What a program believes of one's models must be there to see, and to drop."""
    shell.run("%route beliefs")
    assert "Nothing was learned yet" in shell.text
    shell.run(ASK)
    shell.run("%route good")
    shell.run("%route beliefs")
    assert re.search(r"1 belief, .* 1 outcome in the memory", shell.text)
    assert re.search(r"writing +tiny +0\.68 +0\.19 +1 ", shell.text)
    shell.run("%route forget --task=chat_qa")
    assert "Nothing was learned of task 'chat_qa'. There is 'writing'." in shell.text
    shell.run("%route forget --model tiny --task writing")
    assert (
        "Forgot 1 outcome of task 'writing' and model 'tiny'" in shell.text
        or "Forgot 1 outcome of model 'tiny' and task 'writing'" in shell.text
    )
    shell.run("%route beliefs")
    assert "Nothing was learned yet" in shell.text
    shell.run("%route good")
    shell.run("%route forget all")
    assert "Forgot 1 outcome of everything" in shell.text


def test_forget_says_what_becomes_of_a_fit(shell: Shell) -> None:
    """One who forgets a task must not believe the fit gone, and one who forgets all must not keep it unknowingly."""
    shell.names["outcomes"] = labelled(names=("big", "tiny"))
    shell.run("%route fit outcomes")
    shell.run("%route forget --task writing")
    assert "What was fitted stays" in shell.text
    shell.run(ASK)
    shell.run("%route good")
    shell.run("%route forget all")
    assert "Forgot 1 outcome of everything" in shell.text
    assert "Forgot what was fitted" in shell.text
    shell.run("%route forget --task writing")
    assert "What was fitted stays" not in shell.text


@pytest.mark.parametrize("rest", ["", "--task", "writing", "all --task writing", "--taks writing", "--task a --task b", "--task 'a"])
def test_forget_takes_nothing_for_granted(shell: Shell, rest: str) -> None:
    """A slip must not wipe what took months."""
    assert "--task NAME" in refused(shell, f"%route forget {rest}")
