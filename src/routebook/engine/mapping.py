"""Many prompts at once: shared limits, a progress bar, and nothing asked twice after an interrupt."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Final, Protocol

from routebook.engine.turn import Emit
from routebook.errors import RoutebookError
from routebook.events import Done, Event
from routebook.messages import Answer, Overrides

Widths = Callable[[str, Overrides], tuple[str, int | None]]
"""The model that is a prompt's first choice, and how many of one map may be under way there; `None` for any number."""
Mapped = dict[tuple[str, str], Answer]
"""The answers of unfinished maps, by options and prompt."""

AT_ONCE: Final = 64
"""Prompts under way where the caller does not say."""
ENOUGH_FOR_A_BAR: Final = 3


class Ask(Protocol):
    """Asks one prompt."""

    def __call__(self, prompt: str, overrides: Overrides, *, emit: Emit) -> Coroutine[None, None, Answer]:
        """`emit` is told of the answer as soon as it is there."""


async def map_prompts(
    ask: Ask, prompts: Sequence[str], overrides: Overrides, *, done: Mapped, progress: bool, concurrency: int, widths: Widths
) -> list[Answer]:  # fmt: skip
    """Ask every prompt that `done` has no answer for; return all answers in order and forget them.

    Equal prompts are asked once. A prompt that waits for its batch takes no place of those for other models.
    """
    options = repr(sorted(overrides.items()))
    answers = {prompt: done[options, prompt] for prompt in prompts if (options, prompt) in done}
    left = [prompt for prompt in dict.fromkeys(prompts) if prompt not in answers]
    bar = _bar(len(set(prompts)), len(left)) if progress else None
    places = asyncio.Semaphore(concurrency)
    batches: dict[str, asyncio.Semaphore] = {}
    failures: list[RoutebookError] = []

    def batch(prompt: str) -> contextlib.AbstractAsyncContextManager[object]:
        model, width = widths(prompt, overrides)
        return contextlib.nullcontext() if width is None else batches.setdefault(model, asyncio.Semaphore(width))

    async def one(prompt: str) -> None:
        try:
            async with batch(prompt), places:
                answers[prompt] = await ask(prompt, overrides, emit=partial(_keep, done, (options, prompt)))
        except RoutebookError as error:
            failures.append(error)
        if bar is not None:
            bar.update()

    try:
        async with asyncio.TaskGroup() as group:
            for prompt in left:
                group.create_task(one(prompt))
    except ExceptionGroup as errors:  # what nobody foresaw, as `ask` would have raised it
        raise errors.exceptions[0] from None
    finally:
        if bar is not None:
            bar.close()
    if failures:
        failures[0].add_note(
            f"{len(failures)} of {len(left)} prompts have no answer. Call map again with the same prompts to ask only those."
        )
        raise failures[0]
    for prompt in answers:
        done.pop((options, prompt), None)
    return [answers[prompt] for prompt in prompts]


def _keep(done: Mapped, key: tuple[str, str], event: Event) -> None:
    """Keep an answer as soon as it is there: an interrupt may come before it is returned."""
    if isinstance(event, Done) and event.answer.finish_reason != "cancelled":
        done[key] = event.answer


def _bar(total: int, left: int):  # type: ignore[no-untyped-def]  # noqa: ANN202  tqdm has no types
    if left < ENOUGH_FOR_A_BAR:
        return None
    from tqdm import tqdm

    return tqdm(total=total, initial=total - left, unit="prompt")
