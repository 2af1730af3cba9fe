"""`@rb.tool`: a typed, documented function that models may ask to be run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import Any, Final, overload

from routebook.config.tool_entry import ToolEntry
from routebook.engine.toolbox.signature import Read, read_signature
from routebook.errors import UsageError
from routebook.messages import ToolNote, ToolSpec

TIMEOUT_S: Final = 30.0
MAX_BYTES: Final = 20_000
"""Of a result that a model is given: some 5,000 tokens."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_registered: dict[str, Tool] = {}


@dataclass(eq=False)
class Tool:
    """A function with what a model is told of it. Calling it calls the function."""

    function: Callable[..., Any]
    spec: ToolSpec
    read: Read
    confirm: bool = False
    timeout_s: float = TIMEOUT_S
    max_bytes: int = MAX_BYTES
    network: bool = False
    cache: bool = False
    fallbacks: tuple[str | Tool, ...] = ()

    def __post_init__(self) -> None:
        """Look like the function: its docstring is the tool's."""
        update_wrapper(self, self.function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  the function's own
        """Call the function, as if it were no tool."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        """Its name."""
        return f"<tool {self.name}>"

    def __reduce__(self) -> tuple[Callable[..., Tool], tuple[Any, ...]]:
        """To other processes goes the function; what was read of it is of a type that is made anew there."""
        options = {key: getattr(self, key) for key in ("confirm", "timeout_s", "max_bytes", "network", "cache", "fallbacks")}
        return _read_again, (self.function, self.spec, options)

    @property
    def name(self) -> str:
        """As models call it."""
        return self.spec.name

    @property
    def note(self) -> ToolNote:
        """What a plan needs to know of it."""
        return ToolNote(name=self.name, network=self.network, cache=self.cache, own=self)

    def under(self, name: str, entry: ToolEntry) -> Tool:
        """The tool as an entry of `[tools]` names it, with what that says."""
        said = {
            key: value for key in ("confirm", "timeout_s", "max_bytes", "network", "cache") if (value := getattr(entry, key)) is not None
        }
        spec = ToolSpec(name=name, description=self.spec.description, parameters=self.spec.parameters)
        return replace(self, spec=spec, fallbacks=entry.fallbacks or self.fallbacks, **said)


@overload
def tool(function: Callable[..., Any]) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    confirm: bool = False,
    timeout_s: float = TIMEOUT_S,
    max_bytes: int = MAX_BYTES,
    network: bool = False,
    cache: bool = False,
    fallbacks: Sequence[str | Callable[..., Any]] = (),
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    confirm: bool = False,
    timeout_s: float = TIMEOUT_S,
    max_bytes: int = MAX_BYTES,
    network: bool = False,
    cache: bool = False,
    fallbacks: Sequence[str | Callable[..., Any]] = (),
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a function a tool: models are told its name, its docstring and its typed parameters, and may ask for it to be run.

        @rb.tool(network=True)
        def stock(symbol: str) -> float:
            "The last price of a share, in US dollars."

    Args:
        function: sync or async; with a docstring, and parameters of types that JSON has.
        name: as models call it; without it the function's own.
        confirm: ask the person before it runs; where nobody can be asked it is not run.
        timeout_s: it may take so long.
        max_bytes: the longest result that a model is given; the rest is cut.
        network: it sends something out of the machine, so it is left out behind the wall.
        cache: answers made with it may be kept by the cache.
        fallbacks: other tools, tried in order with the same arguments when this one fails.

    Raises:
        UsageError: the function cannot be a tool; says why.
    """

    def made(function: Callable[..., Any]) -> Tool:
        own = as_tool(
            function, name=name, confirm=confirm, timeout_s=timeout_s, max_bytes=max_bytes, network=network, cache=cache,
            fallbacks=tuple(each if isinstance(each, str) else as_tool(each) for each in fallbacks),
        )  # fmt: skip
        _registered[own.name] = own
        return own

    return made if function is None else made(function)


def as_tool(function: Callable[..., Any], *, name: str | None = None, **options: Any) -> Tool:  # noqa: ANN401  as in `Tool`
    """A function as a tool, which is not kept for `--tools`. Raises `UsageError` as `tool` does."""
    if isinstance(function, Tool):
        return function
    called = str(name or getattr(function, "__name__", ""))
    if not _NAME.fullmatch(called):
        raise UsageError(f"{called!r} is no name that a model can call: letters, digits, _ and - only. Give it one: @rb.tool(name=…).")
    spec, read = read_signature(function, name=called)
    return Tool(function=function, spec=spec, read=read, **options)


def _read_again(function: Callable[..., Any], spec: ToolSpec, options: Mapping[str, Any]) -> Tool:
    _, read = read_signature(function, name=spec.name)
    return Tool(function=function, spec=spec, read=read, **options)


def registered() -> Mapping[str, Tool]:
    """The tools that were made by `@rb.tool` in this process, by name; the last one of a name counts."""
    return _registered
