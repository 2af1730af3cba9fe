"""Whole set-ups to start from: each reads, each leads to a model that is always there, and none takes a file away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cells import running_shell

from routebook.config.preset import PRESETS, preset
from routebook.config.read import parse
from routebook.config.values import Config
from routebook.errors import UsageError
from routebook.notebook.commands.init import write_starter

READABLE_LINES = 330
"""Five minutes, at a line a second."""


@pytest.fixture(params=PRESETS)
def config(request: pytest.FixtureRequest) -> Config:
    """Each preset, read and checked."""
    return parse(preset(request.param), file=f"preset {request.param}")


def members(config: Config, names: tuple[str, ...]) -> list[str]:
    """The models that names stand for, in order."""
    return [model for name in names for model in (config.pools[name].models if name in config.pools else (name,))]


def test_every_chain_ends_in_the_model_that_is_always_there(config: Config) -> None:
    """A preset tried on a bare machine must answer, not fail for want of keys."""
    for route in config.routes:
        last = members(config, route.try_)[-1]
        assert config.providers[config.models[last].provider].kind == "embedded", route.name
    for name, agent in config.agents.items():
        last = members(config, (*agent.primary, *agent.backup, *agent.tertiary))[-1]
        assert config.providers[config.models[last].provider].kind == "embedded", name


def test_every_provider_that_leaves_the_machine_names_its_key(config: Config) -> None:
    """A key that is missing is said by its variable's name, and that needs one."""
    for name, model in config.models.items():
        provider = config.providers[model.provider]
        if config.tier(name) != "local":
            assert model.api_key_env or provider.api_key_env, name


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_read_in_five_minutes(name: str) -> None:
    """It is there to be edited: short, commented, its keys named at its head."""
    text = preset(name)
    head = text.partition("\n\n")[0]
    assert len(text.splitlines()) <= READABLE_LINES
    assert text.startswith(f"# {name}: ")
    for variable in set(re.findall(r'api_key_env = "(\w+?)(?:_\d+)?"', text)):
        assert variable in head, variable


@pytest.mark.parametrize("name", PRESETS)
def test_init_writes_each_preset(tmp_path: Path, name: str) -> None:
    """One line to start from."""
    with running_shell(tmp_path, None) as shell:
        shell.run(f"%route init --preset {name}")
        assert (tmp_path / "routing.toml").read_text(encoding="utf-8") == preset(name)
        shell.run("%route models")
        assert "smollm2" in shell.text


def test_a_preset_over_a_file_asks_and_keeps_the_old_one(tmp_path: Path) -> None:
    """A lost routing.toml is an evening's work."""
    file = tmp_path / "routing.toml"
    file.write_text("# mine\n", encoding="utf-8")
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    assert write_starter(file, name="agents", may_replace=no) is None
    assert file.read_text(encoding="utf-8") == "# mine\n"
    assert write_starter(tmp_path, name="agents", may_replace=lambda _: True) == file.resolve()
    assert (tmp_path / "routing.toml.old1").read_text(encoding="utf-8") == "# mine\n"
    assert write_starter(file, name="tiers", may_replace=lambda _: True) == file.resolve()
    assert (tmp_path / "routing.toml.old2").read_text(encoding="utf-8") == preset("agents")
    assert "routing.toml.old1" in asked[0]


def test_where_nobody_can_be_asked_a_file_is_never_replaced(tmp_path: Path) -> None:
    """In nbconvert there is no one to press a button."""
    (tmp_path / "routing.toml").write_text("# mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not overwritten"):
        write_starter(tmp_path, name="agents")
