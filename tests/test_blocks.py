"""A growing answer in blocks: nothing is lost, nothing settles too soon."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.notebook.blocks import Blocks
from routebook.notebook.markdown import render

ANSWER = """First, a sentence.

```python
def f():

    return 1
```

- one

  still one
- two

| a | b |
|---|---|
| 1 | 2 |

The end."""


def pieces(text: str, size: int) -> list[str]:
    """A text as a model sends it."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def settled(text: str, size: int) -> list[str]:
    """What settles, in order, the tail last."""
    blocks = Blocks()
    found = [block for piece in pieces(text, size) if (block := blocks.add(piece))]
    return [*found, blocks.tail]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_blocks_together_are_the_answer_however_it_came(size: int) -> None:
    """And look as the whole would."""
    found = settled(ANSWER, size)
    assert "".join(found) == ANSWER
    assert re.sub(r"\s+", " ", "".join(map(render, found))) == re.sub(r"\s+", " ", render(ANSWER))


def test_code_and_lists_settle_whole() -> None:
    """A blank line in a function ends nothing."""
    found = settled(ANSWER, 1)
    assert "```python\ndef f():\n\n    return 1\n```\n\n" in found
    assert "- one\n\n  still one\n- two\n\n" in found


def test_an_open_fence_never_settles() -> None:
    """The half of a function would be shown as prose."""
    blocks = Blocks()
    assert blocks.add("Code:\n\n") == ""
    assert blocks.add("```\na\n\nb\n\nc\n") == "Code:\n\n"
    assert blocks.add("\n\nd\n") == ""
    assert blocks.add("```\n\nmore") == "```\na\n\nb\n\nc\n\n\nd\n```\n\n"


def test_a_longer_fence_is_not_closed_by_a_shorter_one() -> None:
    """Models quote Markdown in Markdown."""
    blocks = Blocks()
    assert blocks.add("````\n```\n\nx\n```\n\ny\n") == ""
    assert blocks.add("````\n\nz") == "````\n```\n\nx\n```\n\ny\n````\n\n"


@given(st.lists(st.sampled_from(["a", " ", "\n", "\n\n", "```", "~~~", "- x", "    ", "\t", "|", "$$", "\r", "\x0b", "é"]), max_size=60))
def test_no_character_is_lost(parts: list[str]) -> None:
    """Whatever it is that came."""
    blocks = Blocks()
    assert "".join(blocks.add(part) for part in parts) + blocks.tail == "".join(parts)
