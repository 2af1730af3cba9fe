"""`%route beliefs` and `%route forget`: what was learned of the models, and how it goes away."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from routebook.errors import UsageError
from routebook.near import did_you_mean
from routebook.notebook import figures
from routebook.notebook.commands.fit import FORGOT
from routebook.notebook.panels.standings import all_standings
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

TITLES = ("task", "model", ">believed", ">±", ">outcomes", "last")
NOTHING = "Nothing was learned yet. %route good and %route bad say what you think of an answer."
FIT_STAYS = "What was fitted stays: %route fit --reset, or %route forget all, forgets it."
USAGE = "%route forget takes --task NAME, --model NAME, both together, or all."


def beliefs(session: Session, rest: str) -> None:
    """Show what is believed of each model at each task that has outcomes."""
    refuse_rest("beliefs", rest)
    frame = session.router.beliefs()
    if frame.empty:
        session.show(report(NOTHING))
        return
    remembered = len(session.router.runtime().learning.memory)
    head = (
        f"{figures.plural(len(frame), 'belief')}, 0 bad to 1 good; {figures.plural(remembered, 'outcome')} in the memory of similar prompts"
    )
    session.show(report(Heading(head), _table(frame), *all_standings(session.router)))


def forget(session: Session, rest: str) -> None:
    """Forget what was learned of a task, of a model, or all."""
    named = _named(rest)
    was_fitted = not named and session.router.unfit()
    count = session.router.forget(everything=not named, **named)
    of = " and ".join(f"{what} {name!r}" for what, name in named.items()) or "everything"
    if count:
        said = [f"Forgot {figures.plural(count, 'outcome')} of {of}. The attempts stay in the frame."]
    else:
        said = [] if was_fitted else [f"Nothing was learned of {of}.{_near(session, named)}"]
    if was_fitted:
        said.append(FORGOT)
    elif session.router.runtime().known.fitted is not None:
        said.append(FIT_STAYS)
    session.show(report(*said))


def _named(rest: str) -> dict[str, str]:
    """The task and the model that a line names; none for all.

    Raises:
        UsageError: it names nothing, or something else.
    """
    try:
        words = [part for word in shlex.split(rest) for part in (word.split("=", 1) if word.startswith("--") else [word])]
    except ValueError as error:
        raise UsageError(f"{USAGE} Not {rest!r}: a quote is open.") from error
    if words == ["all"]:
        return {}
    flags = {"--task": "task", "--model": "model"}
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if not words or len(words) % 2 or any(flag not in flags for flag, _ in pairs) or len({flag for flag, _ in pairs}) < len(pairs):
        raise UsageError(USAGE if not words else f"{USAGE} Not {rest!r}.")
    return {flags[flag]: name for flag, name in pairs}


def _near(session: Session, named: dict[str, str]) -> str:
    """The nearest names that something was learned of."""
    frame = session.router.beliefs()
    said = (did_you_mean(name, sorted(set(frame[what]))) for what, name in named.items() if name not in set(frame[what]))
    return "".join(f" {words}" for words in said if words)


def _table(frame: pd.DataFrame) -> Table:
    return Table(TITLES, [_row(row) for row in frame.itertuples(index=False)])


def _row(row: Any) -> tuple[str, ...]:  # noqa: ANN401  a frame's row
    last = row.last.to_pydatetime().astimezone()
    return row.task, row.model, f"{row.mean:.2f}", f"{row.sd:.2f}", figures.count(row.n), f"{last:%d %b %Y %H:%M}"
