"""A tool that needs a person's yes is run with it, and without it never."""

from __future__ import annotations

import pytest
from ready_tools import ask, delete, serving, told

from routebook.testing import ScriptedCall

DELETE = ScriptedCall(name="delete", arguments={"path": "/tmp/x"})  # noqa: S108  nothing is deleted


@pytest.mark.parametrize(("said", "result"), [(True, "/tmp/x is gone"), (False, "Error: The person said no, so it was not run.")])  # noqa: S108
def test_a_tool_marked_confirm_asks_first(said: bool, result: str) -> None:  # noqa: FBT001  parametrized
    """The question names the tool and what it would be given."""
    questions: list[str] = []

    def confirm(question: str) -> bool:
        questions.append(question)
        return said

    with serving([DELETE]) as server:
        answer = ask(server, [delete], confirm=confirm)
        assert told(server) == [result]
    assert questions == ['Run delete(path="/tmp/x")? A model asks for it.']
    assert [run.status for run in answer.tools] == ["ok" if said else "refused"]


def test_where_nobody_can_be_asked_it_is_not_run() -> None:
    """A script, papermill, a background cell: silence is no yes."""
    with serving([DELETE]) as server:
        ask(server, [delete])
        assert told(server) == ["Error: It needs a person's yes, and nobody is here to be asked, so it was not run."]


def test_a_question_that_fails_is_no_yes() -> None:
    """A caller's own `confirm` may raise; the request goes on, the tool does not run."""

    def confirm(question: str) -> bool:
        raise EOFError(question)

    with serving([DELETE]) as server:
        answer = ask(server, [delete], confirm=confirm)
        assert told(server) == ["Error: Asking failed (EOFError), so it was not run."]
    assert [run.status for run in answer.tools] == ["refused"]
