"""A worker's messages to the desk: whenever something is asked, it is sent."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from routebook.bulk.remote import Wire

ASKERS, ROUNDS = 3, 1500


class Line:
    """Stands in for Dask's worker: carries each message to a desk that says it again."""

    def __init__(self) -> None:
        """On the running loop."""
        self.address = "here"
        self.loop = SimpleNamespace(asyncio_loop=asyncio.get_running_loop())

    def rpc(self, _desk: str) -> Line:
        """The way to the desk."""
        return self

    async def actor_execute(self, *, args: list[Any], **_how: Any) -> dict[str, Any]:  # noqa: ANN401  Dask's
        """What each asked, as the desk would carry it back."""
        await asyncio.sleep(0)
        return {"status": "OK", "result": [(True, words[0]) for _, words in args[1].data]}


def test_what_is_asked_in_the_moment_the_last_message_came_back_is_sent_too() -> None:
    """With nobody to send it the job would not end."""
    rng = random.Random(7)

    async def main() -> None:
        wire = Wire(Line(), desk="there", key="k")  # type: ignore[arg-type]

        async def ask(name: int) -> None:
            for number in range(ROUNDS):
                assert await wire.ask("say", (name, number)) == (name, number)
                for _ in range(rng.randrange(5)):
                    await asyncio.sleep(0)

        await asyncio.wait_for(asyncio.gather(*(ask(name) for name in range(ASKERS))), 60)

    asyncio.run(main())
