"""A page of lines and tables: what most `%route` subcommands show."""

from __future__ import annotations

from dataclasses import dataclass

from routebook.notebook.inert import inert
from routebook.notebook.page import Bundle, template
from routebook.notebook.table import Table


@dataclass(frozen=True, slots=True)
class Heading:
    """A quiet line above what belongs to it."""

    text: str


Part = Heading | Table | str


def report(*parts: Part) -> Bundle:
    """Return headings, lines and tables as HTML and its twin in text."""
    html = template("report").substitute(parts="".join(map(_html, parts)))
    return {"text/html": html, "text/plain": "\n".join(map(_text, parts)).strip("\n")}


def _html(part: Part) -> str:
    match part:
        case Heading(text=text):
            return template("heading").substitute(text=inert(text))
        case Table():
            return part.html
        case str():
            return template("line").substitute(text=inert(part))


def _text(part: Part) -> str:
    match part:
        case Heading(text=text):
            return f"\n{text}"
        case Table():
            return part.text
        case str():
            return part
