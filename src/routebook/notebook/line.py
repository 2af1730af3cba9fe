"""The words of a magic's line: split as a shell splits them, parsed, and every mistake answered in plain words."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from routebook.errors import UsageError
from routebook.near import did_you_mean

_OF_ONE: Final = re.compile(r"argument (?:\S+/)?(-[\w-]+): (.*)", re.DOTALL)
_NO_VALUE: Final = "expected one argument"
_A_VALUE: Final = "ignored explicit argument"


class LineParser(argparse.ArgumentParser):
    """Parses the words behind a magic's name; raises `UsageError` instead of leaving the process."""

    def __init__(self, name: str, *, more: str = "", stray: str = "") -> None:
        """Makes the parser of one magic.

        Args:
            name: as it is typed.
            more: a sentence where to read on, at the end of what is said.
            stray: what to do with a word that belongs to no option.
        """
        super().__init__(prog=name, add_help=False, allow_abbrev=False)
        self._more, self._stray = more, stray
        self.flags: list[str] = []

    def take(self, *flags: str, **how: Any) -> None:  # noqa: ANN401  what argparse takes
        """Add an option, or a word that stands by itself."""
        self.flags += [flag for flag in flags if flag.startswith("-")]
        self.add_argument(*flags, **how)

    def read(self, text: str) -> argparse.Namespace:
        """Parse a line.

        Raises:
            UsageError: a quote is not closed, an option is unknown, lacks its value, or its value is not of the right kind.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"The {self.prog} line has a quote that is not closed: {text.strip()!r}. {self._stray}".strip()) from error
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the line, with the nearest right option."""
        _, _, unknown = message.partition("unrecognized arguments: ")
        first = unknown.partition(" ")[0]
        if first.startswith("-"):
            said = f"There is no option {first}. {did_you_mean(first, self.flags)}"
        elif unknown:
            said = f"{unknown!r} stands on the {self.prog} line and belongs to nothing there. {self._stray}"
        elif found := _OF_ONE.fullmatch(message):
            flag, wrong = found.groups()
            plain = "needs a value" if wrong == _NO_VALUE else "takes no value" if wrong.startswith(_A_VALUE) else wrong
            said = f"{flag} {plain}."
        else:
            said = f"{message[0].upper()}{message[1:]}."
        raise UsageError(f"{said.strip()} {self._more}".strip())


def number(text: str) -> float:
    """An option's number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"takes a number, not {text!r}") from None


def whole(text: str) -> int:
    """An option's whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"takes a whole number, not {text!r}") from None


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """Return what reads an option that takes one of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"takes {', '.join(choices[:-1])} or {choices[-1]}, not {text!r}")
        return text

    return read
