"""Where the models stand by this user's votes between two answers: after an arena, and in `%route beliefs`."""

from __future__ import annotations

from routebook.books.outcomes import preferences, tasks_with_preferences
from routebook.engine.router import Router
from routebook.learn.bradley_terry import Vote, standings
from routebook.notebook.report import Heading, Part
from routebook.notebook.table import Table


def standings_parts(router: Router, task: str) -> list[Part]:
    """The models by their strength at a task, with how sure that is; nothing without votes."""
    found = standings(_votes(router, task))
    if not found:
        return []
    rows = [(one.model, f"{one.points:.0f}", f"{one.low:.0f} to {one.high:.0f}", str(one.votes)) for one in found]
    title = f"by your votes on {task} (Bradley-Terry: who has 400 points more wins ten times of eleven)"
    return [Heading(title), Table(("model", ">points", ">19 times of 20", ">votes"), rows)]


def all_standings(router: Router) -> list[Part]:
    """The same for each task that has such votes."""
    return [part for task in router.runtime().books.read(tasks_with_preferences) for part in standings_parts(router, task)]


def _votes(router: Router, task: str) -> list[Vote]:
    """The votes between two models on prompts of a task, each once."""
    found = router.runtime().books.read(lambda connection: preferences(connection, task=task))
    return [Vote(lesson.model, str(lesson.versus), lesson.score) for lesson in found if lesson.model < str(lesson.versus)]
