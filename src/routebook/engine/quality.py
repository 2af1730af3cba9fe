"""Is the answer good enough? What a request or its route asks of it: words that look like a refusal, a schema, a check.

Checks run beside the loop, with a time limit: a schema may be large, and a check of the user's own may do anything.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec

from routebook.config.values import Route
from routebook.engine.aside import aside
from routebook.engine.turn import Outcome
from routebook.errors import LowQuality, Refused, RoutebookError, UsageError
from routebook.messages import Request
from routebook.text import fenced_code

LIMIT_S: Final = 10.0
"""For one check; one that does not end in it counts as failed, because what hangs most often is code of the answer."""
LOADING_S: Final = 60.0
"""For the modules that a check needs."""
OPENING: Final = 300
"""Characters of an answer in which words of refusal count: a refusal says so at once, and later the words may be quoted."""
MOST_SAID: Final = 200
_PLAIN: Final = str.maketrans("\u2019\u2018\u00a0", "'' ")

Verdict = str | None
"""What is wrong with an answer, or `None`."""
Look = Callable[[str], Verdict]


@dataclass(slots=True)
class Quality:
    """The checks of one request."""

    phrases: tuple[str, ...]
    looks: list[tuple[str, Look]] = field(default_factory=list)
    """Each by its name; they see the text."""
    is_complete_asked: bool = False
    limit_s: float = LIMIT_S
    until: float = math.inf
    """The request's deadline, in the loop's time: a check must end before it too."""

    async def __call__(self, outcome: Outcome) -> RoutebookError | None:
        """What is wrong with an answer, by the first check that it fails."""
        text = outcome.text
        if (phrase := _phrase_in(text, self.phrases)) is not None:
            outcome.notes += (f"{outcome.attempt.model} declined, as its words say ({phrase!r}): this is a guess.",)
            return Refused(f"it says {phrase!r}; that it declined is a guess.", is_guess=True)
        is_cut = outcome.finish is not None and outcome.finish.reason == "length"
        for name, look in self.looks:
            flaw = await self._verdict(name, partial(look, text))
            if flaw is not None:
                flaw = f"{flaw} It was cut at the longest answer allowed: raise --max-tokens." if is_cut else flaw
                return LowQuality(flaw, check=name, text=text)
        if self.is_complete_asked and is_cut:
            return LowQuality("it was cut at the longest answer allowed.", check="complete", text=text)
        return None

    async def _verdict(self, name: str, look: Callable[[], Verdict]) -> Verdict:
        limit_s = min(self.limit_s, max(0.0, self.until - asyncio.get_running_loop().time()))
        try:
            return await aside(look, limit_s=limit_s)
        except TimeoutError:
            return f"the check {name!r} did not end within {limit_s:.3g} s."
        except RoutebookError:
            raise
        except Exception as error:  # noqa: BLE001  a check of the user's own: what it raises is what it says
            said = str(error).strip()
            return _short(f"{type(error).__name__}: {said}" if said else f"{type(error).__name__}.")


async def quality_of(route: Route, request: Request, *, until: float = math.inf) -> Quality | None:
    """The checks that a request's answer must pass; `None` when nothing is asked of it. `until` is the request's deadline, in the loop's time.

    Raises:
        UsageError: the schema is none, or the route's function cannot be found; before anything is sent.
    """
    asked, phrases = route.on_low_quality, route.on_refusal.phrases if route.on_refusal else ()
    schema = request.params.json_schema
    if asked is None and not phrases and schema is None:
        return None
    quality = Quality(phrases=phrases, until=until)
    if schema is not None:
        look = (
            partial(_fits_model, request.shape)
            if request.shape is not None
            else await aside(partial(_validator, schema), limit_s=LOADING_S)
        )
        quality.looks.append(("schema", look))
    match asked.check if asked else None:
        case None | "schema":  # the schema is checked wherever there is one
            pass
        case "complete":
            quality.is_complete_asked = True
        case "non_empty":
            quality.looks.append(("non_empty", _is_empty))
        case "json":
            quality.looks.append(("json", _is_no_json))
        case str(name):
            quality.looks.append((name, partial(_by_function, await _loaded(name))))
    return quality


def _phrase_in(text: str, phrases: tuple[str, ...]) -> str | None:
    """The first of the phrases that the answer opens with, however it is spaced and set."""
    if not phrases:
        return None
    opening = _flat(text.lstrip()[:OPENING])
    return next((phrase for phrase in phrases if _flat(phrase) and _flat(phrase) in opening), None)


def _flat(text: str) -> str:
    return " ".join(text.translate(_PLAIN).casefold().split())


def _is_empty(text: str) -> Verdict:
    return None if text.strip() else "it is empty."


def _json_of(text: str) -> bytes:
    """The part of an answer that `Answer.json()` reads."""
    blocks = fenced_code(text)
    return ("\n\n".join(blocks) if blocks else text).strip().encode("utf-8", "replace")


def _is_no_json(text: str) -> Verdict:
    try:
        msgspec.json.decode(_json_of(text))
    except (msgspec.DecodeError, RecursionError) as error:
        return _short(f"it is not JSON ({error}).")
    return None


def _validator(schema: Any) -> Look:  # noqa: ANN401  a JSON schema
    """A check by a JSON schema; one that points elsewhere is not fetched."""
    from jsonschema.exceptions import SchemaError, best_match  # type: ignore[import-untyped]  # these take a moment to load
    from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        where = ".".join(map(str, error.absolute_path))
        raise UsageError(_short(f"The schema is no JSON schema: {f'{where}: ' if where else ''}{error.message}")) from error
    validator = kind(schema, registry=REGISTRY)

    def look(text: str) -> Verdict:
        if (flaw := _is_no_json(text)) is not None:
            return flaw
        value = msgspec.json.decode(_json_of(text))
        try:
            found = best_match(validator.iter_errors(value))
        except Exception as error:  # a reference that leads nowhere, a pattern that is none
            raise UsageError(_short(f"The schema cannot be applied: {error}")) from error
        return None if found is None else _short(f"{_path(found.absolute_path)}{found.message}.")

    return look


def _fits_model(shape: Any, text: str) -> Verdict:  # noqa: ANN401  a pydantic model
    """A check by a pydantic model, its own validators included."""
    try:
        shape.model_validate_json(_json_of(text))
    except ValueError as error:
        errors = error.errors() if hasattr(error, "errors") else []
        return _short(f"{_path(errors[0]['loc'])}{errors[0]['msg']}." if errors else f"{error}.")
    return None


async def _loaded(name: str) -> Callable[[str], object]:
    """The route's own function, from a module that may be anything."""
    module, _, function = name.partition(":")
    try:
        found = getattr(await aside(partial(importlib.import_module, module), limit_s=LOADING_S), function)
    except Exception as error:  # a module of the user's own may fail in any way
        said = _short(str(error) or type(error).__name__)
        raise UsageError(
            f"on_low_quality.check names {name!r}, which cannot be loaded: {said}. "
            f"The module must be importable here; a function of the notebook itself is '__main__:{function}'."
        ) from error
    if not callable(found):
        raise UsageError(f"on_low_quality.check names {name!r}, which is no function.")
    return found  # type: ignore[no-any-return]  # whatever is callable


def _by_function(function: Callable[[str], object], text: str) -> Verdict:
    """What a function of the user's says: true or nothing is well, false or a text is not."""
    said = function(text)
    if inspect.iscoroutine(said):
        said = asyncio.run(said)
    if isinstance(said, str):
        return _short(said) or None
    return None if said is None or said else "it says no."


def _path(parts: Any) -> str:  # noqa: ANN401  keys and indices
    where = ".".join(map(str, parts))
    return f"{where}: " if where else ""


def _short(text: str) -> str:
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}…"
