"""Tab in a `%%route` line: options, models, pools, routes, tasks. In the prompt below it: nothing, because prose is not Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from routebook.engine.toolbox.tool import registered
from routebook.errors import RoutebookError
from routebook.labels import TASKS
from routebook.notebook.options import OPTIONS
from routebook.notebook.session import Session
from routebook.notebook.subcommands import SUBCOMMANDS

if TYPE_CHECKING:
    from routebook.config.values import Config

CELL: Final = re.compile(r"\s*%%route(?!\S)")
LINE: Final = re.compile(r"\s*%route(?!\S)")
LISTS: Final = ("--compare", "--ensemble", "--tools")
"""Options that take names with commas between them."""
NAMES: Final = {"--task": "tasks", "--model": "models", "--agent": "agents"}
"""What the flags of subcommands name."""
NAMED: Final = re.compile(r"\{\{[ \t]*(\w*)$")


class Silence(Sequence[SimpleCompletion]):
    """No completions, but counted as one: IPython silences the other matchers only for one that found something."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401  the base's own signature
        raise IndexError(index)


class Completer:
    """Completes with the names of the session's config."""

    def __init__(self, session: Session) -> None:
        """`session` gives the names."""
        self._session = session

    def matcher(self) -> Any:  # noqa: ANN401  IPython has no types
        """What IPython calls: a function of its own, because a method cannot carry a matcher's attributes."""

        @context_matcher(identifier="routebook", priority=1000)  # type: ignore[untyped-decorator]  # IPython has no types
        def match(context: CompletionContext) -> dict[str, Any]:
            return self.match(context)

        return match

    def match(self, context: CompletionContext) -> dict[str, Any]:
        """What may come next; other matchers are silenced on the lines that are ours."""
        is_cell, is_line = CELL.match(context.full_text), LINE.match(context.line_with_cursor)
        before = context.line_with_cursor[: context.cursor_position]
        if not is_cell and not is_line:
            return {"completions": [], "suppress": False}
        if is_cell and context.cursor_line > context.full_text[: is_cell.end()].count("\n"):
            return self._in_prompt(before)
        words, fragment = _parted(before)
        found = [SimpleCompletion(text, type=kind) for text, kind in self._choices(words) if text.startswith(fragment)]
        return _only(found, fragment=fragment) if words else {"completions": [], "suppress": False}

    def _in_prompt(self, before: str) -> dict[str, Any]:
        """Variables inside `{{`, and nothing elsewhere."""
        inside = NAMED.search(before)
        fragment = inside[1] if inside else ""
        found = [SimpleCompletion(name, type="variable") for name in self._session.names if inside and name.startswith(fragment)]
        return _only(found, fragment=fragment)

    def _choices(self, words: list[str]) -> Iterable[tuple[str, str]]:
        """What may come next after these words; nothing while the magic's own name is typed."""
        if not words:
            return
        if words[0] == "%route":
            yield from self._subcommand_choices(words[1:])
            return
        flag = words[-1]
        option = next((option for option in OPTIONS if flag in option.flags), None)
        if option is None or option.is_switch:
            yield from ((text, "option") for option in OPTIONS for text in option.flags if text not in words)
        elif option.choices:
            yield from ((choice, "value") for choice in option.choices)
        elif option.names:
            yield from ((name, option.names.rstrip("s")) for name in self._names(option.names))

    def _subcommand_choices(self, words: list[str]) -> Iterable[tuple[str, str]]:
        """The subcommands, or what the one that is typed takes."""
        if not words:
            yield from ((subcommand.name, "subcommand") for subcommand in SUBCOMMANDS)
            return
        offered = next((subcommand.words for subcommand in SUBCOMMANDS if subcommand.name == words[0]), ())
        flag = words[-1]
        if flag in NAMES and flag in offered:
            yield from ((name, NAMES[flag].rstrip("s")) for name in self._names(NAMES[flag]))
        elif len(words) == 1 or (flag not in offered and words[-2] in offered):  # behind a flag's value other flags may follow
            yield from ((word, "value") for word in offered if word not in words)

    def _config(self) -> Config:
        """The config in use; before the first cell only the file is read, because a page waits a second for completions, and a router takes longer."""
        if not self._session.has_router:
            from routebook.config.read import load

            return load().config
        router = self._session.router
        return router.runtime().config if router.is_open else router.config

    def _names(self, kind: str) -> Iterable[str]:
        """The names of the config, discovered models too once a cell has run; none while `routing.toml` is wrong, which a cell will say."""
        try:
            config = self._config()
        except RoutebookError:
            return []
        return {
            "models": [*config.models, *config.pools],
            "routes": [route.name for route in config.routes],
            "pipelines": list(config.pipelines),
            "tasks": [*TASKS, *config.tasks],
            "agents": list(config.agents),
            "tools": ["all", "none", *config.tools, *registered()],
        }[kind]


def _parted(before: str) -> tuple[list[str], str]:
    """The words before the cursor, and the piece that is being typed: of `--model=NAME` the name, of `--compare A,B` the last of the names."""
    typed = re.search(r"\S*$", before)
    fragment = typed[0] if typed else ""
    words = before[: len(before) - len(fragment)].split()
    flag, equals, value = fragment.partition("=")
    if equals and flag.startswith("--"):
        words, fragment = [*words, flag], value
    if words and words[-1] in LISTS:
        fragment = fragment.rpartition(",")[2]
    return words, fragment


def _only(found: Sequence[SimpleCompletion], *, fragment: str) -> dict[str, Any]:
    """These and nothing else."""
    return {"completions": found or Silence(), "suppress": True, "matched_fragment": fragment, "ordered": True}
