"""Finding, reading and checking `routing.toml`: whatever is in the file, the user gets a config or one clear ConfigError."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
import tomli

from routebook.config.read import books_path, find, load, parse, shipped, write_config
from routebook.config.values import Config
from routebook.errors import ConfigError, UsageError

ROOT = Path(__file__).parent.parent
SMALL = """
[providers.here]
kind = "embedded"
[models.tiny]
provider = "here"
id = "smollm2-135m"
[[routes]]
name = "chat"
try = ["tiny"]
"""


def told(text: str) -> list[tuple[int | None, str, str]]:
    """The problems of a text: line, path, and the whole message."""
    with pytest.raises(ConfigError) as caught:
        parse(text, file="routing.toml")
    return [(problem.line, problem.path, str(problem)) for problem in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working folder that each test has of its own."""
    return tmp_path


def test_no_file_anywhere_gives_the_built_in_default(folder: Path) -> None:
    """A newcomer without any file must get a working router."""
    loaded = load()
    assert loaded.file is None
    assert [route.name for route in loaded.config.routes] == ["simple", "chat"]
    assert loaded.config.providers["ollama"].discover
    assert loaded.config.models["smollm2"].provider == "embedded"
    assert all(route.try_[-1] == "smollm2" for route in loaded.config.routes)
    assert loaded.folder.resolve() == folder.resolve()


def test_file_is_found_in_a_folder_above(folder: Path) -> None:
    """Notebooks live in subfolders of the project whose file they share."""
    (folder / "routing.toml").write_text(SMALL)
    inner = folder / "notebooks" / "deep"
    inner.mkdir(parents=True)
    os.chdir(inner)
    assert find() == folder.resolve() / "routing.toml"
    assert load().file == folder.resolve() / "routing.toml"
    assert load().folder == folder.resolve()


def test_nearest_file_wins(folder: Path) -> None:
    """A subproject may have a file of its own."""
    (folder / "routing.toml").write_text(SMALL)
    (folder / "a").mkdir()
    (folder / "a" / "routing.toml").write_text(SMALL)
    assert find(folder / "a") == folder.resolve() / "a" / "routing.toml"


def test_deleted_working_folder_is_no_crash(folder: Path) -> None:
    """A kernel may outlive the folder it was started in."""
    gone = folder / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert find() is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "there is none of this name"),
        (lambda file: file.mkdir(), "it is a folder"),
        (lambda file: file.write_bytes(b"a = 1\nb = '\xff'\n"), "line 2: file: it is not UTF-8 (byte 0xff)"),
        (lambda file: file.write_text(SMALL, encoding="utf-16"), "it is not UTF-8"),
        (os.mkfifo, "neither a file nor a link"),
        (lambda file: file.symlink_to(file), "it cannot be read"),
    ],
    ids=["missing", "folder", "latin-1", "utf-16", "pipe", "link to itself"],
)
def test_unreadable_file_says_why(folder: Path, make: object, words: str) -> None:
    """The user must learn what is wrong with the file, not what Python calls it."""
    file = folder / "my.toml"
    make(file)  # type: ignore[operator]  # the lambdas above
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert words in str(caught.value)
    assert "my.toml" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file_says_so(folder: Path) -> None:
    """A file of another user gives its own message."""
    file = folder / "routing.toml"
    file.write_text(SMALL)
    file.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load()


def test_zero_byte_in_a_path_is_refused() -> None:
    """Such a path comes from a mangled string, and no file can have it."""
    with pytest.raises(ConfigError):
        load(Path("a\0b"))


def test_byte_order_mark_is_no_mistake(folder: Path) -> None:
    """Editors on Windows write one without asking."""
    (folder / "routing.toml").write_text(SMALL, encoding="utf-8-sig")
    assert load().config.models["tiny"].id == "smollm2-135m"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = yes\n", 2, "Text stands in quotes"),
        ("a = 1\na = 2\n", 2, "The key stands there twice"),
        ("[a]\nb = 1\n[a]\n", 3, "Cannot declare"),
        ("a = 1\nb = 'x\n", 2, " quote is not closed"),
        ('a = "x\nb = 1\nc = 2\n', 1, " quote is not closed"),
        ('a = """x\nb = 1\nc = 2\n', 1, " quote is not closed"),
        ("p = 'x'\ng = \"C:\\models\\x\"\n", 2, "Windows paths in single quotes"),
        ("a = 1\n\nnonsense\n", 3, "A line is KEY = VALUE"),
        ("a = [1,\n2\n", 3, "A bracket is not closed"),
        ("a = " + "[" * 600 + "]" * 600, None, "nested too deep"),
        ("a = " + "1" * 5000, None, "thousands of digits"),
    ],
)
def test_wrong_toml_is_told_with_its_line(text: str, line: int | None, words: str) -> None:
    """A slip in the syntax must be found without counting lines."""
    ((at, path, message),) = told(text)
    assert (at, path) == (line, "TOML")
    assert words in message


