"""Which route a prompt takes: the first whose conditions all hold, else the default."""

from __future__ import annotations

import re

from routebook.config.values import Config, Route
from routebook.messages import Classification, Priority, Request

LEAST_CONFIDENCE = 0.4
"""Below it a classification counts as no signal: only routes that ask nothing of the task or its difficulty may match."""

_FILE = re.compile(
    r"(?<![\w/.])[\w./-]*\w\.(?:py|ipynb|js|jsx|ts|tsx|java|kt|go|rs|c|h|cc|cpp|hpp|cs|rb|php|swift|scala|sql|sh|toml|ya?ml|json|md|txt|csv|html|css)\b"
)


def choose_route(config: Config, request: Request, seen: Classification, *, input_tokens: int) -> tuple[Route, str]:
    """Return the route and why it was taken. The last route of a config is its default and always matches."""
    if request.route is not None:
        return next(route for route in config.routes if route.name == request.route), "you named it"
    n_files = len(set(_FILE.findall(request.text))) if any(route.min_files for route in config.routes) else 0
    is_sure = seen.confidence >= LEAST_CONFIDENCE or request.task is not None
    for route in config.routes[:-1]:
        if not is_sure and _asks_of_prompt(route, is_complexity_said=request.complexity is not None):
            continue
        why = _why(route, request, seen, input_tokens=input_tokens, n_files=n_files)
        if why is not None:
            return route, why
    default = config.routes[-1]
    if not is_sure:
        return default, f"no clear signal (confidence {seen.confidence:.2f}), so the default"
    return default, "no other route matched, so the default"


def _asks_of_prompt(route: Route, *, is_complexity_said: bool) -> bool:
    """Whether a route asks what only the classification can tell."""
    asks_complexity = route.complexity is not None and not is_complexity_said
    return bool(route.tasks) or asks_complexity or route.strength is not None or route.needs_tools is not None


def _why(route: Route, request: Request, seen: Classification, *, input_tokens: int, n_files: int) -> str | None:
    """The conditions that hold, in words; `None` when one does not."""
    if not _holds(route, request, seen, input_tokens=input_tokens, n_files=n_files):
        return None
    words: tuple[tuple[object, str], ...] = (
        (route.tasks or None, f"task is {seen.task}"),
        (route.complexity, f"complexity {seen.complexity:.0f}"),
        (route.strength, f"strength {seen.strength:.2f}"),
        (route.needs_tools, "needs tools" if seen.needs_tools else "needs no tools"),
        (route.min_tokens, f"at least {route.min_tokens} tokens"),
        (route.max_tokens, f"at most {route.max_tokens} tokens"),
        (route.min_files, f"names {n_files} files"),
        (route.agent, f"agent {request.agent}"),
    )
    return ", ".join(said for asked, said in words if asked is not None) or "it takes everything"


def _holds(route: Route, request: Request, seen: Classification, *, input_tokens: int, n_files: int) -> bool:
    return (
        (not route.tasks or seen.task in route.tasks)
        and _within(route.complexity, seen.complexity)
        and _within(route.strength, seen.strength)
        and (route.needs_tools is None or route.needs_tools == seen.needs_tools)
        and (route.min_tokens is None or input_tokens >= route.min_tokens)
        and (route.max_tokens is None or input_tokens <= route.max_tokens)
        and (route.min_files is None or n_files >= route.min_files)
        and (route.agent is None or route.agent == request.agent)
    )


def _within(span: tuple[float, float] | None, value: float) -> bool:
    return span is None or span[0] <= value <= span[1]


def priority_of(route: Route, request: Request) -> Priority:
    """The request's own priority, else its route's, else P2."""
    return request.priority or route.priority or "P2"
