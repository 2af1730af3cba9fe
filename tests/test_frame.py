"""The frame is tidy and typed, so that it groups, plots and saves without repair."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from making import attempt
from recorded import many, recorded

from routebook.books.ledger import COLUMNS

DOCS = Path(__file__).parent.parent / "docs" / "frame.md"


def documented() -> dict[str, str]:
    """The type of each column as `docs/frame.md` states it."""
    types: dict[str, str] = {}
    for line in DOCS.read_text(encoding="utf-8").partition("\n## ")[0].splitlines():  # the charts have a table of their own
        if match := re.match(r"\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|", line):
            names = re.findall(r"\w+", match[1])
            stated = match[2].strip()
            one_each = [stated] if stated.startswith("datetime64") else [part.strip() for part in stated.split(",")]
            kinds = one_each if len(one_each) == len(names) else one_each[:1] * len(names)
            types |= dict(zip(names, kinds, strict=True))
    return types


@pytest.mark.parametrize("count", [0, 1, 50])
def test_every_column_has_the_type_that_the_docs_state(count: int) -> None:
    """A notebook that works on a frame of fifty must work on an empty one."""
    frame = recorded(many(count))
    types = {"float": "float64", "int": "int64"}
    stated = {name: types.get(kind, kind) for name, kind in documented().items()}
    assert list(frame.columns) == list(stated)
    assert set(frame.columns) == set(COLUMNS)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == stated


def test_an_unknown_cost_is_nan_and_a_free_call_is_zero() -> None:
    """Taking unknown for free is how people overspend."""
    frame = recorded([attempt(cost_usd=None), attempt(cost_usd=Decimal(0)), attempt(cost_usd=Decimal("0.0000012"))])
    assert frame["cost_usd"].isna().tolist() == [True, False, False]
    assert frame["cost_usd"].tolist()[1:] == [0.0, 1.2e-06]


def test_unknown_tokens_and_texts_are_missing_and_not_zero_or_none_as_text() -> None:
    """`NA` is told apart from 0 and from the word None."""
    row = recorded([attempt(input_tokens=None, output_tokens=7, error=None, agent=None)]).iloc[0]
    assert row["input_tokens"] is pd.NA
    assert row["output_tokens"] == 7
    assert pd.isna(row["error"])
    assert pd.isna(row["agent"])


def test_times_carry_their_zone_and_rows_their_order() -> None:
    """Times without a zone are wrong twice a year."""
    attempts = many(3)
    frame = recorded(attempts)
    assert frame["time"].dt.to_pydatetime().tolist() == [one.time for one in attempts]
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["request_id"].tolist() == ["r0", "r1", "r2"]


@pytest.mark.parametrize("odd", ["it's", "''", "',NULL,'", "NULL", "", "3", "zwei\nZeilen", "%Q 100 %", 'a "b"', "é🙂"])
def test_names_come_back_as_they_were_written(odd: str) -> None:
    """Columns of few values are read together as one text: no name may pass for its neighbour's, or for none."""
    written = {"notebook": odd, "cell_id": None, "task": odd, "agent": odd, "model": odd, "pool": odd, "error_type": odd, "reason": odd}
    row = recorded([attempt(), attempt(**written), attempt()]).iloc[1]
    assert {name: None if pd.isna(row[name]) else row[name] for name in written} == written
    assert (row["attempt"], bool(row["tokens_estimated"])) == (1, attempt().tokens_estimated)
