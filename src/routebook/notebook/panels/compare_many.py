"""`rb.compare`: many prompts, several models, every answer a row; and what each model is worth on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Unpack
from weakref import WeakKeyDictionary

from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer, Overrides
from routebook.notebook.here import router_here, session_here
from routebook.notebook.panels.asking import ask_each
from routebook.notebook.panels.compare import MOST_PANES, start_of, with_model
from routebook.notebook.panels.comparison import Comparison, pane_names
from routebook.notebook.panels.comparison_table import ComparisonTable

if TYPE_CHECKING:
    import pandas as pd

    from routebook.engine.router import Router

Cell = tuple[int, str]
"""A prompt's place and a pane."""
Key = tuple[str, str, str]
"""Options, prompt and pane."""

_ENOUGH_FOR_A_BAR: Final = 3
_unfinished: WeakKeyDictionary[Router, dict[Key, Answer]] = WeakKeyDictionary()
"""The answers of comparisons that were stopped: paid for, and not asked for again."""


def compare(
    prompts: Iterable[str] | pd.Series[str], models: Sequence[str], router: Router | None = None, *, repeat: int = 1, progress: bool = True,
    **overrides: Unpack[Overrides],
) -> ComparisonTable:  # fmt: skip
    """Ask every model every prompt, within the shared limits, and return all answers; a failure is a row, and spoils nothing.

    An interrupt loses nothing: the same call again asks only what has no answer yet.

    Args:
        prompts: a list of prompts, or a column of a DataFrame.
        models: names of models or pools.
        router: without one, the notebook's own, or a new one.
        repeat: how often each model is asked each prompt.
        progress: show a progress bar.
        overrides: as `router.ask` takes them; the cache is not used.

    Raises:
        UsageError: a prompt is no text, a model is not known, or there are none; nothing was sent.
    """
    router = router if router is not None else router_here()
    asked, texts = _own(overrides), _texts(prompts)
    panes = _panes(router, texts, models, asked, repeat=repeat)
    kept = _unfinished.setdefault(router, {})
    keys = {(place, pane): (repr(sorted(asked.items())), text, f"{place} {pane}") for place, text in enumerate(texts) for pane in panes}
    ends: dict[Cell, Answer | RoutebookError] = {cell: kept[key] for cell, key in keys.items() if key in kept}
    starts = {cell: start_of(router, texts[cell[0]], with_model(asked, panes[cell[1]])) for cell in keys if cell not in ends}
    with _bar(len(keys), len(starts), wanted=progress) as bar:
        for cell, end in ask_each(starts):
            ends[cell] = end
            if isinstance(end, Answer):
                kept[keys[cell]] = end
            bar.update()
    for key in keys.values():
        kept.pop(key, None)
    return ComparisonTable([_comparison(router, text, place, panes, ends) for place, text in enumerate(texts)], panes=panes)


def _own(overrides: Overrides) -> Overrides:
    """The options, with the notebook they are asked in."""
    if "model" in overrides:
        raise UsageError("rb.compare takes its models as a list; leave model= out.")
    session = session_here()
    return overrides if session is None else Overrides(**{"notebook": session.notebook, "cell_id": None, **overrides})


def _texts(prompts: Iterable[Any]) -> list[str]:
    if isinstance(prompts, str) or hasattr(prompts, "columns"):
        raise UsageError("rb.compare takes a list of prompts, or one column of a DataFrame, as in df['prompt'].")
    texts = list(prompts)
    for place, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"Prompt {place} is {text!r}; rb.compare takes texts. Leave empty ones out, as in df['prompt'].dropna().")
    if not texts:
        raise UsageError("rb.compare takes at least one prompt, and there is none.")
    return texts


def _panes(router: Router, texts: Sequence[str], models: Sequence[str], asked: Overrides, *, repeat: int) -> dict[str, str]:
    """The columns of the table, and the model of each."""
    names = list(dict.fromkeys([models] if isinstance(models, str) else models))
    if not names or repeat < 1 or len(names) * repeat > MOST_PANES:
        raise UsageError(
            f"rb.compare takes 1 to {MOST_PANES} answers to a prompt, and {names} asked {repeat} times makes {len(names) * repeat}."
        )
    for name in names:
        router.plan(texts[0], **with_model(asked, name))
    return pane_names(names, repeat=repeat)


def _comparison(
    router: Router, prompt: str, place: int, panes: Mapping[str, str], ends: Mapping[Cell, Answer | RoutebookError]
) -> Comparison:  # fmt: skip
    own = {pane: ends[place, pane] for pane in panes}
    return Comparison(
        prompt=prompt, router=router,
        answers={pane: end for pane, end in own.items() if isinstance(end, Answer)},
        failures={pane: end for pane, end in own.items() if isinstance(end, RoutebookError)},
    )  # fmt: skip


def _bar(total: int, left: int, *, wanted: bool) -> Any:  # noqa: ANN401  tqdm has no types
    from tqdm import tqdm

    return tqdm(total=total, initial=total - left, unit="answer", leave=False, disable=not wanted or left < _ENOUGH_FOR_A_BAR)
