"""`%%route --compare A,B,…`: one prompt, several models, each in a pane of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from routebook.engine.router import Router
from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer, Overrides
from routebook.notebook.live import Ended, PanesView, Start, follow_all
from routebook.notebook.page import Bundle
from routebook.notebook.panels.compare_page import compare_page
from routebook.notebook.panels.comparison import Comparison, pane_names
from routebook.notebook.session import Session

T = TypeVar("T")

LEAST_PANES: Final = 2
MOST_PANES: Final = 12


def compare(session: Session, prompt: str, asked: Overrides, *, models: str, repeat: int) -> Comparison:
    """Ask each of the models, comma-separated, `repeat` times; show the answers as they come, and return them.

    Raises:
        UsageError: fewer than two panes, or too many, or an unknown model; nothing was sent.
        RoutebookError: none of them answered; this is why the first did not.
        Interrupted: the stop button.
    """
    router = session.router
    panes = panes_of(router, prompt, asked, option="--compare", models=models, repeat=repeat)
    view = session.panes_view(list(panes), last_page=partial(_page, prompt, panes))
    return run(router, prompt, asked, panes=panes, view=view)


def run(router: Router, prompt: str, asked: Overrides, *, panes: Mapping[str, str], view: PanesView) -> Comparison:
    """Ask the model of each pane, all at once.

    Raises:
        RoutebookError: none of them answered; this is why the first did not.
    """
    ended: Ended = follow_all(starts_of(router, prompt, asked, panes), view)
    comparison = replace(comparison_of(prompt, ended.answers, ended.failures, panes), router=router)
    if not comparison.answers and comparison.failures:
        raise next(iter(comparison.failures.values()))
    return comparison


def panes_of(router: Router, prompt: str, asked: Overrides, *, option: str, models: str, repeat: int = 1) -> dict[str, str]:
    """The panes that an option's comma-separated models make, and the model of each.

    Raises:
        UsageError: there are too few or too many, or one is not known.
    """
    panes = pane_names(_names(option, models), repeat=repeat)
    if not LEAST_PANES <= len(panes) <= MOST_PANES:
        raise UsageError(f"{option} takes {LEAST_PANES} to {MOST_PANES} answers, and {models!r} asked {repeat} times makes {len(panes)}.")
    for model in dict.fromkeys(panes.values()):
        router.plan(prompt, **with_model(asked, model))
    return panes


def _names(option: str, models: str) -> list[str]:
    names = [name.strip() for name in models.split(",")]
    if not all(names):
        raise UsageError(f"{option} takes names with commas between them, as in qwen,llama,claude; {models!r} has an empty one.")
    return names


def with_model(asked: Overrides, model: str) -> Overrides:
    """The same options for one model; an answer from the cache would have no time to compare, and repeats would be one."""
    return Overrides(**{**asked, "model": model, "cache": False})


def starts_of(router: Router, prompt: str, asked: Overrides, panes: Mapping[str, str]) -> dict[str, Start]:
    """What starts the request of each pane."""
    return {pane: start_of(router, prompt, with_model(asked, model)) for pane, model in panes.items()}


def start_of(router: Router, prompt: str, asked: Overrides) -> Start:
    """What starts a request."""
    return lambda emit, on_end: router.start(prompt, emit=emit, on_end=on_end, **asked)


def _in_order(found: Mapping[str, T], panes: Mapping[str, str]) -> dict[str, T]:
    return {pane: found[pane] for pane in panes if pane in found}


def _page(prompt: str, panes: Mapping[str, str], answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> Bundle:
    return compare_page(comparison_of(prompt, answers, failures, panes))


def comparison_of(
    prompt: str, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError], panes: Mapping[str, str]
) -> Comparison:  # fmt: skip
    """The answers and failures in the order of the panes."""
    return Comparison(prompt=prompt, answers=_in_order(answers, panes), failures=_in_order(failures, panes))
