"""Tab in a `%%route` cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shells import complete, shell

from routebook.labels import TASKS
from routebook.notebook.options import OPTIONS

CONFIG = """
[books]
path = ":memory:"
[providers.p]
kind = "openai"
base_url = "http://127.0.0.1:1/v1"
tier = "local"
[models."org/llama3.1:8b"]
provider = "p"
id = "a"
[models.org-small]
provider = "p"
id = "b"
[pools.coders]
models = ["org-small"]
[tasks.web-search]
like = "tool_call"
[tools.forecast]
python = "routebook.examples.weather:weather"
[agents.me]
primary = ["org-small"]
[[routes]]
name = "hard-code"
try = ["org-small"]
[[routes]]
name = "chat"
try = ["coders"]
"""


@pytest.fixture
def ip(tmp_path: Path) -> Iterator[Any]:
    """A shell with the extension loaded and a `routing.toml` beside it."""
    (tmp_path / "routing.toml").write_text(CONFIG)
    with shell() as made:
        made.extension_manager.load_extension("routebook")
        yield made
        made.extension_manager.unload_extension("routebook")


def words(ip: Any, text: str) -> list[str]:  # noqa: ANN401
    """What Tab offers, without the kinds."""
    return [word for word, _ in complete(ip, text)]


def test_all_options_are_offered_and_marked_as_options(ip: Any) -> None:  # noqa: ANN401
    """The first thing one types; the popup says what it is."""
    flags = {(flag, "option") for option in OPTIONS for flag in option.flags}
    assert set(complete(ip, "%%route |\nprompt")) == flags
    assert complete(ip, "%%route --mo|") == [("--model", "option")]
    assert words(ip, "%%route --local --dr|") == ["--dry"]


def test_an_option_that_stands_there_is_not_offered_again(ip: Any) -> None:  # noqa: ANN401
    """It would do nothing."""
    assert "--local" not in words(ip, "%%route --local |")


def test_models_and_pools_are_offered_with_slashes_and_colons(ip: Any) -> None:  # noqa: ANN401
    """IPython's own completer breaks words at these signs."""
    assert complete(ip, "%%route -m |") == [("org/llama3.1:8b", "model"), ("org-small", "model"), ("coders", "model")]
    assert words(ip, "%%route -m org/lla|") == ["org/llama3.1:8b"]
    assert words(ip, "%%route --model org/llama3.1:|") == ["org/llama3.1:8b"]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%%route --route |", ["hard-code", "chat"]),
        ("%%route --route h|", ["hard-code"]),
        ("%%route --task |", [*TASKS, "web-search"]),
        ("%%route --agent |", ["me"]),
        ("%%route --model=org-|", ["org-small"]),
        ("%%route --compare org-small,co|", ["coders"]),
        ("%%route --tools fore|", ["forecast"]),
        ("%%route --tools all,no|", ["none"]),
        ("%%route --ensemble org-small,org/|", ["org/llama3.1:8b"]),
        ("%route board --model org-|", ["org-small"]),
        ("%route board --task web|", ["web-search"]),
        ("%route board --task bug_fix --ag|", ["--agent"]),
        ("%route forget --task wri|", ["writing"]),
        ("%%route --tier |", ["local", "free", "paid"]),
        ("%%route --priority P|", ["P0", "P1", "P2", "P3"]),
        ("%%route --think o|", ["on", "off"]),
        ("%%route -o |", []),
        ("%%route --temperature |", []),
    ],
)
def test_each_option_is_offered_its_own_values(ip: Any, text: str, offered: list[str]) -> None:  # noqa: ANN401
    """Names come from the file, so they are right."""
    assert words(ip, text) == offered


def test_variables_are_offered_inside_double_braces_only(ip: Any) -> None:  # noqa: ANN401
    """There they are what may stand; private and IPython's own names are not the user's."""
    ip.run_cell("sales = 1; salary = 2; _hidden = 3")
    assert set(complete(ip, "%%route\nIn {{sal|")) == {("sales", "variable"), ("salary", "variable")}
    assert words(ip, "%%route\nIn {{ |") == ["sales", "salary"]
    assert words(ip, "%%route\nIn sal|") == []
    assert words(ip, "%%route\nIn {{sales}} sal|") == []


@pytest.mark.parametrize("text", ["%%route\nimp|", "%%route\nprint(sy|", "%%route -m x\none\nimport o|", "%%route\nopen('|", "%%route\n/|"])
def test_prose_gets_no_python(ip: Any, text: str) -> None:  # noqa: ANN401
    """A popup of builtins over every second word is in the way."""
    assert words(ip, text) == []


@pytest.mark.parametrize("text", ["imp|", "x = 1\nimp|", "%%routes\nimp|", "%route models\nimp|", "'''\n%%route\n'''\nimp|"])
def test_other_cells_are_left_alone(ip: Any, text: str) -> None:  # noqa: ANN401
    """Completion elsewhere is as without the extension."""
    assert "import" in words(ip, text)


def test_a_line_magic_completes_wherever_it_stands(ip: Any) -> None:  # noqa: ANN401
    """Among lines of Python too."""
    assert ("models", "subcommand") in complete(ip, "%route |")
    assert words(ip, "x = 1\n%route mod|") == ["models"]
    assert words(ip, "%route nest |") == ["on", "off"]
    assert words(ip, "%route models |") == []


def test_blank_lines_above_the_cell_magic_change_nothing(ip: Any) -> None:  # noqa: ANN401
    """IPython takes them away before it runs the cell."""
    assert words(ip, "\n\n%%route --mo|\nprompt") == ["--model"]
    assert words(ip, "\n\n%%route\nimp|") == []


def test_while_the_name_of_the_magic_is_typed_ipython_completes_it(ip: Any) -> None:  # noqa: ANN401
    """The word under the cursor is not an option yet."""
    assert words(ip, "%%rout|") == ["%%route"]
    words(ip, "%%route|")


def test_a_wrong_config_costs_the_names_and_nothing_else(ip: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    """The cell will say what is wrong with it; Tab is not the place."""
    (tmp_path / "routing.toml").write_text("nonsense = 1")
    assert words(ip, "%%route --model |") == []
    assert words(ip, "%%route --mod|") == ["--model"]
    assert capfd.readouterr().err == ""
