"""Thinking that is kept across turns: what a model thought goes back to it, in its provider's own form, and to nobody else."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from routebook.messages import Message


def with_own_thoughts(messages: Sequence[Message], *, by: str, is_kept: bool) -> tuple[Message, ...]:
    """The turns as the model `by` (`PROVIDER/MODEL`) gets them: of earlier turns its own thoughts if they are kept, and nobody else's.

    What was said within this request (`by` is empty) stays as it is: a loop of tool calls does not go on without its signatures.
    """
    return tuple(
        msgspec.structs.replace(message, by="", echo=message.echo if is_kept and message.by == by else {}) if message.by else message
        for message in messages
    )
