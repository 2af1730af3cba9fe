"""What generateContent answers, event by event or whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from routebook.backends.answer import Answer
from routebook.backends.counts import as_object, count, total
from routebook.backends.gemini_turns import ECHO
from routebook.backends.translate import Translator, limit_headers
from routebook.backends.unreadable import UNREADABLE
from routebook.errors import Refused
from routebook.messages import Delta, Finish, FinishReason, Usage

_REASONS: Final[dict[str, FinishReason]] = {"STOP": "stop", "MAX_TOKENS": "length"}
_REFUSALS: Final = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY"})


class Part(msgspec.Struct, gc=False):
    """A part of a content."""

    text: str | None = None
    thought: bool | None = None
    function_call: Any = msgspec.field(default=None, name="functionCall")
    signature: Any = msgspec.field(default=None, name="thoughtSignature")


class Content(msgspec.Struct, gc=False):
    """What was said."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, gc=False):
    """One answer; only the first is read."""

    content: Content | None = None
    finish_reason: str | None = msgspec.field(default=None, name="finishReason")


class Response(msgspec.Struct, gc=False):
    """One event of a stream, or a whole answer."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Any = msgspec.field(default=None, name="promptFeedback")
    usage_metadata: Any = msgspec.field(default=None, name="usageMetadata")
    error: Any = None


_decode = msgspec.json.Decoder(Response | list[Response]).decode


class GeminiAnswer(Answer):
    """Reads one answer; see `Answer`. Nothing but the end of the body says that it is over."""

    def __init__(self, errors: Translator) -> None:
        """See `Answer`."""
        super().__init__(errors)
        self._reason: str | None = None
        self._blocked: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._said: list[dict[str, Any]] = []
        """The parts as they came, thoughts left out; where tools are asked for they go back."""

    def feed(self, data: bytes) -> Sequence[Delta]:
        """See `Answer.feed`."""
        try:
            decoded = _decode(data)
        except UNREADABLE as error:
            raise self.errors.malformed(data, error) from error
        if isinstance(decoded, list):  # what comes without alt=sse, and how some errors come with it
            return [delta for response in decoded for delta in self._response(response)]
        return self._response(decoded)

    def whole(self, body: bytes) -> Sequence[Delta]:
        """See `Answer.whole`."""
        if not body.strip():
            raise self.errors.empty()
        return self.feed(body)

    @property
    def usage(self) -> Usage:
        """See `Answer.usage`."""
        return _usage(self._usage)

    def finish(self) -> Finish:
        """See `Answer.finish`."""
        if self._blocked or self._reason in _REFUSALS:
            category = self._blocked or self._reason
            raise Refused(
                f"{'the prompt' if self._blocked else 'the answer'} was blocked ({category}).",
                provider=self.errors.provider,
                category=category,
            )
        self.check_end()
        reason = "tool_calls" if self.has_calls else _REASONS.get(self._reason or "")
        if reason is None:
            raise self.errors.broken(f"the answer ended for the reason {self._reason}.")
        self.check_content(reason)
        calls = self.calls_of(reason)
        is_signed = any("thoughtSignature" in part for part in self._said)
        echo = {ECHO: self._said} if calls or is_signed else {}
        return Finish(reason=reason, usage=self.usage, headers=limit_headers(self.headers), calls=calls, echo=echo)

    def _response(self, response: Response) -> Sequence[Delta]:
        if response.error:
            raise self.errors.event({"error": response.error}, headers=self.headers, has_started=self.has_started)
        if isinstance(response.usage_metadata, dict):
            self._usage = response.usage_metadata
        blocked = as_object(response.prompt_feedback).get("blockReason")
        if isinstance(blocked, str):
            self._blocked = blocked
        if not response.candidates:
            return ()
        candidate = response.candidates[0]
        if candidate.finish_reason:
            self._reason, self.is_complete = candidate.finish_reason, True
        parts = candidate.content.parts if candidate.content is not None else None
        return [delta for one in parts or () for delta in self._part(one)]

    def _part(self, one: Part) -> Sequence[Delta]:
        self._keep(one)
        if one.function_call is not None:
            return (self._call(as_object(one.function_call)),)
        if not one.text:
            return ()
        if one.thought:
            self.has_thought = True
            return (Delta(text=one.text, kind="thinking"),)
        self.has_text = True
        return (Delta(text=one.text),)

    def _call(self, call: Mapping[str, Any]) -> Delta:
        """Read a call, which comes whole."""
        self.has_calls = True
        return self.calls.add(len(self._said), id=call.get("id"), name=call.get("name"), arguments=call.get("args") or {})

    def _keep(self, one: Part) -> None:
        """Keep a part for its echo; pieces of one text are one part."""
        signed = {"thoughtSignature": one.signature} if one.signature else {}
        last = self._said[-1] if self._said else {}
        if one.function_call is not None:
            self._said.append({"functionCall": one.function_call, **signed})
        elif one.text and not one.thought and "text" in last and not last.get("thoughtSignature"):
            last.update({"text": last["text"] + one.text, **signed})
        elif (one.text and not one.thought) or signed:
            self._said.append({"text": one.text or "", **signed})


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Read the usage: the prompt's count includes what was cached, the candidates' leaves out the thoughts."""
    thoughts = count(usage.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=total(count(usage.get("promptTokenCount")), count(usage.get("toolUsePromptTokenCount"))),
        cached_tokens=count(usage.get("cachedContentTokenCount")),
        output_tokens=total(count(usage.get("candidatesTokenCount")), thoughts),
        thinking_tokens=thoughts,
    )