def test_wrong_toml_does_not_echo_a_key() -> None:
    """The parser's own message quotes names of tables, and one may be a key pasted in the wrong place."""
    ((_, _, message),) = told("[gsk_abcdef1234567890abcdef]\n[gsk_abcdef1234567890abcdef]\n")
    assert "abcdef" not in message


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    """A user mends the whole file in one go, not one mistake a run."""
    text = """\
rutes = 1
[defaults]
route = "chta"
max_attempts = "ten"
[providers.groq]
kind = "opnai"
[models.llama]
provider = "groc"
[[routes]]
name = "chat"
try = [
  "llama",
  "lama",
]
"""
    assert [(line, path) for line, path, _ in told(text)] == [
        (1, "rutes"),
        (3, "defaults.route"),
        (4, "defaults.max_attempts"),
        (6, "providers.groq.kind"),
        (7, "models.llama.id"),
        (8, "models.llama.provider"),
        (13, "routes[0].try[1]"),
    ]
    with pytest.raises(ConfigError) as caught:
        parse(text, file="routing.toml")
    assert str(caught.value).startswith("routing.toml: 7 problems\n  line 1: rutes: unknown key. Did you mean 'routes'")


def test_named_default_closes_the_list() -> None:
    """The catch-all may stand anywhere in the file, and still takes what no other route took."""
    text = SMALL + '[[routes]]\nname = "hard"\ncomplexity = [7, 10]\ntry = ["tiny"]\n[defaults]\nroute = "chat"\n'
    config = parse(text, file="x")
    assert [route.name for route in config.routes] == ["hard", "chat"]
    assert config.defaults.route == "chat"


def test_without_a_named_default_the_last_route_is_it() -> None:
    """Everything downstream may rely on `defaults.route` being there."""
    text = SMALL.replace("[[routes]]", '[[routes]]\nname = "hard"\ncomplexity = [7, 10]\ntry = ["tiny"]\n[[routes]]')
    assert parse(text, file="x").defaults.route == "chat"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ('[books]\npath = "mine.db"\n', "{folder}/mine.db"),
        ('[books]\npath = "../up.db"\n', "{parent}/up.db"),
        ('[books]\npath = "/abs/b.db"\n', "/abs/b.db"),
        ('[books]\npath = "~/b.db"\n', "{home}/b.db"),
        ('[books]\npath = "~nobody-of-this-name/b.db"\n', "{folder}/~nobody-of-this-name/b.db"),
        ('[books]\npath = ":memory:"\n', ":memory:"),
    ],
)
def test_books_stand_beside_the_file(folder: Path, setting: str, expected: str) -> None:
    """Two notebooks in different folders must write the same books."""
    (folder / "routing.toml").write_text(setting + SMALL)
    real = folder.resolve()
    assert load().books == expected.format(folder=real, parent=real.parent, home=Path.home().resolve())


def test_weights_stand_beside_the_file(folder: Path) -> None:
    """A notebook in a subfolder must find the same weights."""
    (folder / "routing.toml").write_text(SMALL.replace('kind = "embedded"', 'kind = "embedded"\ngguf = "models/own.gguf"'))
    (folder / "sub").mkdir()
    os.chdir(folder / "sub")
    assert load().config.providers["here"].gguf == str(folder.resolve() / "models" / "own.gguf")
    assert load(Path("../routing.toml")).config.providers["here"].gguf == str(folder.resolve() / "models" / "own.gguf")


def test_books_are_in_the_users_data_folder_by_default() -> None:
    """Without a word on them they must not appear in the user's project."""
    books = Path(books_path(parse(SMALL, file="x"), file=None))
    assert books.is_absolute()
    assert books.name == "books.db"
    assert "routebook" in books.parts


@pytest.mark.parametrize("name", ["routing.toml", "src/routebook/config/default.toml", "src/routebook/config/starter.toml"])
def test_shipped_files_work_without_any_key(name: str) -> None:
    """Every route of an example must end with a model that is always there."""
    config = parse((ROOT / name).read_text(encoding="utf-8"), file=name)
    for route in config.routes:
        assert route.try_[-1] == "smollm2"
        assert config.tier("smollm2") == "local"
    assert config.providers["ollama"].discover


def test_example_file_shows_every_table_and_all_three_tiers() -> None:
    """It is what people copy from."""
    config = load(ROOT / "routing.toml").config
    assert {config.tier(name) for name in config.models} == {"local", "free", "paid"}
    assert config.budgets
    assert config.pools
    assert config.tasks
    assert config.agents
    assert len(config.routes) >= 8
    assert len((ROOT / "routing.toml").read_text().splitlines()) < 360


def test_written_config_is_the_starter_and_is_never_written_over(folder: Path) -> None:
    """`init` must not cost anyone the file they have."""
    file = write_config(folder / "routing.toml")
    assert file.read_text() == shipped("starter.toml")
    assert load().file == file.resolve()
    file.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write_config(file)
    assert file.read_text() == "mine"
    with pytest.raises(UsageError, match="cannot be written"):
        write_config(folder / "no" / "such" / "routing.toml")
    with pytest.raises(ConfigError):
        write_config(folder / "other.toml", text="routes = 1")
    assert not (folder / "other.toml").exists()


def test_values_are_what_msgspec_itself_would_read() -> None:
    """The reader with the good messages must not read anything differently from the types."""
    text = shipped("starter.toml")
    data = tomli.loads(text, parse_float=str)
    read = msgspec.convert(data, Config, strict=False)
    assert msgspec.structs.replace(parse(text, file="x"), routes=read.routes) == read
