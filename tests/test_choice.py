"""A question that a cell asks: it is gone when the cell is stopped, also as it is shown, and when its answer is not wanted any more."""

from __future__ import annotations

from pathlib import Path

from kernels import running_kernel
from served import ONE_MODEL

from routebook.testing import ScriptedCall, ScriptedServer

TOOL = """%load_ext routebook
import routebook as rb

@rb.tool(confirm=True)
def delete(path: str) -> str:
    '''Delete a file.'''
    raise AssertionError("nobody said yes")
"""
STOPPED_AS_IT_IS_SHOWN = """
import signal
from IPython import get_ipython
publisher = get_ipython().display_pub

def send_and_stop(message):
    if message["header"]["msg_type"] != "display_data" or "Nobody had answered" not in str(message["content"]):
        return message
    publisher.session.send(publisher.pub_socket, message, ident=publisher.topic)
    signal.raise_signal(signal.SIGINT)

publisher.register_hook(send_and_stop)
"""
"""The stop button, pressed when the page has the question and the call that sent it has not returned."""


def test_a_question_that_is_stopped_as_it_is_shown_is_taken_away(tmp_path: Path) -> None:
    """Whatever the cell was doing just then."""
    (tmp_path / "routing.toml").write_text('[books]\npath = "books.db"\n', encoding="utf-8")
    with running_kernel(tmp_path) as kernel:
        assert kernel.run("%load_ext routebook").status == "ok"
        assert kernel.run(STOPPED_AS_IT_IS_SHOWN).status == "ok"
        stopped = kernel.finish(kernel.start("%route init", allow_stdin=True))
    assert stopped.text.strip() == "Stopped: a question was not answered."
    shown = [kind for _, kind, content in stopped.seen if kind == "display_data" and "Nobody had answered" in str(content)]
    assert len(shown) == 1
    assert "Nobody had answered" not in str(stopped.outputs)
    ids = {kind: {content["comm_id"] for _, of, content in stopped.seen if of == kind} for kind in ("comm_open", "comm_close")}
    assert ids["comm_open"] == ids["comm_close"] != set()


def test_a_question_of_a_request_whose_time_is_over_is_taken_away(tmp_path: Path) -> None:
    """The cell would wait for a yes that nothing waits for."""
    asked = ScriptedCall(name="delete", arguments={"path": "notes.txt"})
    with ScriptedServer(reply="Done.", calls=[[asked]]) as server, running_kernel(tmp_path) as kernel:
        (tmp_path / "routing.toml").write_text(ONE_MODEL.replace("URL", server.url), encoding="utf-8")
        assert kernel.run(TOOL).status == "ok"
        ended = kernel.finish(kernel.start("%%route --tools delete --deadline 3\nDelete my notes.", allow_stdin=True))
    assert "Run delete(" in str([content for _, kind, content in ended.seen if kind == "display_data"])
    assert (ended.status, ended.ename) == ("error", "DeadlineExceeded")
    assert "Nobody had answered" not in str(ended.outputs)
