"""A question that a cell asks: whoever is interrupted while it is shown leaves no buttons that nobody hears."""

from __future__ import annotations

from pathlib import Path

from kernels import running_kernel

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
