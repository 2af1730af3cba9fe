"""What providers say, as our errors: real bodies of the providers named beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.backends.translate import Translator, limit_headers
from routebook.errors import AuthFailed, BadRequest, ContextOverflow, ProviderError, RateLimited, Refused, StreamBroken, Unavailable

KEY = "sk-live-0123456789abcdefgh"
TRANSLATOR = Translator("acme", clock=lambda: 1_795_255_200.0, secret=KEY)


def error(status: int, body: Any, **headers: str) -> ProviderError:  # noqa: ANN401  JSON, text or bytes
    """The error of one response."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return TRANSLATOR.response(status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=raw)


def openai(message: str, *, kind: str = "invalid_request_error", code: Any = None) -> dict[str, Any]:  # noqa: ANN401  text, number or nothing
    """OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def gemini(code: int, status: str, message: str, **violation: str) -> dict[str, Any]:
    """Gemini's shape, with a spent quota."""
    details: list[Any] = []
    if violation:
        details = [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "55s"},
        ]
    return {"error": {"code": code, "message": message, "status": status, "details": details}}


TO_MIDNIGHT = 22 * 3600
"""In California, from the time of the clock; the delay that Gemini states beside it helps nobody."""
MINUTE, DAY = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
GROQ = "Rate limit reached for model `llama-3.3-70b-versatile` on {}: Limit 100000, Used 99800, Requested 500. Please try again in 4m19.2s."
OPENROUTER_DAY = {
    "error": {
        "message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
        "code": 429,
        "metadata": {"headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795305600000"}},
    }
}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # wrong or missing keys
        (401, openai("Incorrect API key provided", code="invalid_api_key"), AuthFailed),
        (401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}, AuthFailed),
        (400, gemini(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), AuthFailed),
        (403, gemini(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers"), AuthFailed),
        (403, {"error": "you are not authorized to use this model"}, AuthFailed),
        # limits
        (429, openai("slow down", code="rate_limit_exceeded"), RateLimited),
        (429, {"type": "error", "error": {"type": "rate_limit_error", "message": "This request would exceed"}}, RateLimited),
        (429, {"message": "Requests rate limit exceeded"}, RateLimited),
        (429, "", RateLimited),
        (402, {"error": {"message": "Insufficient credits", "code": 402}}, RateLimited),
        (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}, RateLimited),
        # too long
        (400, openai("This model's maximum context length is 4096 tokens", code="context_length_exceeded"), ContextOverflow),
        (400, openai("the request exceeds the available context size", kind="exceed_context_size_error", code=400), ContextOverflow),
        (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000 maximum"}}, ContextOverflow),
        (400, gemini(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."), ContextOverflow),
        (400, {"error": "the input length exceeds the context length"}, ContextOverflow),
        (400, {"error": '{"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens)"}}'}, ContextOverflow),
        (413, openai("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000", kind="tokens", code="rate_limit_exceeded"), ContextOverflow),
        (422, {"detail": "input length and `max_tokens` exceed context limit"}, ContextOverflow),
        # declined
        (400, openai("The response was filtered", code="content_filter"), Refused),
        (400, openai("Your request was rejected as a result of our safety system", code="content_policy_violation"), Refused),
        (403, {"error": {"code": 403, "message": "Input flagged by moderation", "metadata": {"reasons": ["violence"]}}}, Refused),
        # the server's fault
        (500, openai("The server had an error", kind="server_error"), Unavailable),
        (503, openai("Loading model", kind="unavailable_error", code=503), Unavailable),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, Unavailable),
        (503, {"error": "server busy, please try again.  maximum pending requests exceeded"}, Unavailable),
        (502, "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>", Unavailable),
        (498, openai("flex capacity exceeded"), Unavailable),
        (408, "", Unavailable),
        # ours
        (404, openai("The model `x` does not exist", code="model_not_found"), BadRequest),
        (404, {"error": "model 'x' not found"}, BadRequest),
        (422, {"detail": [{"loc": ["body", "foo"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]}, BadRequest),
        (400, openai("Unsupported parameter: 'max_tokens'", code="unsupported_parameter"), BadRequest),
        (404, {"status": 404, "title": "Not Found", "detail": "Function 'x': Not found for account"}, BadRequest),
        (301, "", BadRequest),
    ],
)  # fmt: skip
def test_each_provider_s_words_become_the_error_that_fits(status: int, body: Any, kind: type[ProviderError]) -> None:  # noqa: ANN401
    """What happens next (wait, next model, tell the user) hangs on the type alone."""
    found = error(status, body)
    assert type(found) is kind, found
    assert found.provider == "acme"
    assert str(found).startswith("acme: ")


@pytest.mark.parametrize(
    ("status", "body", "is_daily", "is_final", "retry_after_s"),
    [
        (429, gemini(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", quotaId=MINUTE), False, False, 55),
        (429, gemini(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quotaId=DAY), True, False, TO_MIDNIGHT),
        (429, gemini(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 0", quotaId=DAY), True, True, TO_MIDNIGHT),
        (429, gemini(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 20, model: y", quotaId=MINUTE), False, False, 55),
        (429, openai(GROQ.format("tokens per day (TPD)"), kind="tokens", code="rate_limit_exceeded"), True, False, 259.2),
        (429, openai(GROQ.format("requests per day (RPD)"), kind="requests", code="rate_limit_exceeded"), True, False, 259.2),
        (429, openai(GROQ.format("tokens per minute (TPM)"), kind="tokens", code="rate_limit_exceeded"), False, False, 259.2),
        (429, OPENROUTER_DAY, True, False, 50400),
        (429, {"error": {"message": "Rate limit exceeded: free-models-per-min", "code": 429}}, False, False, None),
        (429, openai("You exceeded your current quota, please check your plan", kind="insufficient_quota", code="insufficient_quota"), False, True, None),
        (402, {"error": {"message": "This request requires more credits", "code": 402}}, False, True, None),
    ],
)  # fmt: skip
def test_a_spent_day_and_a_spent_account_are_told_from_a_busy_minute(
    status: int,
    body: Any,  # noqa: ANN401 - JSON
    is_daily: bool,  # noqa: FBT001 - a figure of the table
    is_final: bool,  # noqa: FBT001 - as above
    retry_after_s: float | None,
) -> None:
    """A day's quota parks the model, an empty account drops it, a minute's limit only waits; Gemini's words do not tell, its ids do."""
    found = error(status, body)
    assert isinstance(found, RateLimited)
    assert (found.is_daily, found.is_final) == (is_daily, is_final)
    assert found.retry_after_s == (pytest.approx(retry_after_s) if retry_after_s is not None else None)


def test_a_day_that_only_a_header_calls_so_is_a_day() -> None:
    """Cerebras says it in the names of its headers."""
    found = error(429, openai("Too many requests"), **{"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "3600"})
    assert isinstance(found, RateLimited)
    assert found.is_daily
    assert found.retry_after_s == 3600


def test_a_server_error_keeps_the_time_it_states() -> None:
    """A 503 may state one too, and coming back earlier is as rude; the state of limits that are not its cause is none of its words."""
    assert error(503, openai("overloaded"), retry_after="7").retry_after_s == 7
    assert error(500, openai("oops"), **{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m"}).retry_after_s is None


def test_a_server_that_is_busy_may_state_its_time_in_the_body() -> None:
    """Gemini's 503 carries RetryInfo as its 429 does, others say it in words; a wrong request's words are about something else."""
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    busy = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded.", "details": [retry]}}
    assert error(503, busy).retry_after_s == 7
    assert error(529, "Overloaded. Please try again in 2.5 seconds.").retry_after_s == 2.5
    assert error(400, "Wait 5 seconds is no JSON. Please try again in 2.5 seconds.").retry_after_s is None


def test_only_the_headers_about_limits_are_kept() -> None:
    """The engine learns quotas from them; cookies and request ids are nobody's business."""
    headers = {
        "x-ratelimit-limit-requests": "30",
        "anthropic-ratelimit-tokens-reset": "x",
        "retry-after": "1",
        "retry-after-ms": "5",
        "x-rate-limit-left": "1",
    }
    assert limit_headers({**headers, "set-cookie": "a=b", "date": "now", "content-type": "x"}) == headers
    assert error(429, openai("x"), retry_after="1", set_cookie="secret", date="Sat, 21 Nov 2026 10:00:00 GMT").headers == {
        "retry-after": "1"
    }


def test_openrouter_s_headers_inside_of_the_body_count_as_headers() -> None:
    """It answers 200 or 429 and puts the provider's headers into metadata."""
    assert error(429, OPENROUTER_DAY).headers["x-ratelimit-reset"] == "1795305600000"


def test_what_the_provider_behind_a_gateway_said_is_shown() -> None:
    """`Provider returned error` helps nobody."""
    raw = json.dumps(openai("max_tokens must be at least 1"))
    assert "max_tokens must be at least 1" in str(
        error(400, {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": raw}}})
    )


def test_a_page_is_cut_down_to_its_title() -> None:
    """Proxies answer with pages of HTML."""
    page = (
        "<!DOCTYPE html><html><head><style>body{}</style><title>504 Gateway &amp; Time-out</title></head><body>"
        + "x" * 5000
        + "</body></html>"
    )
    assert str(error(504, page)) == "acme: 504 Gateway & Time-out"
    assert str(error(500, "<html><body><script>evil()</script><p>It broke</p></body></html>")) == "acme: It broke"


def test_keys_that_a_body_echoes_are_hidden_and_long_texts_cut() -> None:
    """Errors are stored in the books and shown in shared notebooks."""
    text = str(error(401, openai(f"Incorrect API key provided: {KEY}. Authorization: Bearer {KEY} " + "bla " * 500)))
    assert KEY not in text
    assert len(text) < 420


def test_hints_say_what_to_do() -> None:
    """An error that ends in what to type is half solved."""
    assert "api_key_env" in str(error(401, openai("bad key")))
    assert "id of the model" in str(error(404, openai("no such model")))
    assert "base_url" in str(error(308, ""))
    assert "ollama pull" in str(
        Translator("o", clock=lambda: 0.0, hints={"not_found": "Fetch it: ollama pull NAME"}).response(404, headers={}, body=b"{}")
    )


@pytest.mark.parametrize(
    ("value", "has_started", "kind"),
    [
        ({"error": {"message": "overloaded", "type": "overloaded_error"}}, False, Unavailable),
        ({"error": {"message": "overloaded", "type": "overloaded_error"}}, True, StreamBroken),
        ({"error": {"message": "slow down", "code": 429}}, False, RateLimited),
        ({"error": {"message": "slow down", "type": "rate_limit_error"}}, True, RateLimited),
        ({"error": {"message": "Key invalid", "type": "authentication_error"}}, False, AuthFailed),
        ({"error": {"message": "bad schema", "type": "invalid_request_error"}}, False, BadRequest),
        ({"error": {"message": "too long", "code": "context_length_exceeded"}}, False, ContextOverflow),
        ({"error": {"message": "filtered", "code": "content_filter"}}, True, Refused),
        ({"error": "llama runner process has terminated: signal: killed"}, False, Unavailable),
        ({"error": "an error was encountered while running the model"}, True, StreamBroken),
        ({"error": {"code": 502, "message": "Provider disconnected"}}, True, StreamBroken),
        ({"error": {}}, False, Unavailable),
    ],
)  # fmt: skip
def test_errors_inside_of_a_stream_are_told_apart_by_name(value: Any, has_started: bool, kind: type[ProviderError]) -> None:  # noqa: ANN401, FBT001
    """There is no status inside; after the first token most of them only mean that the stream broke."""
    assert type(TRANSLATOR.event(value, headers={}, has_started=has_started)) is kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["429", "insufficient_quota", "PerDay", "limit: 0"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["error", "message", "type", "code", "details", "metadata", "raw", "headers", "violations", "quotaId", "retryDelay", "detail", "status"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(value=JSON, status=st.sampled_from([301, 400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529]), has_started=st.booleans())
def test_no_json_raises_anything(value: Any, status: int, has_started: bool) -> None:  # noqa: ANN401, FBT001
    """Whatever shape an error has, it becomes one of ours."""
    assert isinstance(error(status, value), ProviderError)
    assert isinstance(TRANSLATOR.event(value, headers={}, has_started=has_started), ProviderError)


@given(
    body=st.binary(max_size=200),
    headers=st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "date"]), st.text(max_size=20)),
)
def test_no_bytes_and_headers_raise_anything(body: bytes, headers: dict[str, str]) -> None:
    """Nor does what is no JSON."""
    assert isinstance(TRANSLATOR.response(429, headers=headers, body=body), RateLimited)
    assert isinstance(TRANSLATOR.response(200, headers=headers, body=b"<html>" + body), ProviderError)


def test_deeply_nested_json_is_an_error_like_any_other() -> None:
    """A server could try to exhaust the stack."""
    assert isinstance(error(500, b"[" * 50_000), Unavailable)
    assert isinstance(error(500, b'{"error":' * 20_000), Unavailable)
    nested = '{"error":"x"}'
    for _ in range(12):
        nested = json.dumps({"error": nested})
    assert isinstance(error(500, nested), Unavailable)
