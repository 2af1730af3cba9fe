"""`%route fit`: learns the user's models from a DataFrame of prompts with outcomes, and says what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routebook.errors import UsageError
from routebook.near import did_you_mean
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

USAGE = "%route fit takes the name of a DataFrame with a column 'prompt' and one of outcomes (0 to 1) for each model, or --reset."
FORGOT = "Forgot what was fitted."
NOTHING = "Nothing was fitted."


def fit(session: Session, rest: str) -> None:
    """Learn from the DataFrame that is named, or forget what was learned."""
    if rest == "--reset":
        session.show(report(FORGOT if session.router.unfit() else NOTHING))
        return
    worth = session.router.fit(_frame(session, rest))
    session.show(report(Heading(f"Fitted {len(worth.singles)} models"), *worth.lines(), _used(session)))


def _frame(session: Session, name: str) -> pd.DataFrame:
    """The DataFrame of a name.

    Raises:
        UsageError: there is none, or it is something else.
    """
    if not name or name.startswith("-") or len(name.split()) > 1:
        raise UsageError(USAGE if not name else f"{USAGE} Not {name!r}.")
    names = session.shell.user_ns
    if name not in names:
        frames = [other for other in session.names if _is_frame(names[other])]
        raise UsageError(f"There is no variable {name!r}. {did_you_mean(name, frames)}".rstrip())
    if not _is_frame(names[name]):
        raise UsageError(f"{USAGE} {name!r} is a {type(names[name]).__name__}.")
    found: pd.DataFrame = names[name]
    return found


def _is_frame(value: object) -> bool:
    """Whether it is a DataFrame, told without loading pandas."""
    return type(value).__name__ == "DataFrame" and hasattr(value, "columns")


def _used(session: Session) -> str:
    """Whether plans will ask the fit, and if not why."""
    if session.router.runtime().known.fitted is None:
        return "None of its columns is a model of routing.toml, by name or by id, so no plan will use it."
    config = session.router.config
    picks = {*(pool.pick for pool in config.pools.values()), *(agent.pick for agent in config.agents.values())}
    if "best" not in picks and all(route.quality is None for route in config.routes):
        return 'No pool or agent has pick = "best" yet, and no route has quality: only these use it.'
    return 'Pools and agents with pick = "best", and routes with quality, use it from now on. %route fit --reset forgets it.'
