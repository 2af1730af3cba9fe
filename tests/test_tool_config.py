"""`[tools]` in `routing.toml`: what is right, and what each mistake is told."""

from __future__ import annotations

import pytest

from routebook.config.read import parse
from routebook.errors import ConfigError

FILE = """
[defaults]
tools = ["weather"]
[providers.here]
kind = "ollama"
[models.m]
provider = "here"
id = "m"
[tools.weather]
python = "routebook.examples.weather:weather"
[tools.files]
mcp = ["npx", "-y", "server"]
fallbacks = ["weather"]
[[routes]]
name = "chat"
try = ["m"]
tools = ["weather", "files"]
"""


def problems(text: str) -> str:
    """What a file is told."""
    with pytest.raises(ConfigError) as told:
        parse(text, file="routing.toml")
    return str(told.value)


def test_tools_are_functions_and_servers() -> None:
    """A command is a list, an address a text."""
    config = parse(FILE, file="routing.toml")
    assert config.tools["files"].mcp == ("npx", "-y", "server")
    assert config.routes[0].tools == ("weather", "files")
    assert config.tools["files"].note("files").network, "what a server does with what it is told nobody knows"
    assert not config.tools["weather"].note("weather").network, "a function says so itself when it is opened"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('tools = ["weather"]', 'tools = ["wether"]', "defaults.tools[0]: there is no tool 'wether'. Did you mean 'weather'?"),
        ('"files"]', '"fils"]', "routes[0].tools[1]: there is no tool 'fils'. Did you mean 'files'?"),
        ('fallbacks = ["weather"]', 'fallbacks = ["wether"]', "tools.files.fallbacks[0]: there is no tool 'wether'."),
        ('fallbacks = ["weather"]', 'fallbacks = ["files"]', "'files' cannot take its own place."),
        ('python = "routebook.examples.weather:weather"', "", "tools.weather: needs python or mcp, and not both."),
        ('mcp = ["npx", "-y", "server"]', 'mcp = "http://h/m"\npython = "a:b"', "tools.files: needs python or mcp, and not both."),
        ('python = "routebook.examples.weather:weather"', 'python = "weather"', "tools.weather.python: expected module:name"),
        ('python = "routebook.examples.weather:weather"', 'python = "a:b"\ntool = "x"', "tools.weather.tool: names one tool of an MCP server"),
        ('mcp = ["npx", "-y", "server"]', "mcp = []", "tools.files.mcp: names no command."),
        ('mcp = ["npx", "-y", "server"]', 'mcp = "ftp://host"', "tools.files.mcp: expected an address"),
        ('mcp = ["npx", "-y", "server"]', 'mcp = "https://me:pw@host/mcp"', "tools.files.mcp: holds a name or password"),
        (
            'mcp = ["npx", "-y", "server"]', 'mcp = "https://far.example/mcp"\nnetwork = false',
            "tools.files.network: is false, and the address is not this machine.",
        ),
        ("[tools.weather]", '[tools.weather]\nkey_env = "tvly-0123456789abcdefghij"', "looks like an API key itself"),
        ("[tools.weather]", "[tools.weather]\nretries = 3", "tools.weather.retries: unknown key."),
        ("[tools.files]", '[tools."my files"]', "is no name that a model can call"),
    ],
)  # fmt: skip
def test_each_mistake_is_told(old: str, new: str, told: str) -> None:
    """With its path, what is wrong and the nearest right name; a key is not shown."""
    assert FILE.count(old) >= 1
    said = problems(FILE.replace(old, new, 1))
    assert told in said
    assert "0123456789abcdefghij" not in said
