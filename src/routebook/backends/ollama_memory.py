"""Ollama's memory: what is loaded, unloading it, and pulling models, through its official client. What it is for: `residents.py`."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import ollama

from routebook.backends.counts import count
from routebook.backends.http import Http
from routebook.backends.listing import LIST_CONNECT_S
from routebook.backends.ollama_transport import OllamaTransport
from routebook.backends.residents import Pulled, Resident
from routebook.errors import ProviderError, PullFailed

_ANSWER_BYTES: Final = 1.1
"""Of a file on disk so much is needed in memory: a tenth for the context, before Ollama has told."""
_UNKNOWN: Final = ("pull model manifest", "file does not exist", "not found")
_NO_SPACE: Final = ("no space left", "not enough space", "disk full", "insufficient disk")


def resident(entry: Mapping[str, Any]) -> Resident | None:
    """One entry of `/api/ps`; `None` for what is none."""
    name = entry.get("name") or entry.get("model")
    if not isinstance(name, str):
        return None
    return Resident(id=name, size_bytes=count(entry.get("size")) or count(entry.get("size_vram")), until=_time(entry.get("expires_at")))


def sizes(tags: list[dict[str, Any]]) -> dict[str, int]:
    """The models of `/api/tags`, each with about what it takes when loaded."""
    return {entry["name"]: round((count(entry.get("size")) or 0) * _ANSWER_BYTES) for entry in tags if isinstance(entry.get("name"), str)}


async def unload(http: Http, model_id: str, *, local: bool) -> None:
    """Ask for a model to leave, which it does when the calls to it have ended."""
    with contextlib.suppress(_NotThere), _translated(http, model_id):
        await _client(http, local=local).generate(model=model_id, keep_alive=0)


async def pull(http: Http, model_id: str, *, local: bool) -> AsyncGenerator[Pulled]:
    """See `Residents.pull`. Its layers come one after the other; what is told is their sum, as far as they are known."""
    layers: dict[str, tuple[int, int]] = {}
    with _translated(http, model_id):
        parts = await _client(http, local=local).pull(model_id, stream=True)
        async with contextlib.aclosing(parts):  # type: ignore[type-var] # a generator, typed as an iterator
            async for part in parts:
                if part.digest:
                    layers[part.digest] = (part.completed or 0, part.total or 0)
                yield Pulled(
                    status=part.status or "",
                    done_bytes=sum(done for done, _ in layers.values()),
                    total_bytes=sum(total for _, total in layers.values()),
                )
                if part.status == "success":
                    return
    raise PullFailed(
        f"the pull of {model_id} ended before its end was said.", provider=http.errors.provider, hint=f"ollama pull {model_id}"
    )


class _NotThere(Exception):
    """A model that is to leave does not exist."""


def _client(http: Http, *, local: bool) -> ollama.AsyncClient:
    return ollama.AsyncClient(host="http://ollama", transport=OllamaTransport(http, local=local, connect_s=LIST_CONNECT_S))


@contextlib.contextmanager
def _translated(http: Http, model_id: str) -> Any:  # noqa: ANN401  a context manager's
    """What the client raises, and what Ollama says in our errors."""
    try:
        yield
    except ollama.ResponseError as error:
        raise pull_failed(http, model_id, error.error) from error
    except ProviderError as error:
        if error.status == 404:  # noqa: PLR2004  HTTP's
            raise _NotThere from error
        raise
    except (ValueError, TypeError, AttributeError, RecursionError) as error:  # what the client's reading of a malformed line ends in
        raise http.errors.broken(f"an answer about {model_id} is malformed ({str(error).partition(chr(10))[0]}).") from error


def pull_failed(http: Http, model_id: str, said: str) -> PullFailed:
    """Why a model could not be fetched, and what to do about it."""
    text, name = http.errors.text(said).rstrip("."), http.errors.provider
    if any(words in said.lower() for words in _NO_SPACE):
        hint = "Free some space where Ollama keeps its models (ollama list shows them; ollama rm NAME removes one)."
        return PullFailed(f"there is no space for {model_id}: {text}.", provider=name, hint=hint)
    if any(words in said.lower() for words in _UNKNOWN):
        return PullFailed(
            f"there is no model {model_id!r} to pull: {text}.", provider=name, hint="Set id of the model to a name of ollama.com/library."
        )
    return PullFailed(f"{model_id} could not be pulled: {text}.", provider=name, hint=f"Try it by hand: ollama pull {model_id}")


def _time(text: object) -> dt.datetime | None:
    """Go's RFC 3339, whose nanoseconds Python does not read; `None` for what is none."""
    if not isinstance(text, str):
        return None
    day, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    try:
        found = dt.datetime.fromisoformat(f"{day}.{rest[:6] if digits > 6 else rest[:digits]}{rest[digits:]}" if dot else text)  # noqa: PLR2004  microseconds
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
