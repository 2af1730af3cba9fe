"""What every wire format must be able to make of an answer, and how an answer is known to be whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from routebook.backends.calls import Calls
from routebook.backends.translate import Translator
from routebook.errors import ProviderError
from routebook.messages import Delta, Finish, FinishReason, ToolCall, Usage


class Answer(ABC):
    """Reads one answer in one wire format."""

    def __init__(self, errors: Translator) -> None:
        """`errors` translates what goes wrong inside."""
        self.errors = errors
        self.headers: Mapping[str, str] = {}
        """Of the response, names in lower case; set before anything is fed."""
        self.is_complete = False
        """The answer has said how it ends; what breaks after that does no harm."""
        self.is_over = False
        """Nothing comes after this."""
        self.has_text = self.has_thought = self.has_calls = False
        self.calls = Calls()
        """The tools that it asks for."""

    @abstractmethod
    def feed(self, data: bytes) -> Sequence[Delta]:
        """Take the data of one event. Raises `ProviderError` for errors inside, malformed data included."""

    @abstractmethod
    def whole(self, body: bytes) -> Sequence[Delta]:
        """Take an answer that came in one piece. Raises as `feed`."""

    @abstractmethod
    def finish(self) -> Finish:
        """Return the last word. Raises `Refused`, or `StreamBroken` for an answer that is not complete or has no content."""

    @property
    @abstractmethod
    def usage(self) -> Usage:
        """What the server has reported of its tokens so far."""

    def last_word(self) -> Finish:
        """As `finish`; an answer that ended, and is none all the same, says in its error what it used. One that was cut knows too little for that."""
        try:
            return self.finish()
        except ProviderError as error:
            if self.is_complete:
                error.usage = self.usage
            raise

    @property
    def has_started(self) -> bool:
        """Some of the answer has been read."""
        return self.has_text or self.has_thought

    def reason_of(self, reason: FinishReason) -> FinishReason:
        """Why it ended: some servers say `stop` for an answer that asks for tools."""
        return "tool_calls" if self.calls and reason == "stop" else reason

    def calls_of(self, reason: FinishReason) -> tuple[ToolCall, ...]:
        """The tools that it asks for; none when it was cut, because what is cut is no call."""
        return self.calls.done() if reason == "tool_calls" else ()

    def check_end(self) -> None:
        """Raise `StreamBroken` when the answer has not said how it ends."""
        if not self.is_complete:
            what = "before its end was said" if self.has_started else "before it began: the answer is empty"
            raise self.errors.broken(f"the stream ended {what}.")

    def check_content(self, reason: FinishReason) -> None:
        """Raise `StreamBroken` for an answer without content; thinking alone, aloud or not, is content only when the limit cut it off."""
        if not (self.has_text or self.has_calls or (reason == "length" and (self.has_thought or self.usage.thinking_tokens))):
            raise self.errors.empty()
