"""`routing.toml`: finding it, reading it, checking it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import tomli

from routebook.config.check import check
from routebook.config.keylike import masked
from routebook.config.lines import unclosed_quote
from routebook.config.problems import Problems
from routebook.config.reach import default_at, reach
from routebook.config.refer import refer
from routebook.config.sense import make_sense
from routebook.config.servers import check_servers
from routebook.config.steps import check_pipelines
from routebook.config.tool_checks import check_tools
from routebook.config.values import Config, Defaults, Route
from routebook.errors import ConfigError, Problem, UsageError
from routebook.messages import Value

FILE_NAME: Final = "routing.toml"
IN_MEMORY: Final = ":memory:"

# What tomli says, and what people who get to see it have usually done.
_SYNTAX_HINTS: Final = {
    "Invalid value": "Text stands in quotes, lists stand in [ ], true and false in lower case.",
    "Cannot overwrite a value": "The key stands there twice.",
    "Invalid statement": "A line is KEY = VALUE, a [table] or a comment.",
    "Expected '='": "A line is KEY = VALUE; a key with other signs than letters, digits, - and _ stands in quotes.",
    "Invalid hex value": "In double quotes a \\ begins an escape: write Windows paths in single quotes.",
    "Unescaped '\\'": "In double quotes a \\ begins an escape: write Windows paths in single quotes.",
    "Found invalid character '\\n'": "A quote is not closed on its line.",
    "Illegal character '\\n'": "A quote is not closed on its line.",
    "Unclosed": "A bracket is not closed.",
    "Expected newline or end of document": "One setting a line; a text with spaces stands in quotes.",
}


class Loaded(Value, frozen=True, kw_only=True):
    """A config and where it came from."""

    config: Config
    file: Path | None
    """The file; `None` for the built-in default."""
    books: str
    """The books' file, absolute, or `:memory:`."""

    @property
    def folder(self) -> Path:
        """Where the file stands; without one the working folder. A `.env` there is read for keys."""
        return self.file.parent if self.file else Path()


def find(start: Path | None = None) -> Path | None:
    """Look for `routing.toml` in a folder (the working folder if not given) and all folders above it; `None` when there is none."""
    try:
        folder = (start or Path.cwd()).resolve()
    except OSError:  # the working folder was deleted
        return None
    for above in (folder, *folder.parents):
        if _is_there(above / FILE_NAME):
            return above / FILE_NAME
    return None


def load(path: Path | None = None) -> Loaded:
    """Read a file, or the one that `find` finds, or the built-in default.

    Raises:
        ConfigError: the file cannot be read, or is wrong; it carries every problem.
    """
    file = path if path is not None else find()
    if file is None:
        config = parse(shipped("default.toml"), file="the built-in default")
        return Loaded(config=config, file=None, books=books_path(config, file=None))
    file = _expanded(file)
    config = _placed(parse(_text(file), file=str(file)), folder=file.parent)
    return Loaded(config=config, file=file.resolve(), books=books_path(config, file=file))


def parse(text: str, *, file: str) -> Config:
    """Read the text of a file; `file` names it in messages. The default route comes last, and `defaults.route` names it.

    Raises:
        ConfigError: with every problem at once.
    """
    data = _toml(text, file)
    problems = Problems(text)
    config = check(data, problems=problems)
    refer(config, problems=problems)
    make_sense(config, problems=problems)
    check_pipelines(config, problems=problems)
    check_tools(config, problems=problems)
    check_servers(config, problems=problems)
    if not problems.is_told(("routes",)):
        reach(config, problems=problems)
    if found := problems.in_order():
        raise ConfigError(file, found)
    return _closed(config)


def books_path(config: Config, *, file: Path | None) -> str:
    """Where the books are: as `[books]` says, relative to the file; else in the user's data folder. `:memory:` stays what it is."""
    path = config.books.path
    if path == IN_MEMORY:
        return IN_MEMORY
    if path is None:
        from platformdirs import user_data_path

        return str(user_data_path("routebook", appauthor=False) / "books.db")
    return str(((file.parent if file else Path()) / _expanded(path)).resolve())


