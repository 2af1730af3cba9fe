"""The one seam where what providers and sockets say becomes our errors.

Each provider has its own words for the same few things. What they say is matched here and nowhere else: by HTTP status first, then by the
names that providers give their errors, then by the texts known from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from routebook.backends.redact import redacted
from routebook.backends.said import Said, said, said_in
from routebook.backends.waits import Clock, google_day_s, stated_s
from routebook.errors import AuthFailed, BadRequest, ContextOverflow, ProviderError, RateLimited, Refused, StreamBroken, Unavailable

_OVERFLOW = re.compile(
    r"context[_ ]length|context_size|context window|maximum context|prompt is too long|(?:input|prompt) (?:token count|length|is too long)[^.]*exceed"
    r"|exceeds? the (?:available |maximum )?(?:context|number of tokens allowed)|input length and `?max_tokens`? exceed|too many input tokens"
    r"|reduce the length of the (?:messages|prompt|input)|longer than (?:the )?context|request too large for model",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"insufficient[_ ](?:quota|credits?|balance|funds)|billing[_ ](?:hard[_ ]limit|not[_ ]active|error)|credit balance is too low|exceeded_current_quota"
    r"|exceeded your monthly included credits|out of credits|payment required|\blimit:\s?0(?![\d.])",
    re.IGNORECASE,
)
_DAILY = re.compile(r"per[-_ ]?day|\bdaily\b|\b[rt]pd\b|requests?[-_/ ]day\b", re.IGNORECASE)
_GOOGLE_DAY = re.compile(r"PerDay")
"""In a `quotaId`."""
_REFUSED = re.compile(
    r"content[_ ]?filter|content_policy|responsibleaipolicy|prohibited_content|\bsafety\b.*\b(?:block|filter|system|settings)|flagged (?:by|as|for)"
    r"|moderation|invalid_prompt|violat\w+ (?:our|the) (?:usage|content) polic",
    re.IGNORECASE,
)
_LIMITED = re.compile(r"rate[_ ]?limit|too[_ ]many[_ ]requests|resource_exhausted|quota", re.IGNORECASE)
_BAD_KEY = re.compile(
    r"api[_ ]key[_ ](?:not[_ ]valid|invalid|expired)|invalid[_ ]api[_ ]key|unauthorized|authentication|permission", re.IGNORECASE
)
_OVERLOADED = re.compile(r"overloaded|unavailable|server_error|api_error|internal|timeout|bad_gateway|loading model", re.IGNORECASE)

_HINTS = {
    "key": "Check the variable that api_key_env names, and that the key may use this model.",
    "overflow": "",
    "not_found": "Check id of the model and base_url of the provider in routing.toml.",
    "moved": "Put the new address into base_url; redirections are not followed, because they would carry the key along.",
    "loading": "It loads its model; try again in a moment.",
    "final": "Waiting does not help: the account has no quota or credit left for it.",
}
_BUSY = frozenset({408, 409, 425, 498, 499})
_HEADER = re.compile(r"rate-?limit|retry-after")


def limit_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that speak of limits, of headers with names in lower case."""
    return {name: value for name, value in headers.items() if _HEADER.search(name)}


