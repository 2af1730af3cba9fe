"""Which tools the models of a plan are told of, and which models can be told of tools."""

from __future__ import annotations

from collections.abc import Sequence

from routebook.config.values import Config, Route
from routebook.messages import Candidate, Classification, LeftOut, Request, ToolLeftOut, ToolNote

Offer = tuple[tuple[ToolNote, ...], tuple[ToolLeftOut, ...]]


def offered(config: Config, request: Request, route: Route, seen: Classification, *, is_local: bool) -> Offer:
    """The tools that a request may use, and those left out: as the cell says, else the route, else the defaults where tools are needed."""
    if request.tools is not None:
        notes: tuple[ToolNote, ...] = request.tools
    else:
        names = route.tools if route.tools is not None else config.defaults.tools if seen.needs_tools else ()
        notes = tuple(config.tools[name].note(name) for name in dict.fromkeys(names))
    if not is_local:
        return notes, ()
    reason = "it uses the network, and nothing may leave the machine"
    kept = tuple(note for note in notes if not note.network)
    return kept, tuple(ToolLeftOut(name=note.name, reason=reason) for note in notes if note.network)


def able(config: Config, found: Sequence[Candidate]) -> tuple[Sequence[Candidate], tuple[LeftOut, ...]]:
    """The models that can be told of tools, those known to call them well first; and those that cannot."""
    models = config.models
    kept = [candidate for candidate in found if models[candidate.model].tools is not False]
    out = tuple(
        LeftOut(model=one.model, reason="it does not call tools (tools = false), and this prompt has some")
        for one in found
        if models[one.model].tools is False
    )
    return tuple(sorted(kept, key=lambda candidate: models[candidate.model].tools is not True)), out
