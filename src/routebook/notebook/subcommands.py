"""`%route SUBCOMMAND`, as one table: dispatch, help, completion and the docs all read it. What each does is in `commands/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from routebook.config.preset import PRESETS
from routebook.errors import UsageError
from routebook.near import did_you_mean

if TYPE_CHECKING:
    from routebook.notebook.session import Session

Command = Callable[["Session", str], Any]
"""Takes the session and the rest of the line; returns what becomes the cell's value, usually nothing."""


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand."""

    name: str
    takes: str
    """What follows it, as help shows it."""
    help: str
    where: str
    """The module in `commands/` and the function in it, loaded when first used."""
    words: tuple[str, ...] = ()
    """What Tab offers behind it."""

    @property
    def usage(self) -> str:
        """The line as one types it."""
        return f"%route {self.name} {self.takes}".rstrip()


SUBCOMMANDS: Final = (
    Subcommand("models", "[NAME]", "the models: tier, price, window, speed as seen, and whether they are ready; or all that is known of one", "models.models"),
    Subcommand("status", "", "what is under way, what the budgets have left, where the books are", "status.status"),
    Subcommand("why", "[ID]", "why the last answer, or the one of a request's ID, came about", "why.why"),
    Subcommand("cost", "", "what was spent and where the prompts went, with charts", "cost.cost"),
    Subcommand(
        "shares", "[--since 2h]", "which model answered what share of the prompts, and how fast, beside what [expected] says", "shares.shares",
        words=("--since",),
    ),
    Subcommand("cache", "[clear]", "the answers that are kept: how many, how large, what they saved; or drop them", "cache.cache", words=("clear",)),
    Subcommand("frame", "[-o NAME]", "every attempt as a pandas DataFrame, in a variable with -o", "frame.frame", words=("-o",)),
    Subcommand(
        "board", "[stop] [--since 2h] [--task …]", "the live board: spending, attempts a minute, models, limits, where the prompts went",
        "board.board", words=("stop", "--since", "--notebook", "--task", "--model", "--agent"),
    ),
    Subcommand(
        "jobs", "[show|cancel N]", "the background cells: state, model, prompt; an answer; an end", "jobs.jobs", words=("show", "cancel")
    ),
    Subcommand("plan", "TEXT", "what a prompt would be sent to, and why; nothing is sent", "plan.plan"),
    Subcommand(
        "wrong", "[ID] [--task NAME] [--undo]", "mark the last prompt, or that of an ID, as routed wrongly; take it back", "routing.wrong",
        words=("--task", "--undo"),
    ),
    Subcommand("accuracy", "", "how often prompts went the right way, by day", "routing.accuracy"),
    Subcommand("experiments", "", "the routes that are parted between models: figures, and how sure one may be", "experiments.experiments"),
    Subcommand("good", "[ID]", "mark the last answer, or the one of a request's ID, as good", "feedback.good"),
    Subcommand("bad", "[ID]", "mark the last answer, or the one of a request's ID, as bad", "feedback.bad"),
    Subcommand("beliefs", "", "what was learned of the models, by task", "beliefs.beliefs"),
    Subcommand(
        "forget", "all|--task NAME|--model NAME", "forget what was learned of a task, of a model, or all", "beliefs.forget",
        words=("all", "--task", "--model"),
    ),
    Subcommand(
        "fit", "NAME|--reset", "learn your models from a DataFrame of prompts and outcomes, and say what it is worth; or forget it", "fit.fit",
        words=("--reset",),
    ),
    Subcommand(
        "evaluate", "[--models A,B] [--budget 0.50] [--write]",
        "ask the models a suite of prompts, check the answers, and write what they are worth into routing.toml", "evaluate.evaluate",
        words=("--suite", "--models", "--tasks", "--judge", "--budget", "--tier", "--local", "--fresh", "--write", "-o"),
    ),
    Subcommand(
        "recommend", "[--diff 1,3] [--apply 1,3]", "what your own record speaks for changing in routing.toml, with its evidence; or change it",
        "recommend.recommend", words=("--diff", "--apply"),
    ),
    Subcommand(
        "doctor", "[--all]", "check keys, addresses and one model, or each, for real, and say what to type", "doctor.doctor", words=("--all",)
    ),
    Subcommand("warm", "NAME", "ask a slow model, or each of a pool or provider, for one word, so that it is loaded when it is needed", "warm.warm"),
    Subcommand(
        "init", "[--preset NAME] [PATH]", "write a routing.toml to start from, or a whole set-up; asks before it replaces one", "init.init",
        words=("--preset", *PRESETS),
    ),
    Subcommand(
        "import", "FILE [--from NAME]", "write a routing.toml from an opencode.json or a LiteLLM config; never over one", "moving.take",
        words=("--from", "opencode", "litellm"),
    ),
    Subcommand("setup", "", "fetch the embedded model's weights, once", "setup.setup"),
    Subcommand("reload", "", "read routing.toml again", "init.reload"),
    Subcommand("nest", "on|off", "let asyncio.run() work in cells", "nest.nest", words=("on", "off")),
    Subcommand("help", "", "this list", "help.show"),
)  # fmt: skip

_HELP_FLAGS: Final = ("-h", "--help", "help", "?")


def run(session: Session, line: str) -> Any:  # noqa: ANN401  a frame, or nothing
    """Do what a `%route` line says; an empty line shows the help.

    Raises:
        UsageError: there is no such subcommand, or what follows it is not right.
    """
    name, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    subcommand = find("help" if not name or name in _HELP_FLAGS else name)
    if rest in _HELP_FLAGS[:2]:
        subcommand, rest = find("help"), subcommand.name
    return load(subcommand)(session, rest)


def find(name: str) -> Subcommand:
    """The subcommand of a name.

    Raises:
        UsageError: there is none, with the nearest that there is.
    """
    for subcommand in SUBCOMMANDS:
        if subcommand.name == name:
            return subcommand
    cell = " For a prompt, write %%route on the first line and the prompt below it." if name.startswith("-") else ""
    raise UsageError(
        f"There is no %route {name}. {did_you_mean(name, [subcommand.name for subcommand in SUBCOMMANDS])} %route help shows all.{cell}"
    )


def load(subcommand: Subcommand) -> Command:
    """The function behind a subcommand."""
    module, function = subcommand.where.split(".")
    command: Command = getattr(import_module(f"routebook.notebook.commands.{module}"), function)
    return command


def refuse_rest(subcommand: str, rest: str) -> None:
    """Raise `UsageError` for words behind a subcommand that it does not take."""
    if rest:
        raise UsageError(f"%route {subcommand} does not take {rest!r}. %route help {subcommand} says what it takes.")
