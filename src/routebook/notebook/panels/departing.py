"""What a plan would take: time and money, and what of the prompt would leave the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from routebook.config.keylike import key_beginnings
from routebook.messages import Candidate, Plan
from routebook.notebook import figures, wording
from routebook.notebook.interpolate import Used

Section = tuple[str, list[str]]


def expected(plan: Plan, *, seconds_of: Callable[[str], float | None]) -> list[Section]:
    """Time and money of the first candidate, and the most that the dearest one would cost.

    `seconds_of` gives the seconds that a typical answer of a model takes, as was seen.
    """
    if not plan.candidates:
        return []
    first, *others = plan.candidates
    seconds = seconds_of(first.model)
    time = f"about {figures.seconds(seconds)}" if seconds is not None else "time not known yet: it was never asked here"
    lines = [f"{first.model}: about {plan.input_tokens:,} tokens in, {wording.dollars(first.expected_cost_usd)}, {time}"]
    dear = max(others, key=_cost, default=first)
    if _cost(dear) > _cost(first):
        lines.append(f"at most about {wording.dollars(dear.expected_cost_usd)}, should it come to {dear.model}")
    return [("Would take", lines)]


def departing(plan: Plan, used: Sequence[Used]) -> list[Section]:
    """Who outside of this machine could read the prompt, the variables in it with their sizes, and what looks like a secret in it."""
    afar = list(dict.fromkeys(candidate.provider for candidate in plan.candidates if candidate.tier != "local"))
    variables = [f"in it {{{{{one.name}}}}}: {one.kind}, {figures.plural(one.characters, 'character')}" for one in used]
    sections: list[Section] = []
    if afar:
        first = plan.candidates[0]
        now = f"at once, to {first.provider}" if first.tier != "local" else f"only when no local model answers, to {', '.join(afar)}"
        sections.append(("Leaves the machine", [f"the whole prompt, {now}; --local keeps it here", *variables]))
    else:
        sections.append(("Leaves the machine", ["nothing of the prompt", *variables]))
    secrets = [beginning for message in plan.request.messages for beginning in key_beginnings(message.content)]
    if secrets:
        sections.append(("Looks like a secret", [f"{beginning} (hidden here; it would be sent as it is)" for beginning in secrets]))
    return sections


def _cost(candidate: Candidate) -> float:
    return float(candidate.expected_cost_usd or 0)
