"""Keys are found where people keep them, and shown nowhere."""

from __future__ import annotations

import copy
import os
import pickle
import traceback
from pathlib import Path

import pytest

from routebook.config.keys import Keys, Secret, key_variable
from routebook.config.read import parse
from routebook.config.values import Config

KEY = "gsk_1234567890abcdefghij"


@pytest.fixture
def config() -> Config:
    """Providers with a named variable, with a usual one, and without a key."""
    return parse(
        """
[providers.groq]
kind = "openai"
base_url = "https://api.groq.com/openai/v1"
api_key_env = "MY_GROQ_KEY"
[providers.claude]
kind = "anthropic"
[providers.server]
kind = "openai"
base_url = "http://127.0.0.1:8080/v1"
[providers.ollama]
kind = "ollama"
discover = true
[[routes]]
name = "chat"
try = ["ollama"]
""",
        file="x",
    )


def test_environment_goes_before_both_files(config: Config, tmp_path: Path) -> None:
    """A key given for one run must win over the one that is kept."""
    home = tmp_path / "home"
    (tmp_path / ".env").write_text("MY_GROQ_KEY=beside\n")
    (home / ".env").write_text("MY_GROQ_KEY=athome\nANTHROPIC_API_KEY='athome2'\n")
    environ = {"MY_GROQ_KEY": "here"}
    keys = Keys(config, folder=tmp_path, home=home, environ=environ)

    def found(name: str) -> str | None:
        secret = keys.get(name)
        return secret.reveal() if secret else None

    assert found("groq") == "here"
    environ["MY_GROQ_KEY"] = " "
    assert found("groq") == "beside"
    assert found("claude") == "athome2"
    (tmp_path / ".env").unlink()
    keys = Keys(config, folder=tmp_path, home=home, environ={})
    assert found("groq") == "athome"
    assert found("server") is None
    assert found("ollama") is None
    assert found("nobody") is None


def test_own_environment_home_and_folder_are_the_defaults(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has to be passed in a notebook."""
    (Path.home() / ".env").write_text("ANTHROPIC_API_KEY=a\n")
    (tmp_path / ".env").write_text("MY_GROQ_KEY=b\n")
    assert Keys(config).missing == {}
    monkeypatch.setenv("MY_GROQ_KEY", "c")
    found = Keys(config).get("groq")
    assert found == Secret("c")


def test_files_are_not_put_into_the_environment(config: Config, tmp_path: Path) -> None:
    """Every program the notebook starts would inherit them."""
    (tmp_path / ".env").write_text("MY_GROQ_KEY=b\n")
    assert Keys(config, folder=tmp_path).get("groq") is not None
    assert "MY_GROQ_KEY" not in os.environ


def test_missing_keys_are_told_with_their_variables(config: Config, tmp_path: Path) -> None:
    """The reason stands in the plan: it must say what to set and where."""
    keys = Keys(config, folder=tmp_path, home=tmp_path, environ={})
    assert keys.missing == {
        "groq": "no key: MY_GROQ_KEY is not set; set it in the environment, or in .env beside routing.toml or in ~/.env",
        "claude": "no key: ANTHROPIC_API_KEY is not set; set it in the environment, or in .env beside routing.toml or in ~/.env",
    }
    assert keys.get("groq") is None


@pytest.mark.parametrize("flawed", ["abc def", "k\u201cey\u201d", "a\nb", "cl\u00e9"])
def test_mangled_key_is_told_and_not_sent(config: Config, tmp_path: Path, flawed: str) -> None:
    """A key copied with quotes or a line break would break the header it is sent in."""
    keys = Keys(config, folder=tmp_path, home=tmp_path, environ={"MY_GROQ_KEY": flawed, "ANTHROPIC_API_KEY": KEY})
    assert keys.get("groq") is None
    assert list(keys.missing) == ["groq"]
    assert "the key in MY_GROQ_KEY has" in keys.missing["groq"]
    assert flawed not in keys.missing["groq"]


def test_unreadable_file_is_told_where_a_key_is_missing(config: Config, tmp_path: Path) -> None:
    """A file in the wrong encoding would otherwise look as if the key were not in it."""
    (tmp_path / ".env").write_bytes(b"MY_GROQ_KEY=\xff\n")
    keys = Keys(config, folder=tmp_path, home=tmp_path / "no", environ={})
    assert "is not UTF-8, so it was not read" in keys.missing["groq"]


def test_odd_files_are_no_crash(config: Config, tmp_path: Path) -> None:
    """A folder called .env, a pipe that would never end, a file of garbage, a byte order mark."""
    (tmp_path / "a" / ".env").mkdir(parents=True)
    assert "groq" in Keys(config, folder=tmp_path / "a", environ={}).missing
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / ".env")
    assert "groq" in Keys(config, folder=tmp_path / "b", environ={}).missing
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / ".env").write_text("\ufeffMY_GROQ_KEY=x\n=\n'\nexport\n", encoding="utf-8")
    assert Keys(config, folder=tmp_path / "c", environ={}).get("groq") == Secret("x")


def test_secret_shows_itself_nowhere(config: Config, tmp_path: Path) -> None:
    """A notebook prints and pickles whatever is left lying about."""
    keys = Keys(config, folder=tmp_path, environ={"MY_GROQ_KEY": KEY})
    secret = keys.get("groq")
    assert secret is not None
    assert secret.reveal() == KEY
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        repr(keys),
        repr([secret]),
        repr({"a": secret}),
        str(vars(type(secret))),
    ):
        assert KEY not in shown
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled") as caught:
            take(secret)
        assert KEY not in "".join(traceback.format_exception(caught.value))
    assert not hasattr(secret, "__dict__")


def test_secrets_compare_by_their_keys() -> None:
    """A backend is made anew when its key changes."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"


def test_usual_variable_is_for_the_public_service_only(config: Config) -> None:
    """The user's OpenAI key must not go to another server because it speaks the same protocol."""
    assert key_variable(config.providers["claude"]) == "ANTHROPIC_API_KEY"
    assert key_variable(config.providers["server"]) is None
