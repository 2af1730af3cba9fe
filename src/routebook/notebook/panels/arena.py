"""`%%route --arena`: two answers without names, a vote, then who they were, and where every model stands by the votes so far."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from routebook.engine.router import Router
from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer, Overrides
from routebook.notebook.gather import DONE, News
from routebook.notebook.live import PanesView
from routebook.notebook.panels.choice import choose
from routebook.notebook.panels.compare import run
from routebook.notebook.panels.compare_page import blind_page, figures_table
from routebook.notebook.panels.comparison import Comparison, renamed
from routebook.notebook.panels.standings import standings_parts
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session

PANES: Final = ("A", "B")
TIE: Final = "tie"
BOTH_BAD: Final = "both bad"
SKIP: Final = "skip"
_WELCOME: Final = frozenset(("answering", "thinking", DONE))
"""States that do not tell who answers."""


def arena(session: Session, prompt: str, asked: Overrides, *, rng: random.Random) -> Comparison:
    """Ask two of the plan's models, chosen by chance; ask for a vote; show who they were.

    Raises:
        UsageError: the plan has fewer than two models; nothing was sent.
        RoutebookError: neither answered.
        Interrupted: the stop button.
    """
    router = session.router
    panes = _drawn(router, prompt, asked, rng)
    view = session.panes_view(PANES, last_page=lambda answers, _failures: blind_page(_unnamed(prompt, answers)))
    blind = run(router, prompt, asked, panes=panes, view=_Blind(view))
    said = choose(session, "Which is better?", (*PANES, TIE, BOTH_BAD, SKIP)) if len(blind.answers) == len(PANES) else None
    if said is not None and said != SKIP:
        _vote(router, blind, said)
    named = renamed(blind, {pane: f"{pane}: {model}" for pane, model in panes.items()})
    session.show(report(Heading(_verdict(said, blind, panes)), figures_table(named), *standings_parts(router, blind.task)))
    return named


def _drawn(router: Router, prompt: str, asked: Overrides, rng: random.Random) -> dict[str, str]:
    """Two models of the plan, in an order that tells nothing."""
    names = list(dict.fromkeys(candidate.model for candidate in router.plan(prompt, **asked).candidates))
    if len(names) < len(PANES):
        one = names[0] if names else "none"
        raise UsageError(
            f"An arena takes two models, and the plan of this prompt has {one}. Name a pool of several with -m, or see %route plan."
        )
    return dict(zip(PANES, rng.sample(names, len(PANES)), strict=True))


def _vote(router: Router, blind: Comparison, said: str) -> None:
    first, second = (blind[pane].request_id for pane in PANES)
    if said == BOTH_BAD:
        router.vote(first, good=False)
        router.vote(second, good=False)
        router.prefer(first, second, is_tie=True)
        return
    winner, loser = (second, first) if said == PANES[1] else (first, second)
    router.prefer(winner, loser, is_tie=said == TIE)


def _verdict(said: str | None, blind: Comparison, panes: Mapping[str, str]) -> str:
    if said in PANES:
        return f"{panes[said]} won"
    if said is None:
        return "no vote: " + (
            f"{', '.join(panes[pane] for pane in blind.failures)} did not answer" if blind.failures else "nobody could be asked"
        )
    return {TIE: "a tie", BOTH_BAD: "both bad", SKIP: "no vote"}[said]


def _unnamed(prompt: str, answers: Mapping[str, Answer]) -> Comparison:
    return Comparison(prompt=prompt, answers={pane: answers[pane] for pane in PANES if pane in answers}, failures={})


class _Blind:
    """A view that is not told who answers."""

    def __init__(self, view: PanesView) -> None:
        self.view = view

    def open(self, *, cancel: Callable[[str], None]) -> None:
        self.view.open(cancel=cancel)

    def show(self, news: Mapping[str, News]) -> None:
        self.view.show(
            {
                pane: piece._replace(head=pane, state=_hidden(piece.state), void=piece.void and "it began again", speed=None)
                for pane, piece in news.items()
            }
        )

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        self.view.close(answers, failures)


def _hidden(state: str | None) -> str | None:
    return state if state is None or state in _WELCOME else "working"
