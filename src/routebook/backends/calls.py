"""The tool calls of an answer, gathered from the pieces in which wire formats send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from routebook.backends.unreadable import UNREADABLE
from routebook.messages import Delta, ToolCall


@dataclass(slots=True)
class _Open:
    """A call that is still being written."""

    index: object
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    extra: object = None


class Calls:
    """Gathers calls."""

    def __init__(self) -> None:
        """None yet."""
        self._open: list[_Open] = []

    def __bool__(self) -> bool:
        """Whether a tool was asked for."""
        return bool(self._open)

    def add(self, index: object, *, id: object = None, name: object = None, arguments: object = None, extra: object = None) -> Delta:  # noqa: A002  it is what it is called
        """Take a piece in: of the call at `index`, or of a new one. Some servers give all calls one index and tell them apart by `id`."""
        call = self._at(index, id)
        if isinstance(id, str) and id:
            call.id = id
        if isinstance(name, str) and name and not call.name:
            call.name = name
        call.extra = call.extra or extra
        piece = arguments if isinstance(arguments, str) else "" if arguments is None else written(arguments)
        call.pieces.append(piece)
        return Delta(text=piece, kind="call")

    def _at(self, index: object, id: object) -> _Open:  # noqa: A002
        found = next((call for call in reversed(self._open) if index is None or call.index == index), None)
        is_other = found is not None and isinstance(id, str) and id and found.id and id != found.id
        if found is None or is_other:
            found = _Open(index=index)
            self._open.append(found)
        return found

    @property
    def extras(self) -> list[object]:
        """What stood beside each call and goes back with it."""
        return [call.extra for call in self._open]

    def done(self) -> tuple[ToolCall, ...]:
        """The calls, whole."""
        return tuple(ToolCall(id=call.id, name=call.name, arguments="".join(call.pieces)) for call in self._open)


def written(value: object) -> str:
    """Arguments as JSON text, for formats that send them as a value."""
    return msgspec.json.encode(value).decode()


def arguments_of(call: ToolCall) -> Mapping[str, Any]:
    """The arguments as an object, as providers want them back; an empty one for what is none."""
    try:
        value = msgspec.json.decode(call.arguments or "{}")
    except UNREADABLE:
        return {}
    return value if isinstance(value, dict) else {}
