"""What a step says of the work so far: a validator by its first words, any step by a check of its own answer."""

from __future__ import annotations

from routebook.config.pipelines import Step
from routebook.config.reactions import OnLowQuality
from routebook.config.values import Route
from routebook.engine.quality import quality_of
from routebook.engine.turn import Outcome
from routebook.messages import Answer, Finish, Usage, Value

_AROUND = " \t\r\n*_#>`\"'([{"
"""What models put around a word."""


class Verdict(Value, frozen=True, kw_only=True):
    """What was said."""

    is_yes: bool
    words: str
    """The validator's own, or what the check found."""


async def verdict_of(step: Step, text: str, answer: Answer) -> Verdict | None:
    """The verdict that a step gives; `None` when it gives none.

    Raises:
        UsageError: its check cannot be loaded.
    """
    if step.yes:
        return Verdict(is_yes=says_yes(text, step.yes), words=text)
    if answer.attempt.error_type == "LowQuality":  # the check of its route failed, and there was no better answer
        return Verdict(is_yes=False, words=answer.attempt.error or "")
    if step.check is None:
        return None
    route = Route(name=step.name, on_low_quality=OnLowQuality(check=step.check))
    quality = await quality_of(route, answer.plan.request)
    outcome = Outcome(attempt=answer.attempt, pieces=[text], finish=Finish(reason=answer.finish_reason, usage=Usage()))
    flaw = await quality(outcome) if quality is not None else None
    return Verdict(is_yes=flaw is None, words="" if flaw is None else str(flaw))


def says_yes(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text begins with one of some words, however it is set; `PASSED` is not `PASS`."""
    opening = text.lstrip(_AROUND).casefold()
    for word in words:
        rest = opening.removeprefix(word.casefold())
        if rest != opening and not rest[:1].isalnum():
            return True
    return False
