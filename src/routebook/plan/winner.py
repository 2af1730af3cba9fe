"""A memory of similar prompts: the model that is sure to do well on one like this, taken first where the config asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from routebook.config.values import Config, Route
from routebook.plan.choice import Choice
from routebook.plan.evidence import SURE, Remembered
from routebook.plan.experiment import name_in
from routebook.plan.known import REMEMBERED, Known


def surest(names: Iterable[str], known: Known, text: str) -> Remembered | None:
    """The sure winner by similar prompts; of several the one that is named first."""
    if known.recall is None or not text:
        return None
    sure = {found.model: found for found in known.recall(text) if found.confidence > SURE}
    return next((sure[name] for name in names if name in sure), None)


def said(sure: Remembered) -> str:
    """Why it is taken, in words."""
    prompts = f"{sure.n} similar prompt{'s' * (sure.n != 1)}"
    return f"{REMEMBERED}it did well on {prompts} (sure {sure.confidence:.2f}, likeness {sure.likeness:.2f})"


def asks(config: Config, route: Route) -> bool:
    """Whether a sure winner goes first on a route, whatever its order is."""
    return config.defaults.memory if route.memory is None else route.memory


def winner_first(
    choices: Sequence[Choice], known: Known, text: str, *, config: Config, obstacle: Callable[[str], str | None]
) -> list[Choice]:  # fmt: skip
    """The choices behind a sure winner among them; as they are where nobody is sure, and where an experiment drew: it must not be swayed.

    Args:
        choices: in the order to try them.
        known: what is known of the models; `recall` is asked.
        text: the prompt.
        config: for the pools: one that weighs cost only has no winners.
        obstacle: why a model cannot take the prompt, or `None`.
    """
    if choices and name_in(choices[0].reason) is not None:
        return list(choices)
    homes: dict[str, Choice] = {}
    for choice in choices:
        for name in choice.models:
            homes.setdefault(name, choice)
    able = (name for name in homes if not _is_by_cost(homes[name].home(name), config) and obstacle(name) is None)
    sure = surest(able, known, text)
    if sure is None:
        return list(choices)
    home = homes[sure.model]
    return [Choice((sure.model,), f"{home.reason}: {said(sure)}", home.home(sure.model)), *choices]


def _is_by_cost(pool: str | None, config: Config) -> bool:
    found = config.pools.get(pool) if pool is not None else None
    return found is not None and found.pick == "best" and not found.quality
