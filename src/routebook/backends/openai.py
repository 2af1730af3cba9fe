"""Chat Completions, as OpenAI and everything compatible with it speak it.

Sources: OpenAI's, Groq's, Mistral's and OpenRouter's API references, and llama.cpp's server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from routebook.backends.answers import converse
from routebook.backends.base import Found
from routebook.backends.bodies import with_extra
from routebook.backends.dialects import Dialect, dialect_of
from routebook.backends.http import Http
from routebook.backends.listing import listed
from routebook.backends.openai_answer import OpenAIAnswer
from routebook.backends.openai_turns import declared, turns
from routebook.backends.translate import Translator
from routebook.backends.waits import Clock
from routebook.config.values import Model, Provider
from routebook.messages import Call, Delta, Finish

DEFAULT_URL: Final = "https://api.openai.com/v1"


class OpenAIBackend:
    """Speaks Chat Completions; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:  # noqa: ARG002 - one signature for all kinds
        """`name` is the provider's in `routing.toml`."""
        self._errors = Translator(name, clock=clock, secret=key)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = Http(provider.base_url or DEFAULT_URL, headers={**headers, **provider.headers}, errors=self._errors)
        self._dialect = dialect_of(self._http.host)

    def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`."""
        body = request_body(call, dialect=self._dialect)
        return converse(self._http, "/chat/completions", body=body, call=call, answer=OpenAIAnswer(self._errors))

    async def list_models(self, *, local: bool = False) -> list[Found]:
        """See `Backend.list_models`."""
        return await listed(self._http, "/models", local=local, key="data")

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._http.aclose()


def request_body(call: Call, *, dialect: Dialect) -> dict[str, Any]:
    """Return the request in the words of Chat Completions; `params.extra` has the last word."""
    params = call.params
    body: dict[str, Any] = {
        "model": call.model_id,
        "messages": turns(call.messages, dialect=dialect),
        "stream": call.stream,
    }
    if call.stream and dialect.asks_for_usage:
        body["stream_options"] = {"include_usage": True}
    named = {dialect.max_tokens: params.max_tokens, "temperature": params.temperature, "top_p": params.top_p, dialect.seed: params.seed}
    body.update({name: value for name, value in named.items() if value is not None})
    if params.stop:
        body["stop"] = params.stop
    if params.json_schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": params.json_schema}}
    if call.tools:
        body["tools"] = declared(call.tools)
        body.update({} if call.may_call else {"tool_choice": "none"})
    if params.think is not None:
        body.update(dialect.think(params.think))
    return with_extra(body, params.extra)
