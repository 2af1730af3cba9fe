"""One chat through Ollama's official client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final

import ollama

from routebook.backends.bodies import without_none
from routebook.backends.calls import Calls
from routebook.backends.counts import count
from routebook.backends.http import Http
from routebook.backends.ollama_transport import OllamaTransport
from routebook.backends.ollama_turns import ECHO, turns
from routebook.backends.openai_turns import declared
from routebook.messages import Call, Delta, Finish, FinishReason, Usage
from routebook.text import estimate_tokens

_DEFAULT_CONTEXT: Final = 4096
"""Ollama's own, where nobody sets another and the GPU is not a large one."""
_DEFAULT_OUTPUT: Final = 1024
_TIMES: Final = {"load_s": "load_duration", "prompt_s": "prompt_eval_duration", "generate_s": "eval_duration"}
_AT_TOP: Final = frozenset({"keep_alive", "logprobs", "top_logprobs"})


async def chat(http: Http, call: Call, *, context: int | None) -> AsyncGenerator[Delta | Finish]:
    """Send a call and yield its answer; see `Backend.stream`. `context` is the model's as configured."""
    extra = {"tools": declared(call.tools)} if call.tools and call.may_call else {}  # the client drops what it does not know of a schema
    transport = OllamaTransport(http, local=call.local, connect_s=call.connect_s, extra=extra)
    client = ollama.AsyncClient(host="http://ollama", transport=transport)
    reading = _Reading(http)
    with _errors(http, reading):
        if not call.stream:
            for delta in reading.take(await client.chat(stream=False, **_arguments(call, context=context))):
                yield delta
        else:
            parts = await client.chat(stream=True, **_arguments(call, context=context))
            async with contextlib.aclosing(parts):  # type: ignore[type-var] # a generator, typed as an iterator
                async for part in parts:
                    for delta in reading.take(part):
                        yield delta
    yield reading.finish()


@contextlib.contextmanager
def _errors(http: Http, reading: _Reading) -> Iterator[None]:
    """Translate what the client raises; what the transport raises is translated already."""
    try:
        yield
    except ollama.ResponseError as error:
        raise http.errors.event({"error": error.error}, headers={}, has_started=reading.has_started) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:  # what the client's reading of a malformed line ends in
        first = str(error).partition("\n")[0]
        raise http.errors.broken(f"an event is malformed ({first}).") from error


class _Reading:
    """Reads one answer."""

    def __init__(self, http: Http) -> None:
        self._errors = http.errors
        self._last: ollama.ChatResponse | None = None
        self.has_started = False
        self._has_text = False
        self._calls = Calls()
        self._thoughts = ""

    def take(self, part: ollama.ChatResponse) -> Iterator[Delta]:
        message = part.message
        for call in message.tool_calls or ():
            yield self._calls.add(object(), name=call.function.name, arguments=call.function.arguments)
        if message.thinking:
            self.has_started = True
            self._thoughts += message.thinking
            yield Delta(text=message.thinking, kind="thinking")
        if message.content:
            self.has_started = self._has_text = True
            yield Delta(text=message.content)
        if part.done:
            self._last = part

    def finish(self) -> Finish:
        last = self._last
        if last is None:
            what = (
                "before its end was said: a model that repeats itself is stopped so"
                if self.has_started
                else "before it began: the answer is empty"
            )
            raise self._errors.broken(f"the stream ended {what}.")
        reason: FinishReason = "tool_calls" if self._calls else "length" if last.done_reason == "length" else "stop"
        usage = Usage(input_tokens=count(last.prompt_eval_count), output_tokens=count(last.eval_count))
        if not (self._has_text or self._calls or (self.has_started and reason == "length")):
            error = self._errors.empty()
            error.usage = usage
            raise error
        times = {name: getattr(last, field) for name, field in _TIMES.items()}
        calls = self._calls.done()
        echo = {ECHO: self._thoughts} if self._thoughts else {}
        return Finish(reason=reason, usage=usage, timings={name: ns / 1e9 for name, ns in times.items() if ns}, calls=calls, echo=echo)


def _arguments(call: Call, *, context: int | None) -> dict[str, Any]:
    """Return the request in the client's words; of `params.extra` what Ollama knows at the top goes there, the rest into its options."""
    params = call.params
    extra = {name: value for name, value in params.extra.items() if name != "options"}
    own = params.extra.get("options")
    options = without_none(
        {
            "num_predict": params.max_tokens,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "stop": list(params.stop) or None,
            "seed": params.seed,
            "num_ctx": _window(call, context=context),
        }
    )
    options.update({name: value for name, value in extra.items() if name not in _AT_TOP})
    options.update(own if isinstance(own, Mapping) else {})
    return {
        "model": call.model_id,
        "messages": turns(call.messages),
        "think": None if params.think is None else params.think != "off",
        "format": None if params.json_schema is None else dict(params.json_schema),
        "options": options,
        **{name: value for name, value in extra.items() if name in _AT_TOP},
    }


def _window(call: Call, *, context: int | None) -> int | None:
    """Return the window to ask for: the next power of two that holds prompt and answer, so that few prompts make Ollama load again."""
    if context is None:
        return None
    tools = estimate_tokens(str(declared(call.tools))) if call.tools else 0
    needed = tools + sum(estimate_tokens(message.content) for message in call.messages) + (call.params.max_tokens or _DEFAULT_OUTPUT)
    return min(context, 1 << (needed - 1).bit_length()) if needed > _DEFAULT_CONTEXT else None
