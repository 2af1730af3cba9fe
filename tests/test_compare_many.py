"""`rb.compare`: many prompts by several models; every end is a row, and what was paid for is never lost."""

from __future__ import annotations

import io
import re
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from hostile import payloads
from making import attempt
from served import router, rows, wait_until
from test_page import SAFE_TAGS, answer

import routebook as rb
import routebook.notebook.panels.compare
from routebook.engine.router import Router
from routebook.errors import Unavailable, UsageError
from routebook.notebook.panels.asking import ask_each
from routebook.notebook.panels.compare_many import compare
from routebook.notebook.panels.comparison import Comparison
from routebook.notebook.panels.comparison_table import ComparisonTable
from routebook.notebook.panels.comparison_table_page import MOST_PROMPTS, table_page
from routebook.testing import Chaos, Fault, ScriptedServer

PROMPTS = ["Who sat?", "Where?", "Why | how?"]
SCRIPTS = {
    "tom": Chaos(reply="The cat sat on the mat."),
    "rex": Chaos(reply="The dog sat on the mat."),
    "down": Chaos(faults=(Fault(kind="auth"),)),
    "slow": Chaos(tokens=100, tokens_per_s=20),
}


@pytest.fixture
def asked(server: ScriptedServer) -> Iterator[Router]:
    """A router over its models; the last has no price."""
    made = router(server, models={"tom": {}, "rex": {}, "slow": {}, "down": {"price": None}})
    yield made
    made.close()


def table(*texts: str, **more: Any) -> ComparisonTable:  # noqa: ANN401
    """One model's answers to some prompts, and another's failures."""
    failure = Unavailable("odd: it is down.", provider="odd")
    comparisons = [
        Comparison(
            prompt=f"prompt {place}", answers={"a": answer(text=text, attempts=(attempt(model="a", **more),))}, failures={"b": failure}
        )
        for place, text in enumerate(texts)
    ]
    return ComparisonTable(comparisons, panes={"a": "a", "b": "b"})


def test_the_name_is_the_function_whatever_was_imported() -> None:
    """A module of a like name lies in the package."""
    assert routebook.notebook.panels.compare.__name__ == "routebook.notebook.panels.compare"
    assert rb.compare is compare
    assert rb.Compare.__name__ == "Compare"


def test_every_prompt_goes_to_every_model(asked: Router) -> None:
    """And every answer is an attempt in the books."""
    found = rb.compare(pd.DataFrame({"prompt": PROMPTS})["prompt"], ["tom", "rex"], asked, progress=False)
    assert found.frame["prompt_no"].tolist() == [0, 0, 1, 1, 2, 2]
    assert found.frame["model"].tolist() == ["tom", "rex"] * 3
    assert set(found.frame["text"]) == {"The cat sat on the mat.", "The dog sat on the mat."}
    assert found[1]["rex"].text == "The dog sat on the mat."
    assert len(found) == 3
    assert len(rows(asked)) == 6
    assert "6 answers, 0 failed" in repr(found)


def test_a_failure_is_a_row_and_spoils_nothing(asked: Router) -> None:
    """The others were paid for."""
    found = compare(PROMPTS, ["down", "tom"], asked, progress=False)
    assert found.frame["model"].tolist() == ["down", "tom"] * 3
    frame = found.frame.set_index("model")
    assert frame.loc["down", "status"].tolist() == ["error"] * 3
    assert frame.loc["down", "error"].notna().all()
    assert frame.loc["tom", "text"].tolist() == ["The cat sat on the mat."] * 3
    assert [(one.model, one.answers, one.failed) for one in found.summary] == [("down", 0, 3), ("tom", 3, 0)]


def test_repeats_are_asked_again_and_counted_together(asked: Router, server: ScriptedServer) -> None:
    """The cache would make them one."""
    before = len(server.seen.calls)
    found = compare(PROMPTS[:2], ["tom", "rex"], asked, repeat=2, progress=False)
    assert list(found.panes) == ["tom #1", "tom #2", "rex #1", "rex #2"]
    assert found.frame["model"].tolist() == ["tom", "tom", "rex", "rex"] * 2
    assert [one.answers for one in found.summary] == [4, 4]
    assert len(server.seen.calls) == before + 8


def test_votes_on_a_prompt_are_learned_from(asked: Router) -> None:
    """As from any comparison."""
    found = compare(PROMPTS, ["tom", "rex"], asked, progress=False)
    found[0].vote("rex")
    beliefs = asked.beliefs().set_index("model")["mean"]
    assert beliefs["rex"] > beliefs["tom"]