class Translator:
    """Makes errors out of what one provider says."""

    def __init__(self, provider: str, *, clock: Clock, secret: str | None = None, hints: Mapping[str, str] | None = None) -> None:
        """Prepare for one provider.

        Args:
            provider: its name in `routing.toml`.
            clock: for waits that are stated as a date.
            secret: the key sent to it, which no message will show.
            hints: what to do about `overflow` and `not_found` where the provider's kind knows better than the usual hint.
        """
        self.provider, self._clock, self._secret = provider, clock, secret
        self._hints = {**_HINTS, **(hints or {})}

    def __repr__(self) -> str:
        return f"Translator({self.provider!r})"

    def response(self, status: int, *, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Translate a response that failed; header names in lower case."""
        return self._error(said(body), status=status, headers=headers)

    def event(self, value: object, *, headers: Mapping[str, str], has_started: bool) -> ProviderError:
        """Translate an error inside of a stream, or of a 200; after the first token it breaks the stream unless its kind matters more."""
        what = said_in(value)
        error = self._error(what, status=what.status, headers=headers)
        if has_started and not isinstance(error, (RateLimited, Refused)):
            return StreamBroken(self.text(what.text) or "an error came inside of the stream.", provider=self.provider, status=error.status)
        return error

    def broken(self, what: str, *, hint: str = "") -> StreamBroken:
        """Return the error of a stream that is not what it should be."""
        return StreamBroken(self.text(what), provider=self.provider, hint=hint)

    def malformed(self, data: bytes, error: Exception) -> StreamBroken:
        """Return the error of data that cannot be read."""
        return self.broken(f"an event is malformed ({error}): {data[:80].decode('utf-8', 'replace')!r}.")

    def empty(self) -> StreamBroken:
        """Return the error of an answer without any content."""
        return StreamBroken("the answer is empty.", provider=self.provider)

    def text(self, text: str) -> str:
        """Return a foreign text as it may be shown."""
        return redacted(text, secret=self._secret)

    def _error(self, what: Said, *, status: int | None, headers: Mapping[str, str]) -> ProviderError:
        kept = limit_headers({**what.headers, **headers})
        message = (
            self.text(what.text)
            or self.text(" ".join(what.names))
            or (f"HTTP status {status}, without a word." if status else "an error without a word.")
        )
        everything = " ".join((*what.names, what.text))
        kind = _kind(everything, names=" ".join(what.names), status=status)
        if kind is RateLimited:
            return self._rate_limited(what, message=message, status=status, headers=kept | _date(headers))
        if kind is Refused:
            return Refused(message, provider=self.provider, category=what.names[0] if what.names else None)
        hint = self._hint(kind, status=status, names=everything)
        error = kind(_sentence(message) if hint else message, provider=self.provider, status=status, headers=kept, hint=hint)
        is_busy = kind is Unavailable  # of other errors the words are about something else
        error.retry_after_s = stated_s(
            {**_only_retry(kept), **_date(headers)},
            text=what.text if is_busy else "",
            delay=_retry_delay(what) if is_busy else None,
            clock=self._clock,
        )
        return error

    def _hint(self, kind: type[ProviderError], *, status: int | None, names: str) -> str:
        if kind is AuthFailed:
            return self._hints["key"]
        if kind is ContextOverflow:
            return self._hints["overflow"]
        if status == 404:  # noqa: PLR2004 - Not Found
            return self._hints["not_found"]
        if status is not None and status < 400:  # noqa: PLR2004 - a redirection
            return self._hints["moved"]
        return self._hints["loading"] if "loading model" in names.lower() else ""

    def _rate_limited(self, what: Said, *, message: str, status: int | None, headers: Mapping[str, str]) -> RateLimited:
        quotas = " ".join(_quota_ids(what))
        everything = " ".join((*what.names, what.text, quotas))
        is_final = bool(_FINAL.search(everything)) or status == 402  # noqa: PLR2004 - Payment Required
        return RateLimited(
            _sentence(message) if is_final else message,
            provider=self.provider,
            status=status,
            headers=limit_headers(headers),
            hint=self._hints["final"] if is_final else "",
            retry_after_s=google_day_s(self._clock)
            if _GOOGLE_DAY.search(quotas)
            else stated_s(headers, text=what.text, delay=_retry_delay(what), clock=self._clock),
            is_daily=bool(_DAILY.search(everything)) or _has_spent_day(headers),
            is_final=is_final,
        )


def _kind(everything: str, *, names: str, status: int | None) -> type[ProviderError]:
    """Choose the error: what the texts say for sure, then the status, then, for errors inside of a stream, the names."""
    if status in (400, 403, 413, 422, 429, 500, None):
        if _OVERFLOW.search(everything):
            return ContextOverflow
        if status not in (429, 500) and _REFUSED.search(everything):
            return Refused
        if status not in (429, 500) and _FINAL.search(everything):
            return RateLimited
    if status is None:
        return _kind_by_name(names or everything)
    return _kind_by_status(status, everything=everything)


def _kind_by_status(status: int, *, everything: str) -> type[ProviderError]:
    if status in (402, 429):
        return RateLimited
    if status in (401, 403) or (status == 400 and _BAD_KEY.search(everything)):  # noqa: PLR2004 - Gemini's answer to a wrong key
        return AuthFailed
    if status >= 500 or status in _BUSY:  # noqa: PLR2004 - the server's fault
        return Unavailable
    return BadRequest


def _kind_by_name(names: str) -> type[ProviderError]:
    for pattern, kind in ((_LIMITED, RateLimited), (_OVERLOADED, Unavailable), (_BAD_KEY, AuthFailed)):
        if pattern.search(names):
            return kind
    return BadRequest if "invalid" in names or "not_found" in names else Unavailable


def _sentence(message: str) -> str:
    """Close a sentence before another follows it."""
    return message if message.endswith((".", "!", "?", "…")) else f"{message}."


def _quota_ids(what: Said) -> Iterable[str]:
    """Return Gemini's names of the quotas that are spent: `GenerateRequestsPerDayPerProjectPerModel-FreeTier`."""
    for detail in what.details:
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict):
                yield f"{violation.get('quotaId', '')} {violation.get('quotaMetric', '')}"


def _retry_delay(what: Said) -> str | None:
    delays = [detail["retryDelay"] for detail in what.details if isinstance(detail.get("retryDelay"), str)]
    return delays[0] if delays else None


def _has_spent_day(headers: Mapping[str, str]) -> bool:
    """Cerebras names its limits by the day: `x-ratelimit-remaining-requests-day: 0`."""
    return any(name.endswith("-day") and "remaining" in name and value.strip() in ("0", "0.0") for name, value in headers.items())


def _date(headers: Mapping[str, str]) -> dict[str, str]:
    return {"date": headers["date"]} if "date" in headers else {}


def _only_retry(headers: Mapping[str, str]) -> dict[str, str]:
    """Of an error other than 429 only what it says itself counts, not the state of limits that did not cause it."""
    return {name: value for name, value in headers.items() if "retry-after" in name}
