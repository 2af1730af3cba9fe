"""`docs/configuration.md` says of every key what the program does, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routebook.config import alerts, answer_cache, evaluation, expected, experiments, pipelines, reactions, scripted, values
from routebook.config.read import parse
from routebook.labels import TASKS

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TABLES: dict[type[msgspec.Struct], str] = {
    values.Defaults: "## `[defaults]`",
    values.Books: "## `[books]`",
    values.Budget: "## `[budgets]`",
    values.Provider: "## `[providers.NAME]`",
    values.Model: "## `[models.NAME]`",
    values.Timeouts: "### `timeout`",
    values.Price: "### `price`",
    values.ModelParams: "### `params`",
    values.Pool: "## `[pools.NAME]`",
    values.OwnTask: "## `[tasks.NAME]`",
    values.Route: "## `[[routes]]`",
    reactions.OnRateLimit: "`on_rate_limit`, after",
    reactions.OnTimeout: "`on_timeout`, when",
    reactions.OnRefusal: "`on_refusal`, when",
    reactions.OnLowQuality: "`on_low_quality`, when",
    answer_cache.Cache: "### `cache`",
    answer_cache.AnswerCache: "## `[cache]`",
    values.Agent: "## `[agents.NAME]`",
    experiments.Experiment: "## `[experiments.NAME]`",
    alerts.Alerts: "## `[alerts]`",
    expected.Expected: "## `[expected]`",
    alerts.Metrics: "## `[metrics]`",
    evaluation.Evaluation: "## `[evaluation]`",
    pipelines.Pipeline: "## `[pipelines.NAME]`",
    pipelines.Step: "### `steps`",
    scripted.Chaos: "## `chaos`",
    scripted.Fault: "Each of the `faults`",
    scripted.ScriptedCall: "Each of the `calls`",
    values.ToolEntry: "## `[tools.NAME]`",
}


def rows(heading: str) -> dict[str, str]:
    """The first table below a heading: key and default."""
    below = PAGE[PAGE.index(f"\n{heading}") :]
    table = below[below.index("|---|---|---|\n") + len("|---|---|---|\n") :].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return {key.strip("`"): default for key, _, default in cells}


def written(default: Any) -> str | None:  # noqa: ANN401  whatever a field has
    """A default as the page writes it; `None` where words say it better."""
    match default:
        case bool():
            return f"`{str(default).lower()}`"
        case str():
            return f'`"{default}"`'
        case int() | float():
            return f"`{default:g}`"
        case ():
            return "`[]`"
        case _:
            return None


def test_every_kind_of_table_is_on_the_page() -> None:
    """A table that is not explained is not used."""
    tables = {
        each
        for page in (pipelines, scripted, values)
        for each in vars(page).values()
        if isinstance(each, type) and issubclass(each, values.Table)
    }
    assert tables - {values.Table, values.Limits, values.Config} == set(TABLES)
    for field in msgspec.structs.fields(values.Config):
        assert f"[{field.encode_name}" in PAGE


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_keys_and_defaults_are_the_programs_own(table: type[msgspec.Struct]) -> None:
    """The page must not lie about a key, nor leave one out."""
    said = rows(TABLES[table])
    fields = {field.encode_name: field for field in msgspec.structs.fields(table)}
    assert list(said) == list(fields)
    for key, field in fields.items():
        if field.required:
            assert said[key] == "required", key
        elif field.default_factory is dict:
            assert said[key] == "`{}`", key
        elif (expected := written(field.default)) is not None:
            assert said[key] == expected, key
        else:
            assert said[key] not in ("", "required"), key


def test_examples_together_are_one_right_file() -> None:
    """What people copy must work."""
    config = parse("\n".join(block for block in BLOCKS if not block.startswith("# routing.toml")), file="docs/configuration.md")
    assert config.routes[-1].name == "chat"


def test_whole_files_are_right() -> None:
    """Such a block is copied as it stands."""
    whole = [block for block in BLOCKS if block.startswith("# routing.toml")]
    assert whole
    for block in whole:
        parse(block, file="docs/configuration.md")


def test_every_key_has_an_example() -> None:
    """A key is understood by its example."""
    examples = "\n".join(BLOCKS)
    for table in TABLES:
        for field in msgspec.structs.fields(table):
            assert re.search(rf"(?<![\w-]){field.encode_name} = ", examples), f"{table.__name__}.{field.encode_name}"


def test_built_in_tasks_are_listed() -> None:
    """They are the names routes are written with."""
    assert all(f"`{task}`" in PAGE for task in TASKS)