def test_it_goes_elsewhere_as_csv_and_markdown(asked: Router) -> None:
    """A table stays a table."""
    found = compare(PROMPTS, ["tom", "down"], asked, progress=False)
    assert pd.read_csv(io.StringIO(found.to_csv()))["prompt"].tolist() == [prompt for prompt in PROMPTS for _ in range(2)]
    text = found.to_markdown()
    assert text.startswith("| model | answers | failed |")
    for part in ("> Why | how?", "## tom\n\nThe cat sat", "## down\n\n*did not answer"):
        assert part in text


@pytest.mark.parametrize(
    ("prompts", "models", "more", "words"),
    [
        ("Who sat?", ["tom"], {}, "a list of prompts"),
        (pd.DataFrame({"a": ["x"]}), ["tom"], {}, "one column of a DataFrame"),
        ([], ["tom"], {}, "there is none"),
        (["Who?", None], ["tom"], {}, r"Prompt 1 is None.*dropna"),
        (["Who?", " "], ["tom"], {}, "Prompt 1 is ' '"),
        (["Who?"], [], {}, "1 to 12 answers"),
        (["Who?"], ["tom"], {"repeat": 13}, "asked 13 times"),
        (["Who?"], ["tomm"], {}, "Did you mean 'tom'"),
        (["Who?"], ["tom"], {"model": "rex"}, "leave model= out"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(
    asked: Router, server: ScriptedServer, prompts: Any, models: list[str], more: dict[str, Any], words: str  # noqa: ANN401
) -> None:  # fmt: skip
    """Nothing is paid for a slip."""
    before = len(server.seen.calls)
    with pytest.raises(UsageError, match=words):
        compare(prompts, models, asked, **more)
    assert len(server.seen.calls) == before


def test_an_interrupt_ends_all_and_the_same_call_asks_only_the_rest(asked: Router, server: ScriptedServer) -> None:
    """What was answered was paid for."""
    before = server.seen.attempts_by_model["tom"]

    def press() -> None:
        wait_until(lambda: server.seen.attempts_by_model["tom"] > before and server.seen.concurrent_by_model["slow"])
        time.sleep(0.5)  # the short answer is taken in
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        compare(["Tell a story."], ["tom", "slow"], asked, progress=False)
    before = len(server.seen.calls)
    found = compare(["Tell a story."], ["tom", "slow"], asked, progress=False)
    assert found[0]["slow"].finish_reason == "stop"
    assert found[0]["tom"].text == "The cat sat on the mat."
    assert len(server.seen.calls) == before + 1


def test_no_more_are_under_way_than_said(asked: Router) -> None:
    """A thousand prompts are not a thousand requests in a queue."""
    under_way = most = 0

    def start(emit: Any, on_end: Any) -> Any:  # noqa: ANN401
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        return asked.start("Who?", emit=emit, on_end=on_end, model="tom", cache=False)

    for _ in ask_each(dict.fromkeys(range(12), start), at_once=3):
        under_way -= 1
    assert 1 < most <= 4  # the next one starts before an end is handed on


# ---- the page


def test_the_page_has_the_summary_and_every_cell() -> None:
    """In both forms."""
    page = table_page(table("It is a cat.", "It is a dog.", output_tokens=50, ttft_s=0.5, latency_s=1.5, cost_usd=None))
    for part in ("2 prompts by 2 models", "It is a cat.", "It is a dog.", "it is down.", "prompt 1", "unknown"):
        assert part in page["text/html"], part
        assert part in page["text/plain"], part
    assert set(re.findall(r"<([a-z0-9]+)", page["text/html"])) <= SAFE_TAGS | {"thead"}


def test_a_long_answer_is_folded_behind_its_beginning() -> None:
    """So that a table of many prompts can be looked over."""
    html = table_page(table("A long word. " * 100))["text/html"]
    assert html.count("<details>") == 1
    assert "A long word. A long word." in html


def test_of_very_many_prompts_the_first_are_shown_and_it_is_said() -> None:
    """A notebook of a thousand answers would not open."""
    page = table_page(table(*["x"] * (MOST_PROMPTS + 1)))
    assert page["text/html"].count("<tr ") == MOST_PROMPTS
    assert f"the first {MOST_PROMPTS} of {MOST_PROMPTS + 1} prompts" in page["text/plain"]


def test_no_payload_opens_anything_of_the_page() -> None:
    """Neither in an answer nor folded."""
    for payload in payloads():
        for text in (payload, payload + " x" * 300):
            html, bare = table_page(table(text))["text/html"], table_page(table("x" * len(text)))["text/html"]
            for tag in ("div", "details", "script", "img"):
                assert html.count(f"<{tag}") == bare.count(f"<{tag}"), payload
