"""The shell command: `routebook ask`, `plan`, `models`, `doctor`, `init`, `setup`, `import` and `export`, without a notebook.

The answer goes to standard output, everything about it to standard error. Exit codes: 0 well, 1 an error, 2 a wrong command line,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from routebook.errors import RoutebookError, UsageError
from routebook.notebook.options import OPTIONS, Option, overrides

if TYPE_CHECKING:  # these load with the command that needs them
    from routebook.engine.router import Router
    from routebook.messages import Answer

WELL, FAILED, WRONG_LINE, STOPPED = 0, 1, 2, 130
NOTEBOOK_ONLY: Final = (
    "--out", "--history", "--raw", "--help", "--background", "--compare", "--ensemble", "--judge", "--repeat", "--arena",
)  # fmt: skip
"""Options of a cell that mean nothing in a shell: variables, the cells before, and several answers side by side; argparse has its own help."""
SHARED: Final = re.compile(r"%route (?=(?:plan|models|doctor|init|setup)\b)(?!\w+ in a cell)")
"""Subcommands of a notebook that are commands here too."""
NOTEBOOKS: Final = re.compile(r"%route (?:warm [\w.:/-]*[\w/-]|nest on)(?! in a cell)")
"""Those that only a notebook has, as they are advised."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what a command line says and return the exit code."""
    given = _parser().parse_args(argv)
    try:
        code: int = given.command(given)
        sys.stdout.flush()
    except UsageError as error:
        return _complain(error, WRONG_LINE)
    except RoutebookError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt as error:
        print(f"Stopped: {error}" if str(error) else "Stopped.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; the interpreter must not try to flush
        return FAILED
    return code


def in_shell(text: str) -> str:
    """A message that tells a notebook's user what to type, for a shell's user."""
    text = text.replace(", then %route reload", "").replace("See %route why, or add", "Add")  # each command reads the file anew
    return NOTEBOOKS.sub(r"\g<0> in a cell", SHARED.sub("routebook ", text))


def _complain(error: RoutebookError, code: int) -> int:
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    print(in_shell(f"routebook: {error}{notes}"), file=sys.stderr)
    return code


# ---- commands


def _ask(given: argparse.Namespace) -> int:
    prompt = _prompt(given.prompt)
    with _router(given) as router:
        if given.dry:
            return _show_plan(router, prompt, given)
        from routebook.notebook.live import follow
        from routebook.notebook.pipe import PipeView

        asked = overrides(given)
        asked["stream"] = not given.no_stream
        view = PipeView(is_quiet=given.quiet, is_whole=given.no_stream)
        answer: Answer = follow(lambda emit, on_end: router.start(prompt, emit=emit, on_end=on_end, **asked), view)
    return FAILED if answer.finish_reason in ("cancelled", "error") else WELL


def _plan(given: argparse.Namespace) -> int:
    prompt = _prompt(given.prompt)
    with _router(given) as router:
        return _show_plan(router, prompt, given)


def _show_plan(router: Router, prompt: str, given: argparse.Namespace) -> int:
    from routebook.notebook.commands.plan import page

    print(page(router, router.plan(prompt, **overrides(given)), [])["text/plain"])
    return WELL


def _models(given: argparse.Namespace) -> int:
    from routebook.notebook.commands.models import models_parts
    from routebook.notebook.report import report

    with _router(given) as router:
        print(report(*models_parts(router.runtime()))["text/plain"])
    return WELL


def _doctor(given: argparse.Namespace) -> int:
    from routebook.engine.health.doctor import examine, problems
    from routebook.notebook.commands.doctor import findings_text

    with contextlib.ExitStack() as stack:
        findings = examine(lambda: stack.enter_context(_router(given)), is_each=given.all)
        print(in_shell(findings_text(findings)))
    return FAILED if problems(findings) else WELL


def _init(given: argparse.Namespace) -> int:
    from routebook.notebook.commands.init import write_starter

    written = write_starter(given.path, name=given.preset, may_replace=_says_yes if sys.stdin.isatty() else None)
    if written is None:
        print("Nothing was changed.", file=sys.stderr)
        return FAILED
    print(f"{written} is written. Edit it, then check it with: routebook doctor --config {written}")
    return WELL


def _setup(_given: argparse.Namespace) -> int:
    from routebook.notebook.commands.setup import set_up
    from routebook.notebook.progress import ErrorLine

    with ErrorLine() as line:
        done = set_up(line.say)
    print(done)
    return WELL


def _import(given: argparse.Namespace) -> int:
    from routebook.moving.files import take_in

    written, notes = take_in(given.file, source=given.source, path=given.path)
    _say(notes)
    print(f"{written} is written. Read it, then check it with: routebook doctor --config {written}")
    return WELL


def _export(given: argparse.Namespace) -> int:
    from routebook.moving.files import put_out

    moved = put_out(given.target, config=given.config)
    print(moved.text, end="")
    _say([f"{given.target} cannot say: {note}" for note in moved.notes])
    return WELL


def _say(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"- {note}", file=sys.stderr)


def _says_yes(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


@contextlib.contextmanager
def _router(given: argparse.Namespace):  # type: ignore[no-untyped-def]  # noqa: ANN202  a router; its type loads the engine
    from routebook.engine.router import Router

    router = Router.load(given.config) if given.config else Router()
    try:
        yield router
    finally:
        router.close()


def _prompt(words: list[str]) -> str:
    """The prompt: the words, of which `-` is standard input; standard input alone when there are none."""
    if not words and sys.stdin.isatty():
        raise UsageError("There is no prompt. Type: routebook ask TEXT, or send it to standard input.")
    prompt = " ".join(sys.stdin.read() if word == "-" else word for word in words or ["-"])
    if not prompt.strip():
        raise UsageError("The prompt is empty. Type: routebook ask TEXT, or send it to standard input.")
    return prompt


# ---- the line


def _parser() -> argparse.ArgumentParser:
    from routebook import __version__
    from routebook.config.preset import PRESETS

    parser = argparse.ArgumentParser(prog="routebook", description="Routes every prompt to the right model, and keeps the books.")
    parser.add_argument("--version", action="version", version=f"routebook {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    asks = _options(leave_out=NOTEBOOK_ONLY)
    ask = _command(commands, "ask", _ask, "route a prompt and print its answer as it comes", options=asks)
    ask.add_argument("--no-stream", action="store_true", help="print the answer when it is whole")
    ask.add_argument("-q", "--quiet", action="store_true", help="print nothing but the answer")
    plan = _command(
        commands, "plan", _plan, "say what a prompt would be sent to; nothing is sent", options=_options((*NOTEBOOK_ONLY, "--dry"))
    )
    for command in (ask, plan):
        command.add_argument("prompt", nargs="*", metavar="TEXT", help="the prompt; - is standard input")
    _command(commands, "models", _models, "list the models")
    doctor = _command(commands, "doctor", _doctor, "check keys, addresses and models for real")
    doctor.add_argument("--all", action="store_true", help="ask each model that routing.toml names, not one of each provider")
    init = commands.add_parser("init", help="write a routing.toml to start from", allow_abbrev=False)
    init.set_defaults(command=_init)
    init.add_argument("--preset", metavar="NAME", help=f"a whole set-up to start from: {', '.join(PRESETS)}")
    init.add_argument("path", nargs="?", type=Path, default=Path("routing.toml"), metavar="PATH", help="the file, or its folder")
    commands.add_parser("setup", help="fetch the embedded model's weights", allow_abbrev=False).set_defaults(command=_setup)
    _moving(commands)
    return parser


def _moving(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from routebook.moving.files import SOURCES, TARGETS

    into = commands.add_parser("import", help="write a routing.toml from an opencode.json or a LiteLLM config", allow_abbrev=False)
    into.set_defaults(command=_import)
    into.add_argument("file", type=Path, metavar="FILE", help="opencode.json, or LiteLLM's YAML")
    into.add_argument("--from", dest="source", choices=tuple(SOURCES), help="whose file it is (else told from its name)")
    into.add_argument("path", nargs="?", type=Path, default=Path("routing.toml"), metavar="PATH", help="what to write; never over a file")
    out = commands.add_parser(
        "export", help="print your routing.toml as another tool's config, and what that cannot say", allow_abbrev=False
    )
    out.set_defaults(command=_export)
    out.add_argument("target", choices=tuple(TARGETS), help="whose config to print")
    out.add_argument("--config", type=Path, metavar="FILE", help="this routing.toml (else the one found here or above, else the default)")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,  # noqa: A002  argparse calls it so
    *,
    options: Sequence[Option] = (),
) -> argparse.ArgumentParser:
    """Add a command that reads `routing.toml`, with options of a `%%route` cell."""
    parser = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", allow_abbrev=False)
    parser.set_defaults(command=run)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="this routing.toml (else the one found here or above, else the default)"
    )
    for option in options:
        if option.is_switch:
            parser.add_argument(*option.flags, action="store_true", help=option.help)
        else:
            says = f"{option.help} ({', '.join(option.choices)})" if option.choices else option.help
            parser.add_argument(*option.flags, type=option.read, metavar=option.metavar, help=says)
    return parser


def _options(leave_out: Sequence[str]) -> list[Option]:
    return [option for option in OPTIONS if option.flags[-1] not in leave_out]
