"""What is filled in in the compare panel, checked, and the line that stays of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from routebook.errors import UsageError
from routebook.messages import Overrides
from routebook.notebook.page import Bundle
from routebook.notebook.report import Heading, report

if TYPE_CHECKING:
    from routebook.notebook.session import Session

_WILDEST: Final = 2.0
_LABELS: Final = {"temperature": "Temperature", "max_tokens": "Longest answer", "repeat": "Times each"}
_BEGINNING: Final = 200
"""Characters of a prompt that stay on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of the panel."""

    prompt: str = ""
    models: tuple[str, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    repeat: int = 1

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Form:
        """The fields as the page sends them: texts.

        Raises:
            UsageError: one of them is no number, or out of its range.
        """
        return cls(
            prompt=str(content.get("prompt", "")),
            models=tuple(str(name) for name in content.get("models", ())),
            temperature=_number(content, "temperature", low=0, high=_WILDEST),
            max_tokens=_whole(content, "max_tokens"),
            repeat=_whole(content, "repeat") or 1,
        )


def asked_by(form: Form, session: Session | None) -> Overrides:
    """The fields as options of a request."""
    asked = Overrides(temperature=form.temperature, max_tokens=form.max_tokens)
    if session is not None:
        asked["notebook"] = session.notebook
    return asked


def gone_page() -> Bundle:
    """What stands for controls that were saved alive."""
    return report(
        "The controls of this panel ended with their kernel. Answers, if any came, stand below; run the cell again for new controls."
    )


def closed_page(form: Form, *, verdicts: list[str]) -> Bundle:
    """What stays of the controls."""
    said = [", ".join(form.models) or "no models"]
    said += [f"temperature {form.temperature:g}"] if form.temperature is not None else []
    said += [f"at most {form.max_tokens:,} tokens"] if form.max_tokens is not None else []
    said += [f"each {form.repeat} times"] if form.repeat > 1 else []
    prompt = form.prompt.strip()
    short = prompt if len(prompt) <= _BEGINNING else f"{prompt[:_BEGINNING]} …"
    return report(Heading(" · ".join(["compared", *said, *verdicts])), short or "nothing was asked")


def _number(content: Mapping[str, Any], name: str, *, low: float, high: float) -> float | None:
    text = str(content.get(name, "") or "").strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UsageError(f"{_LABELS[name]} takes a number from {low:g} to {high:g}, and {text!r} is none.")
    return value


def _whole(content: Mapping[str, Any], name: str) -> int | None:
    text = str(content.get(name, "") or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise UsageError(f"{_LABELS[name]} takes a whole number above 0, and {text!r} is none.")
    return int(text)
