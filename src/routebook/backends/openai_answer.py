"""What Chat Completions answer, chunk by chunk or whole, in all their variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from routebook.backends.answer import Answer
from routebook.backends.counts import as_object, chat_completions_usage, part
from routebook.backends.openai_thoughts import Thoughts
from routebook.backends.openai_turns import ECHO
from routebook.backends.translate import Translator, limit_headers
from routebook.backends.unreadable import UNREADABLE
from routebook.errors import Refused
from routebook.messages import Delta, Finish, FinishReason, Usage

_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class Said(msgspec.Struct, gc=False):
    """`delta` of a chunk, `message` of a whole answer. Servers differ in what they put where, hence the types."""

    content: Any = None
    refusal: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    thinking: Any = None
    tool_calls: Any = None
    function_call: Any = None


class Choice(msgspec.Struct, gc=False):
    """One choice; only the first is read, of as many as were asked for."""

    index: Any = None
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    error: Any = None


class Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer."""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    timings: Any = None


_decode = msgspec.json.Decoder(Chunk).decode


class OpenAIAnswer(Answer):
    """Reads one answer; see `Answer`."""

    def __init__(self, errors: Translator) -> None:
        """See `Answer`."""
        super().__init__(errors)
        self._reason: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._timings: Mapping[str, Any] = {}
        self._refusal = ""
        self._thoughts = Thoughts()

    def feed(self, data: bytes) -> Sequence[Delta]:
        """See `Answer.feed`."""
        if data == b"[DONE]":
            self.is_over = True
            return ()
        try:
            chunk = _decode(data)
        except UNREADABLE as error:
            raise self.errors.malformed(data, error) from error
        first = next((choice for choice in chunk.choices if not choice.index), None) if chunk.choices else None
        deltas = self._choice(first) if first is not None and not chunk.error else ()
        if chunk.usage or chunk.error or chunk.x_groq or chunk.timings:
            self._aside(chunk)
        return deltas

    def whole(self, body: bytes) -> Sequence[Delta]:
        """See `Answer.whole`."""
        if not body.strip():
            raise self.errors.empty()
        deltas = self.feed(body)
        self._reason = self._reason or "stop"
        self.is_complete = True
        return deltas

    @property
    def usage(self) -> Usage:
        """See `Answer.usage`."""
        return chat_completions_usage(self._usage)

    def finish(self) -> Finish:
        """See `Answer.finish`."""
        if self._refusal or self._reason in ("content_filter", "refusal"):
            said = self.errors.text(self._refusal) or "the provider's filter stopped the answer."
            raise Refused(said, provider=self.errors.provider, category=None if self._refusal else self._reason)
        self.check_end()
        reason = self.reason_of(_REASONS.get(self._reason or "", "stop"))
        self.check_content(reason)
        return Finish(
            reason=reason, usage=self.usage, headers=limit_headers(self.headers), timings=_timings(self._timings),
            calls=self.calls_of(reason), echo=self._echo(),
        )  # fmt: skip

    def _echo(self) -> dict[str, Any]:
        """What goes back: Gemini signs its calls, DeepSeek wants its thoughts with them, and any model when its thinking is kept."""
        thoughts = self._thoughts.form()
        return {ECHO: {"extras": self.calls.extras, **thoughts}} if self.calls or thoughts else {}

    def _choice(self, choice: Choice) -> Sequence[Delta]:
        said = choice.delta or choice.message
        if choice.finish_reason:
            self._end(choice)
        if said is None:
            return ()
        text = said.content
        if type(text) is str and not (said.refusal or said.reasoning or said.reasoning_content or said.reasoning_details or said.thinking):
            if not text:
                return self._called(said)
            self.has_text = True
            return (Delta(text=text), *self._called(said))
        return self._unusual(said)

    def _unusual(self, said: Said) -> list[Delta]:
        """Read all that is not plain text."""
        self._thoughts.details(said.reasoning_details)
        self._thoughts.plain("reasoning_content", said.reasoning_content)
        self._thoughts.plain("reasoning", said.reasoning)
        deltas = [Delta(text=thought, kind="thinking") for thought in _thoughts(said)[:1]]
        for kind, text in _parts(said.content):
            if kind == "thinking":
                self._thoughts.part(text)
            deltas.append(Delta(text=text, kind="thinking" if kind == "thinking" else "text"))
        self.has_thought |= any(delta.kind == "thinking" for delta in deltas)
        self.has_text |= any(delta.kind == "text" for delta in deltas)
        if isinstance(said.refusal, str) and said.refusal:
            self._refusal += said.refusal
            deltas.append(Delta(text=said.refusal))
        return [*deltas, *self._called(said)]

    def _called(self, said: Said) -> Sequence[Delta]:
        """Read the pieces of tool calls; `function_call` is the name of old."""
        pieces = said.tool_calls if isinstance(said.tool_calls, list) else []
        if isinstance(said.function_call, dict):
            pieces = [{"index": 0, "function": said.function_call}]
        if not pieces:
            return ()
        self.has_calls = True
        return [self._call(piece, place) for place, piece in enumerate(pieces) if isinstance(piece, dict)]

    def _call(self, piece: dict[str, Any], place: int) -> Delta:
        function = part(piece, "function")
        index = piece.get("index", place if piece.get("id") else None)
        return self.calls.add(
            index, id=piece.get("id"), name=function.get("name"), arguments=function.get("arguments"), extra=piece.get("extra_content")
        )

    def _end(self, choice: Choice) -> None:
        if choice.finish_reason == "error":
            raise self.errors.event({"error": choice.error or {}}, headers=self.headers, has_started=True)
        self._reason, self.is_complete = choice.finish_reason, True

    def _aside(self, chunk: Chunk) -> None:
        """Take what comes beside the text."""
        error = chunk.error or as_object(chunk.x_groq).get("error")
        if error:
            raise self.errors.event({"error": error}, headers=self.headers, has_started=self.has_started)
        if isinstance(chunk.usage, dict):
            self._usage = chunk.usage
        elif part(chunk.x_groq, "usage"):
            self._usage = part(chunk.x_groq, "usage")
        if isinstance(chunk.timings, dict):
            self._timings = chunk.timings


def _thoughts(said: Said) -> list[str]:
    """Return what was thought aloud; the same text often comes under two names."""
    return [text for text in (said.reasoning_content, said.reasoning, said.thinking) if isinstance(text, str) and text]


def _parts(content: object) -> list[tuple[str, str]]:
    """Read content as text or, as Mistral's thinking models send it, as typed parts."""
    if isinstance(content, str):
        return [("text", content)] if content else []
    found = []
    for piece in content if isinstance(content, list) else ():
        kind = piece.get("type") if isinstance(piece, dict) else None
        if kind == "text" and isinstance(piece.get("text"), str):
            found.append(("text", piece["text"]))
        elif kind == "thinking":
            found += [("thinking", text) for _, text in _parts(piece.get("thinking"))]
    return [(kind, text) for kind, text in found if text]


def _timings(timings: Mapping[str, Any]) -> dict[str, float]:
    """Read llama.cpp's timings, which are milliseconds."""
    named = {"prompt_s": timings.get("prompt_ms"), "generate_s": timings.get("predicted_ms")}
    return {name: value / 1000 for name, value in named.items() if isinstance(value, (int, float))}
