"""Anthropic's Messages.

Sources: Anthropic's API reference, its pages on extended and adaptive thinking and on structured outputs, and its migration guides for
Claude 4.6 and 4.7.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from routebook.backends.answers import converse
from routebook.backends.anthropic_answer import AnthropicAnswer
from routebook.backends.anthropic_turns import declared, is_foreign, turns
from routebook.backends.base import Found
from routebook.backends.bodies import system_and_turns, with_extra, without_none
from routebook.backends.http import Http
from routebook.backends.listing import listed
from routebook.backends.translate import Translator
from routebook.backends.waits import Clock
from routebook.config.values import Model, Provider
from routebook.messages import Call, Delta, Finish, Params

DEFAULT_URL: Final = "https://api.anthropic.com"
_API_VERSION: Final = "2023-06-01"
_MAX_TOKENS: Final = 4096
"""The format wants a limit; this one stands where neither the request nor the model's `max_output` gives one."""
_CLAUDE: Final = re.compile(r"claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_MIN_THINKING_TOKENS: Final = 1024


class AnthropicBackend:
    """Speaks Messages; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:
        """`base_url` may end in `/v1` or not."""
        self._errors = Translator(name, clock=clock, secret=key)
        headers = {"anthropic-version": _API_VERSION, **({"x-api-key": key} if key else {})}
        url = (provider.base_url or DEFAULT_URL).rstrip("/")
        self._http = Http(url if url.endswith("/v1") else f"{url}/v1", headers={**headers, **provider.headers}, errors=self._errors)
        self._max_output = {model.id: model.max_output for model in models.values() if model.max_output}

    def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`."""
        body = request_body(call, max_output=self._max_output.get(call.model_id))
        return converse(self._http, "/messages", body=body, call=call, answer=AnthropicAnswer(self._errors))

    async def list_models(self, *, local: bool = False) -> list[Found]:
        """See `Backend.list_models`."""
        return await listed(self._http, "/models?limit=1000", local=local, key="data")

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._http.aclose()


def request_body(call: Call, *, max_output: int | None = None) -> dict[str, Any]:
    """Return the request in the words of Messages; `params.extra` has the last word."""
    params = call.params
    system, said = system_and_turns(call.messages)
    max_tokens = params.max_tokens or max_output or _MAX_TOKENS
    body: dict[str, Any] = {
        "model": call.model_id,
        "max_tokens": max_tokens,
        "messages": turns(said),
        "stream": call.stream,
        **({} if is_foreign(said) else _thinking(params, model=call.model_id, max_tokens=max_tokens)),
    }
    body.update(_sampling(params, model=call.model_id, is_thinking=body.get("thinking", {}).get("type") == "enabled"))
    if system:
        body["system"] = system
    if params.stop:
        body["stop_sequences"] = params.stop
    if call.tools:
        body["tools"] = declared(call.tools)
        body.update({} if call.may_call else {"tool_choice": {"type": "none"}})
    if params.json_schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": params.json_schema}}
    return with_extra(body, params.extra)


def _thinking(params: Params, *, model: str, max_tokens: int) -> dict[str, Any]:
    """Return the switch for thinking: Claude 4.6 and later weigh it themselves, earlier ones take a budget below the limit of the answer."""
    if params.think is None:
        return {}
    if params.think == "off":
        return {"thinking": {"type": "disabled"}}
    if _version(model) >= (4, 6):
        return {"thinking": {"type": "adaptive", "display": "summarized"}}
    if max_tokens <= _MIN_THINKING_TOKENS:
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": max(_MIN_THINKING_TOKENS, max_tokens // 2)}}


def _sampling(params: Params, *, model: str, is_thinking: bool) -> dict[str, Any]:
    """Return temperature and top_p as far as the model takes them: from Claude 4.7 on neither, from 4.0 on one of them, none while thinking."""
    if is_thinking or _version(model) >= (4, 7):
        return {}
    temperature = None if params.temperature is None else min(params.temperature, 1.0)
    top_p = None if temperature is not None and _version(model) >= (4, 0) else params.top_p
    return without_none({"temperature": temperature, "top_p": top_p})


def _version(model: str) -> tuple[int, int]:
    """Read `claude-sonnet-4-5-20250929` as (4, 5) and `claude-opus-5` as (5, 0); (0, 0) for other names, those of gateways among them."""
    found = _CLAUDE.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
