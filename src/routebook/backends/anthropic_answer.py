"""What Messages answer, event by event or whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from routebook.backends.answer import Answer
from routebook.backends.anthropic_turns import ECHO
from routebook.backends.calls import arguments_of
from routebook.backends.counts import as_object, count, part, total
from routebook.backends.translate import Translator, limit_headers
from routebook.backends.unreadable import UNREADABLE
from routebook.errors import Refused
from routebook.messages import Delta, Finish, FinishReason, ToolCall, Usage

_REASONS: Final[dict[str, FinishReason]] = {"max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls"}
_CALLS: Final = frozenset({"tool_use", "server_tool_use"})


class Piece(msgspec.Struct, gc=False):
    """`delta` of an event."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None
    stop_details: Any = None
    partial_json: str | None = None
    signature: str | None = None


class Event(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer."""

    type: str | None = None
    index: int | None = None
    delta: Piece | None = None
    message: Any = None
    content_block: Any = None
    content: Any = None
    usage: Any = None
    error: Any = None
    stop_reason: str | None = None
    stop_details: Any = None


_decode = msgspec.json.Decoder(Event).decode


class AnthropicAnswer(Answer):
    """Reads one answer; see `Answer`."""

    def __init__(self, errors: Translator) -> None:
        """See `Answer`."""
        super().__init__(errors)
        self._reason: str | None = None
        self._details: Mapping[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int | None, dict[str, Any]] = {}
        """All blocks as they came; where tools are asked for they go back."""

    def feed(self, data: bytes) -> Sequence[Delta]:
        """See `Answer.feed`."""
        event = self._decoded(data)
        if event.type == "content_block_delta" and event.delta is not None:
            return self._more(event.index, event.delta)
        if event.error:
            raise self.errors.event({"error": event.error}, headers=self.headers, has_started=self.has_started)
        if event.type == "message_stop":
            self.is_over = True
        elif event.type == "content_block_start":
            return self._block(event.index, event.content_block)
        elif event.type == "message_start":
            self._usage.update(part(event.message, "usage"))
        elif event.type == "message_delta" and event.delta is not None:
            self._usage.update({name: value for name, value in as_object(event.usage).items() if value is not None})
            self._end(event.delta.stop_reason, event.delta.stop_details)
        return ()

    def whole(self, body: bytes) -> Sequence[Delta]:
        """See `Answer.whole`."""
        if not body.strip():
            raise self.errors.empty()
        event = self._decoded(body)
        if event.error:
            raise self.errors.event({"error": event.error}, headers=self.headers, has_started=False)
        self._usage.update(as_object(event.usage))
        self._end(event.stop_reason or "end_turn", event.stop_details)
        blocks = event.content if isinstance(event.content, list) else []
        return [delta for index, block in enumerate(blocks) for delta in self._block(index, block)]

    @property
    def usage(self) -> Usage:
        """See `Answer.usage`."""
        return _usage(self._usage)

    def finish(self) -> Finish:
        """See `Answer.finish`."""
        if self._reason == "refusal":
            said = self._details.get("explanation")
            category = self._details.get("category")
            raise Refused(
                self.errors.text(said) if isinstance(said, str) and said else "the model declined to answer.",
                provider=self.errors.provider,
                category=category if isinstance(category, str) else "refusal",
            )
        self.check_end()
        reason = self.reason_of(_REASONS.get(self._reason or "", "stop"))
        self.check_content(reason)
        calls = self.calls_of(reason)
        echo = {ECHO: self._echo(calls)} if calls or self._has_signed else {}
        return Finish(reason=reason, usage=self.usage, headers=limit_headers(self.headers), calls=calls, echo=echo)

    @property
    def _has_signed(self) -> bool:
        """Whether it thought, in a form that may go back: what has no signature is refused."""
        return any(block.get("signature") or block.get("type") == "redacted_thinking" for block in self._blocks.values())

    def _echo(self, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
        """The blocks in their order, with what their pieces came to; empty text is refused."""
        inputs = {call.id: arguments_of(call) for call in calls}
        blocks = [block | {"input": inputs[block["id"]]} if block.get("id") in inputs else block for block in self._blocks.values()]
        return [block for block in blocks if block.get("type") != "text" or block.get("text", "").strip()]

    def _decoded(self, data: bytes) -> Event:
        try:
            return _decode(data)
        except UNREADABLE as error:
            raise self.errors.malformed(data, error) from error

    def _piece(self, piece: Piece) -> Sequence[Delta]:
        if piece.text:
            self.has_text = True
            return (Delta(text=piece.text),)
        if piece.thinking:
            self.has_thought = True
            return (Delta(text=piece.thinking, kind="thinking"),)
        return ()

    def _more(self, index: int | None, piece: Piece) -> Sequence[Delta]:
        """Read more of a block."""
        if piece.partial_json is not None:
            return (self.calls.add(index, arguments=piece.partial_json),) if self._blocks.get(index, {}).get("type") == "tool_use" else ()
        block = self._blocks.get(index, {})
        for name in ("text", "thinking", "signature"):
            if more := getattr(piece, name):
                block[name] = block.get(name, "") + more
        return self._piece(piece)

    def _block(self, index: int | None, block: object) -> Sequence[Delta]:
        """Read a block that starts, or a whole one."""
        if not isinstance(block, dict):
            return ()
        self._blocks[index] = dict(block)
        self.has_calls |= block.get("type") in _CALLS
        if block.get("type") == "tool_use":  # those of the server's own tools have run already
            whole = block.get("input") or None
            return (self.calls.add(index, id=block.get("id"), name=block.get("name"), arguments=whole),)
        text, thinking = block.get("text"), block.get("thinking")
        return self._piece(Piece(text=text if isinstance(text, str) else None, thinking=thinking if isinstance(thinking, str) else None))

    def _end(self, reason: str | None, details: object) -> None:
        if reason:
            self._reason, self.is_complete = reason, True
            self._details = details if isinstance(details, dict) else {}


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Read the usage; Anthropic counts what was read from its cache, and written to it, beside the input."""
    cached = count(usage.get("cache_read_input_tokens"))
    return Usage(
        input_tokens=total(count(usage.get("input_tokens")), cached, count(usage.get("cache_creation_input_tokens"))),
        cached_tokens=cached,
        output_tokens=count(usage.get("output_tokens")),
    )
