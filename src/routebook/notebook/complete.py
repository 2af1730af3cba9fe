"""Tab in a `%%route` line: options, models, pools, routes, tasks. In the prompt below it: nothing, because prose is not Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from routebook.labels import TASKS
from routebook.notebook.options import OPTIONS
from routebook.notebook.session import Session

LINE: Final = re.compile(r"%%?route\b")
NAMED: Final = re.compile(r"\{\{[ \t]*(\w*)$")
SUBCOMMANDS: Final = (
    "models",
    "status",
    "why",
    "cost",
    "frame",
    "doctor",
    "init",
    "setup",
    "plan",
    "reload",
    "good",
    "bad",
    "nest",
    "help",
)


class Completer:
    """Completes with the names of the session's config."""

    def __init__(self, session: Session) -> None:
        """`session` gives the names."""
        self._session = session

    def matcher(self) -> Any:  # noqa: ANN401  IPython has no types
        """What IPython calls: a function of its own, because a method cannot carry a matcher's attributes."""

        @context_matcher(identifier="routebook", priority=1000)
        def match(context: CompletionContext) -> dict[str, Any]:
            return self.match(context)

        return match

    def match(self, context: CompletionContext) -> dict[str, Any]:
        first = context.full_text.split("\n", 1)[0]
        if not LINE.match(first):
            return {"completions": [], "suppress": False}
        before = context.line_with_cursor[: context.cursor_position]
        if context.cursor_line > 0:
            return self._in_prompt(before)
        typed = re.search(r"\S*$", before)
        fragment = typed[0] if typed else ""
        words = before[: len(before) - len(fragment)].split()
        found = [SimpleCompletion(text, type=kind) for text, kind in self._choices(words) if text.startswith(fragment)]
        return {"completions": found, "suppress": True, "matched_fragment": fragment, "ordered": True}

    def _in_prompt(self, before: str) -> dict[str, Any]:
        """Variables inside `{{`, and nothing elsewhere."""
        inside = NAMED.search(before)
        names = [name for name in self._session.shell.user_ns if not name.startswith("_")] if inside else []
        fragment = inside[1] if inside else ""
        found = [SimpleCompletion(name, type="variable") for name in names if name.startswith(fragment)]
        return {"completions": found, "suppress": True, "matched_fragment": fragment}

    def _choices(self, words: list[str]) -> Iterable[tuple[str, str]]:
        """What may come next after these words."""
        if words[0] == "%route":
            if len(words) == 1:
                yield from ((name, "subcommand") for name in SUBCOMMANDS)
            return
        flag = words[-1]
        option = next((option for option in OPTIONS if flag in option.flags), None)
        if option is None or option.is_switch:
            yield from ((text, "option") for option in OPTIONS for text in option.flags if text not in words)
        elif option.choices:
            yield from ((choice, "value") for choice in option.choices)
        elif option.names:
            yield from ((name, option.names.rstrip("s")) for name in self._names(option.names))

    def _names(self, kind: str) -> Iterable[str]:
        """The names of the config; discovered models too once a cell has run."""
        router = self._session.router
        config = router.runtime().config if self._session.has_router and router.is_open else router.config
        return {
            "models": [*config.models, *config.pools],
            "routes": [route.name for route in config.routes],
            "tasks": [*TASKS, *config.tasks],
            "agents": list(config.agents),
        }[kind]
