"""Gemini's generateContent.

Sources: the Gemini API reference (v1beta) and its pages on thinking and structured output.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from routebook.backends.answers import converse
from routebook.backends.base import Found
from routebook.backends.bodies import system_and_turns, with_extra, without_none
from routebook.backends.gemini_answer import GeminiAnswer
from routebook.backends.gemini_turns import declared, turns
from routebook.backends.http import Http
from routebook.backends.listing import listed
from routebook.backends.translate import Translator
from routebook.backends.waits import Clock
from routebook.config.values import Model, Provider
from routebook.messages import Call, Delta, Finish, Think

DEFAULT_URL: Final = "https://generativelanguage.googleapis.com/v1beta"
_VERSION: Final = re.compile(r"gemini-(\d+)")


class GeminiBackend:
    """Speaks generateContent; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:  # noqa: ARG002 - one signature for all kinds
        """The key goes into a header, never into the address."""
        self._errors = Translator(name, clock=clock, secret=key)
        headers = {"x-goog-api-key": key} if key else {}
        self._http = Http(provider.base_url or DEFAULT_URL, headers={**headers, **provider.headers}, errors=self._errors)

    def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`."""
        verb = "streamGenerateContent?alt=sse" if call.stream else "generateContent"
        path = f"/models/{call.model_id.removeprefix('models/')}:{verb}"
        return converse(self._http, path, body=request_body(call), call=call, answer=GeminiAnswer(self._errors))

    async def list_models(self, *, local: bool = False) -> list[Found]:
        """See `Backend.list_models`."""
        return await listed(self._http, "/models?pageSize=1000", local=local, key="models")

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._http.aclose()


def request_body(call: Call) -> dict[str, Any]:
    """Return the request in the words of generateContent; `params.extra` has the last word."""
    params = call.params
    system, said = system_and_turns(call.messages)
    config = without_none(
        {
            "maxOutputTokens": params.max_tokens,
            "temperature": params.temperature,
            "topP": params.top_p,
            "seed": params.seed,
            "stopSequences": params.stop or None,
            "responseMimeType": None if params.json_schema is None else "application/json",
            "responseJsonSchema": params.json_schema,
            "thinkingConfig": None if params.think is None else _thinking(params.think, model=call.model_id),
        }
    )
    body: dict[str, Any] = {"contents": turns(said)}
    if call.tools:
        body["tools"] = declared(call.tools)
        body.update({} if call.may_call else {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}})
    if config:
        body["generationConfig"] = config
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    return with_extra(body, params.extra)


def _thinking(think: Think, *, model: str) -> dict[str, Any]:
    """Return the switch for thinking: a level from Gemini 3 on, a budget of tokens before; the pro models think a little in any case."""
    if think != "off":
        return {"includeThoughts": True}
    found = _VERSION.search(model)
    is_pro = "pro" in model
    if found and int(found[1]) >= 3:  # noqa: PLR2004 - Gemini 3
        return {"thinkingLevel": "low" if is_pro else "minimal"}
    return {"thinkingBudget": 128 if is_pro else 0}
