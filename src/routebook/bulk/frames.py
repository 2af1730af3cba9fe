"""`frame.route.map(template, out=…)`: a column of answers beside the rows they are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from routebook.books import bulk
from routebook.books.money import from_pico
from routebook.bulk.purse import Purse
from routebook.bulk.run import CONCURRENCY, Asked, OwnLine, Report, ask_all, check_concurrency, cost_of, job_of, kept_answers
from routebook.bulk.template import prompts_of
from routebook.engine.loop import engine_loop
from routebook.engine.ranges import usd
from routebook.engine.router import Router
from routebook.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

ENOUGH_FOR_A_BAR: Final = 3
EXTRA: Final = ("model", "cost_usd", "request_id", "error")
"""What stands beside each answer, in columns of its name: `label_model`, `label_cost_usd`, …"""


def map_frame(
    frame: pd.DataFrame,
    template: str,
    *,
    out: str = "answer",
    router: Router | None = None,
    budget_usd: float | Decimal | None = None,
    concurrency: int = CONCURRENCY,
    progress: bool = True,
    **overrides: Any,  # noqa: ANN401  as `router.ask` takes them
) -> pd.DataFrame:
    """Ask one prompt for each row, made of the template, and return the frame with the answers beside the rows.

    Equal prompts are asked once. Every answer is written down as it comes: after an interrupt, a crash or a spent budget the same call goes
    on with what has no answer yet. A row that failed has no answer and says why in `OUT_error`; the others are not stopped by it.

    Args:
        frame: any; its index and columns stay as they are.
        template: the prompt with `{{column}}`; a row with a missing value in one of these columns is not asked.
        out: the column of the answers; `OUT_model`, `OUT_cost_usd`, `OUT_request_id` and `OUT_error` stand beside it.
        router: whose `routing.toml` and books; without it the one found here.
        budget_usd: for all rows together; what could exceed it is not sent.
        concurrency: how many are under way at most; the limits of models hold anyway.
        progress: show a bar.
        **overrides: as `router.ask` takes them: `task=`, `tier=`, `schema=`, `system=`, …

    Raises:
        UsageError: the template uses a column that is not there, or `out` is one that is.
        BooksError: the books cannot be read or written.
        KeyboardInterrupt: it was stopped; a note says how many answers are kept.
    """
    check_concurrency(concurrency)
    check_names(frame.columns, out)
    prompts = prompts_of(frame, template)
    owned = router is None
    router = router or Router()
    try:
        found = _run(
            router, [prompt for prompt in prompts if prompt is not None], job=job_of(template, overrides), budget_usd=budget_usd,
            concurrency=concurrency, progress=progress, overrides=overrides,
        )  # fmt: skip
        finished(router, found, (prompt for prompt in prompts if prompt is not None), template=template, overrides=overrides)
    finally:
        if owned:
            router.close()
    return joined(frame, prompts, found, out=out)


def check_names(columns: Iterable[object], out: str) -> None:
    """Refuse to write over what is there.

    Raises:
        UsageError: one of the columns of the answers is taken.
    """
    names = [out, *(f"{out}_{extra}" for extra in EXTRA)]
    if taken := [name for name in names if name in columns]:
        raise UsageError(f"The frame has a column {taken[0]!r} already. Name another with out=, or drop it.")


def finished(router: Router, asked: Asked, prompts: Iterable[str], *, template: str, overrides: Mapping[str, Any]) -> None:
    """Forget a job that has all its answers, so that the same call asks anew."""
    if all(prompt in asked.answers for prompt in prompts):
        job, books = job_of(template, overrides), router.runtime().books
        engine_loop().run_sync(books.write(lambda connection: bulk.drop(connection, job)))


def _run(
    router: Router, prompts: list[str], *, job: bytes, budget_usd: float | Decimal | None, concurrency: int, progress: bool,
    overrides: Mapping[str, Any],
) -> Asked:  # fmt: skip
    """Ask what has no answer yet; forget the job when all have one."""
    wanted, budget = list(dict.fromkeys(prompts)), usd("budget_usd", budget_usd)

    async def work() -> Asked:
        answers = await kept_answers(router, job, wanted)
        left = [prompt for prompt in wanted if prompt not in answers]
        purse = Purse(budget, spent_usd=cost_of(answers.values()))
        with bar_of(len(wanted), done=len(answers), is_shown=progress) as tell:
            line = OwnLine(router, left, into=Asked(answers, {}), job=job, tell=tell)
            await ask_all(router, line, job=job, purse=purse, concurrency=min(concurrency, len(left)), overrides=overrides)
        return unsent(line.asked, wanted, purse.budget_usd, spent_usd=purse.spent_usd) if purse.is_spent else line.asked

    with noting(router, job, wanted):
        return engine_loop().run_sync(work())


@contextmanager
def noting(router: Router, job: bytes, wanted: Collection[str]) -> Iterator[None]:
    """Where the job is interrupted, note how many answers are kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        kept = engine_loop().run_sync(kept_answers(router, job, wanted))
        error.add_note(f"{len(kept)} of {len(wanted)} answers are kept. The same call goes on where it stopped.")
        raise


def unsent(asked: Asked, wanted: Iterable[str], budget_usd: Decimal | None, *, spent_usd: Decimal) -> Asked:
    """What came of the prompts, where those with neither answer nor failure were not sent because the budget is spent."""
    said = f"not sent: the budget of ${budget_usd} is spent (${spent_usd:.4f}); the same call with a larger one goes on"
    missing = [prompt for prompt in wanted if prompt not in asked.answers and prompt not in asked.failures]
    return Asked(asked.answers, asked.failures | dict.fromkeys(missing, said))


def joined(frame: pd.DataFrame, prompts: list[str | None], asked: Asked, *, out: str) -> pd.DataFrame:
    """The frame with what came of each row's prompt."""
    import pandas as pd

    rows = [asked.answers.get(prompt) if prompt is not None else None for prompt in prompts]
    costs = [None if row is None or row.cost_pusd is None else float(from_pico(row.cost_pusd)) for row in rows]
    errors = [_error(prompt, asked) for prompt in prompts]
    text = pd.StringDtype(na_value=float("nan"))
    columns = {
        out: pd.array([row.text if row else None for row in rows], dtype=text),
        f"{out}_model": pd.array([row.model if row else None for row in rows], dtype=text),
        f"{out}_cost_usd": pd.array(costs, dtype="float64"),
        f"{out}_request_id": pd.array([row.request_id if row else None for row in rows], dtype=text),
        f"{out}_error": pd.array(errors, dtype=text),
    }
    return frame.assign(**columns)


def _error(prompt: str | None, asked: Asked) -> str | None:
    if prompt is None:
        return "not asked: a value is missing"
    return None if prompt in asked.answers else asked.failures.get(prompt, "not asked")


@contextmanager
def bar_of(total: int, *, done: int, is_shown: bool) -> Iterator[Report]:
    """A bar where there is enough to do; call what it gives for each row that is over."""
    if not is_shown or total - done < ENOUGH_FOR_A_BAR:
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=total, initial=done, unit="row") as bar:
        yield bar.update