def _placed(config: Config, *, folder: Path) -> Config:
    """The config with its GGUF files where they are, seen from the file's own folder."""
    providers = dict(config.providers)
    for name, provider in providers.items():
        if provider.gguf is not None:
            providers[name] = msgspec.structs.replace(provider, gguf=str((folder / _expanded(provider.gguf)).resolve()))
    models = {
        name: msgspec.structs.replace(model, gguf=str((folder / _expanded(model.gguf)).resolve())) if model.gguf else model
        for name, model in config.models.items()
    }
    return msgspec.structs.replace(config, providers=providers, models=models)


def write_config(path: Path, *, text: str | None = None) -> Path:
    """Write a config to start from, the shipped one if no text is given, and return its path; never over a file that is there.

    Raises:
        UsageError: there is such a file already, or it cannot be written.
        ConfigError: the text is not right.
    """
    text = shipped("starter.toml") if text is None else text
    parse(text, file=str(path))
    try:
        with path.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already, and is not overwritten. Rename it first, or name another file.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}. Name a folder that is yours.") from error
    return path


def shipped(name: str) -> str:
    """The text of a config that comes with the package: `default.toml` or `starter.toml`."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _expanded(path: str | Path) -> Path:
    """A path with its `~` filled in; one of a user who is not there stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder above that may not be looked into
        return False


def read_toml(file: Path) -> tuple[str, dict[str, Any]]:
    """The text of another TOML file and what it says.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    text = _text(file)
    return text, _toml(text, str(file))


def _text(file: Path) -> str:
    """The text of a file, or a ConfigError that says why there is none."""
    try:
        if file.is_dir():
            raise ConfigError(str(file), [Problem("file", "it is a folder.", hint=f"Name the file in it: {file / FILE_NAME}.")])
        if file.exists() and not file.is_file():  # reading a pipe would wait for ever
            raise ConfigError(str(file), [Problem("file", "it is neither a file nor a link to one.")])
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        problem = Problem("file", "there is none of this name.", hint="Check the path, or write one to start from with %route init.")
        raise ConfigError(str(file), [problem]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem("file", f"it is not UTF-8 (byte 0x{error.object[error.start]:02x}).", hint="Save it as UTF-8.", line=line)
        raise ConfigError(str(file), [problem]) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(str(file), [Problem("file", f"it cannot be read: {said}.", hint="Check its permissions.")]) from error


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ConfigError(file, [_slip(error)]) from None  # tomli's own message may quote a key
    except RecursionError:
        raise ConfigError(file, [Problem("TOML", "lists or tables are nested too deep.")]) from None
    except ValueError:  # Python's own limit on digits
        raise ConfigError(file, [Problem("TOML", "a number has thousands of digits.")]) from None


def _slip(error: tomli.TOMLDecodeError) -> Problem:
    """A mistake in the syntax, with what people who make it have usually done."""
    line = unclosed_quote(error.doc) if error.pos >= len(error.doc) else None
    if line is not None:
        return Problem("TOML", "a quote is not closed.", line=line)
    hint = next((hint for start, hint in _SYNTAX_HINTS.items() if error.msg.startswith(start)), "")
    return Problem("TOML", f"{masked(error.msg)} (column {error.colno}).", hint=hint, line=error.lineno)


def _closed(config: Config) -> Config:
    """The config with its default route last, whatever its place in the file, and each route with the reactions it does not state itself."""
    default = config.routes[default_at(config)]
    routes = tuple(_reacting(route, config.defaults) for route in (*(route for route in config.routes if route is not default), default))
    return msgspec.structs.replace(config, routes=routes, defaults=msgspec.structs.replace(config.defaults, route=default.name))


def _reacting(route: Route, defaults: Defaults) -> Route:
    """A route with the reactions of `[defaults]` where it has none of its own."""
    stated = {key: getattr(defaults, key) for key in ("on_rate_limit", "on_timeout", "on_refusal") if getattr(route, key) is None}
    if route.on_refusal and defaults.on_refusal and not route.on_refusal.phrases:
        stated["on_refusal"] = msgspec.structs.replace(route.on_refusal, phrases=defaults.on_refusal.phrases)
    return msgspec.structs.replace(route, **stated)
