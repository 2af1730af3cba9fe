"""The options of a `%%route` cell, as one table: parsing, help, completion and the docs all read it."""

from __future__ import annotations

import argparse
import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from routebook.errors import UsageError
from routebook.messages import PRIORITIES, TIERS, Overrides
from routebook.notebook.line import LineParser, number, one_of, whole
from routebook.notebook.named_schema import named_schema


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    type: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    names: str | None = None
    """What its value names (`models`, `routes`, `pipelines`, `tasks`, `agents`), for completion."""

    @property
    def read(self) -> Callable[[str], Any]:
        """What reads its value."""
        return one_of(self.choices) if self.choices else self.type

    @property
    def is_switch(self) -> bool:
        """True when it takes no value."""
        return self.metavar is None


OPTIONS: Final = (
    Option(("-m", "--model"), "this model, pool or provider, no choosing", "NAME", names="models"),
    Option(("--route",), "this route of routing.toml", "NAME", names="routes"),
    Option(("--pipeline",), "go through the steps of this pipeline", "NAME", names="pipelines"),
    Option(("--task",), "take the prompt as this task", "NAME", names="tasks"),
    Option(("--complexity",), "take the prompt as this hard, 0 to 10", "N", number),
    Option(("--agent",), "the agent who asks", "NAME", names="agents"),
    Option(("--tier",), "the dearest tier allowed", "TIER", choices=TIERS),
    Option(("--local",), "the wall: nothing leaves the machine"),
    Option(("--budget",), "the most this cell may cost, in US dollars", "USD", number),
    Option(("--priority",), "P0 overtakes, P3 waits", "P", choices=PRIORITIES),
    Option(("--deadline",), "total time, in seconds", "S", number),
    Option(("--dry",), "show the plan; nothing is sent"),
    Option(("-b", "--background"), "return at once; whoever uses the answer waits for it"),
    Option(("--compare",), "ask these models side by side, with commas between them", "A,B,…", names="models"),
    Option(("--ensemble",), "ask these models, and make one answer of theirs", "A,B,…", names="models"),
    Option(
        ("--judge",), "with --ensemble: this model writes the answer; without it the one most agreed on is taken", "NAME", names="models"
    ),
    Option(("--repeat",), "with --compare: ask each so many times", "N", whole),
    Option(("--arena",), "two answers without names, a vote, then who they were"),
    Option(("-o", "--out"), "put the Answer into this variable", "NAME"),
    Option(("--system",), "a system message", "TEXT"),
    Option(("--temperature",), "0 is steady, 2 is wild", "X", number),
    Option(("--max-tokens",), "the longest answer, in tokens", "N", whole),
    Option(("--think",), "thinking, for models that have it", "WHEN", choices=("on", "off", "keep")),
    Option(("--schema",), "check the answer by this variable (JSON schema, pydantic model) or .json file", "NAME"),
    Option(("--history",), "send the last N exchanges of this notebook too", "N", whole),
    Option(("--tools",), "the tools a model may use, with commas between them; or all, or none", "A,B,…", names="tools"),
    Option(("--no-cache",), "neither read nor write the cache"),
    Option(("--fresh",), "ask again, and keep the new answer in the cache"),
    Option(("--raw",), "leave {{name}} as it is"),
    Option(("-h", "--help"), "show this help"),
)


def _parser() -> LineParser:
    parser = LineParser("%%route", more="%%route -h shows all options.", stray="Options stand here; the prompt goes on the lines below.")
    for option in OPTIONS:
        if option.is_switch:
            parser.take(*option.flags, action="store_true")
        else:
            parser.take(*option.flags, type=option.read, metavar=option.metavar)
    return parser


def parse(line: str) -> argparse.Namespace:
    """Parse the text behind `%%route`.

    Raises:
        UsageError: an option is unknown, lacks its value, or its value is not of the right kind.
    """
    given = _parser().read(line)
    if given.out is not None and (not given.out.isidentifier() or keyword.iskeyword(given.out)):
        raise UsageError(f"-o takes the name of a variable, and {given.out!r} is none.")
    if given.judge is not None and given.ensemble is None:
        raise UsageError("--judge goes with --ensemble, which names the models whose answers are judged.")
    if given.repeat is not None and given.compare is None:
        raise UsageError("--repeat goes with --compare, which names the models to ask.")
    if given.repeat is not None and given.repeat < 1:
        raise UsageError(f"--repeat takes how many times to ask each model, 1 or more, not {given.repeat}.")
    shapes = [
        flag
        for flag, is_on in (
            ("--compare", given.compare),
            ("--ensemble", given.ensemble),
            ("--arena", given.arena),
            ("-b", given.background),
            ("--dry", given.dry),
        )
        if is_on
    ]
    if len(shapes) > 1:
        raise UsageError(f"{' and '.join(shapes)} do not go together: leave one out.")
    if (given.compare or given.ensemble) is not None and given.model is not None:
        raise UsageError(f"{shapes[0]} names the models itself: leave -m out.")
    if given.pipeline is not None and (given.compare or given.ensemble or given.arena):
        raise UsageError(f"--pipeline makes one answer of several steps, and {shapes[0]} compares models: leave one out.")
    if given.history is not None and given.history < 0:
        raise UsageError(f"--history takes how many exchanges to send, 0 or more, not {given.history}.")
    return given


def overrides(given: argparse.Namespace, names: Mapping[str, Any] | None = None) -> Overrides:
    """What the options say to the router; `names` are the notebook's variables.

    Raises:
        UsageError: an option names a variable or a file that is not there.
    """
    return Overrides(
        model=given.model,
        route=given.route,
        pipeline=given.pipeline,
        task=given.task,
        complexity=given.complexity,
        agent=given.agent,
        tier=given.tier,
        local=given.local,
        budget_usd=given.budget,
        priority=given.priority,
        deadline_s=given.deadline,
        system=given.system,
        temperature=given.temperature,
        max_tokens=given.max_tokens,
        think=given.think,
        schema=None if given.schema is None else named_schema(given.schema, names or {}),
        tools=given.tools,
        cache=False if given.no_cache else None,
        fresh=given.fresh,
    )


def help_text() -> str:
    """All options, one a line."""
    rows = [(", ".join(option.flags) + (f" {option.metavar}" if option.metavar else ""), _describe(option)) for option in OPTIONS]
    width = max(len(left) for left, _ in rows)
    lines = [f"  {left:<{width}}  {right}" for left, right in rows]
    return "\n".join(
        ["%%route [options]", "prompt, in which {{name}} is replaced by a variable", "", *lines, "", "Set up and look around: %route help"]
    )


def _describe(option: Option) -> str:
    return f"{option.help} ({', '.join(option.choices)})" if option.choices else option.help
