"""`router.fit`, `router.evaluate` and `%route fit`: learned from a frame, used by plans, kept in the books, forgotten when asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from cells import Shell, running_shell
from labelled_made import labelled, prompts

from routebook.engine.router import Router
from routebook.errors import UsageError

ROUTING = """
[providers.api]
kind = "openai"
base_url = "http://127.0.0.1:1/v1"
tier = "free"
[models.dear]
provider = "api"
id = "big-model"
price = { input = 1, output = 2 }
[models.small]
provider = "api"
id = "small-model"
price = { input = 1, output = 2 }
[pools.both]
models = ["small", "dear"]
pick = "best"
quality = 1.0
[[routes]]
name = "chat"
try = ["both"]
"""
COOK, PROVE = (text for _, text in prompts(2, seed=77))


def opened(folder: Path) -> Router:
    """A router over two models of equal price."""
    (folder / "routing.toml").write_text(ROUTING, encoding="utf-8")
    return Router.load(folder / "routing.toml", books=folder / "books.db")


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """As above, closed at the end."""
    made = opened(tmp_path)
    yield made
    made.close()


def gap(router: Router, prompt: str) -> float:
    """How much better the dear model is believed to be."""
    ask = router.runtime().known.fitted
    assert ask is not None
    said = ask(prompt)
    return said["dear"].mean - said["small"].mean


def test_a_fit_says_what_it_is_worth_and_plans_use_it(router: Router) -> None:
    """The user sees before he relies on it, and the next plan already knows."""
    worth = router.fit(labelled())
    assert worth.n == 120
    assert worth.pair is not None
    assert (worth.pair.strong, worth.pair.weak) == ("dear", "small")
    assert worth.pair.apgr.low > 0.55
    assert worth.money is None
    assert gap(router, PROVE) > gap(router, COOK) + 0.3
    assert router.plan(PROVE).candidates[0].model == "dear"
    assert "fitted" in router.plan(PROVE).candidates[0].reason


def test_a_fit_outlives_its_kernel_until_it_is_forgotten(tmp_path: Path) -> None:
    """What took a labelled set to learn is not lost at a restart, and is gone when asked."""
    first = opened(tmp_path)
    first.fit(labelled())
    before = gap(first, PROVE)
    first.close()
    second = opened(tmp_path)
    assert gap(second, PROVE) == before
    assert second.unfit()
    assert not second.unfit()
    assert second.runtime().known.fitted is None
    second.close()
    third = opened(tmp_path)
    assert third.runtime().known.fitted is None
    third.close()


def test_forgetting_everything_forgets_the_fit_and_forgetting_a_task_does_not(router: Router) -> None:
    """Everything means everything; and a fit is not made of the outcomes at one task."""
    router.fit(labelled())
    router.forget(task="writing")
    router.forget(model="dear")
    assert gap(router, PROVE) > gap(router, COOK)
    router.forget(everything=True)
    assert router.runtime().known.fitted is None
    assert not router.unfit()


def test_another_kernel_takes_up_a_fit_and_drops_it(tmp_path: Path) -> None:
    """Two notebooks over the same books must not decide differently for days."""
    one, other = opened(tmp_path), opened(tmp_path)
    look = other.runtime().learning.look
    assert other.runtime().known.fitted is None
    one.fit(labelled())
    other._engine.run_sync(look())
    held = other.runtime().known.fitted
    assert gap(other, PROVE) == gap(one, PROVE)
    other._engine.run_sync(look())
    assert other.runtime().known.fitted is held, "the same fit is not read twice"
    one.unfit()
    other._engine.run_sync(look())
    assert other.runtime().known.fitted is None
    one.close()
    other.close()


def test_a_broken_fit_in_the_books_keeps_no_router_from_opening(tmp_path: Path) -> None:
    """Half a row after a crash is worth less than a router that opens."""
    router = opened(tmp_path)
    router.fit(labelled())
    router._engine.run_sync(router.runtime().books.write(lambda c: c.execute("UPDATE fits SET fit = x'00ff'").rowcount))
    router.close()
    again = opened(tmp_path)
    assert again.runtime().known.fitted is None
    again.close()


def test_columns_may_be_named_by_the_providers_id(router: Router) -> None:
    """Public tables of outcomes name models as their providers do."""
    router.fit(labelled(names=("big-model", "small-model")))
    assert gap(router, PROVE) > gap(router, COOK)


def test_with_costs_it_says_what_is_saved(router: Router) -> None:
    """Quality kept against cost saved is the question of the one who pays."""
    worth = router.fit(labelled(200, costs=True))
    assert worth.money is not None
    assert worth.money.singles < worth.money.area.value < worth.money.oracle
    assert 0.2 < worth.money.saved.value < 0.8
    assert "saves" in str(worth)


def test_it_is_judged_by_prompts_it_never_saw_and_by_no_others(router: Router) -> None:
    """Prompts that were learned from would flatter it."""
    router.fit(labelled())
    worth = router.evaluate(pd.concat([labelled(), labelled(60, seed=5)]))
    assert worth.n == 60
    assert worth.left_out == 120
    assert worth.pair is not None
    assert worth.pair.apgr.value > 0.6
    with pytest.raises(UsageError, match="new to the fit"):
        router.evaluate(labelled())


def test_without_a_fit_the_shipped_strength_is_judged(router: Router) -> None:
    """One can ask what routing is worth before labelling anything for it."""
    worth = router.evaluate(labelled(60))
    assert "nothing is fitted" in str(worth)
    assert worth.decide_ms[0] > 0


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (labelled().drop(columns="prompt"), "needs a column 'prompt'"),
        (labelled().drop(columns="dear"), "two models or more"),
        (labelled(20), "at least 30"),
        (labelled().assign(dear=7), "row 0 has 7"),
        (labelled().assign(prompt=None), "There are 0 different prompts"),
        (pd.concat([labelled(20)] * 5), "There are 20 different prompts"),
        (labelled(costs=True).assign(**{"dear|total_cost": -1}), "US dollars"),
        ([1, 2], "no columns"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused(router: Router, frame: pd.DataFrame, said: str) -> None:
    """A wrong column that is taken for outcomes would be believed for months."""
    with pytest.raises(UsageError, match=said):
        router.fit(frame)


def test_rows_with_holes_are_left_out_and_counted(router: Router) -> None:
    """Silently filled, they would teach what nobody measured."""
    frame = labelled()
    frame.loc[:9, "dear"] = None
    frame.loc[10:14, "prompt"] = " "
    worth = router.fit(frame, models=["dear", "small"])
    assert (worth.n, worth.left_out) == (105, 15)


def test_the_line_fits_says_it_in_words_and_forgets(tmp_path: Path) -> None:
    """The same from a cell."""
    with running_shell(tmp_path) as shell:
        shell.shell.user_ns["outcomes"] = labelled()
        shell.run("%route fit outcomes")
        assert "120 prompts" in shell.text
        assert "APGR" in shell.text
        assert "no plan will use it" in shell.text
        shell.run("%route fit --reset")
        assert "Forgot" in shell.text
        shell.run("%route fit outcomes")
        shell.run("%route forget --task writing")
        assert "Nothing was learned of task 'writing'" in shell.text
        shell.run("%route forget all")
        assert shell.text.strip().endswith("Forgot what was fitted.")
        shell.run("%route forget all")
        assert "Nothing was learned of everything" in shell.text
        for line, said in (("%route fit", "takes the name"), ("%route fit outcome", "outcomes"), ("%route fit 1 2", "takes the name")):
            assert said in refused(shell, line)


@pytest.mark.parametrize(
    ("routing", "said"),
    [
        (ROUTING, "use it from now on"),
        (ROUTING.replace('pick = "best"\nquality = 1.0', "") + "quality = 0.5\n", "use it from now on"),
        (ROUTING.replace('pick = "best"\nquality = 1.0', "") + '[agents.me]\nprimary = ["both"]\npick = "best"\n', "use it from now on"),
        (ROUTING.replace('pick = "best"\nquality = 1.0', ""), 'No pool or agent has pick = "best" yet'),
    ],
    ids=["a pool", "a route", "an agent", "nobody"],
)
def test_the_line_says_who_will_use_the_fit(tmp_path: Path, routing: str, said: str) -> None:
    """A fit that nothing asks is of no use, and one that something asks is not called so."""
    with running_shell(tmp_path) as shell:
        (tmp_path / "routing.toml").write_text(routing, encoding="utf-8")
        shell.run("%route reload")
        shell.shell.user_ns["outcomes"] = labelled()
        shell.run("%route fit outcomes")
        assert said in shell.text


def refused(shell: Shell, line: str) -> str:
    """Run a line that must be refused as wrong usage; return what it says."""
    shell.attempt(line)
    assert isinstance(shell.error, UsageError), shell.error
    return str(shell.error)
