"""One word from one model: the doctor asks for it, and so does who warms a model up. An attempt like any other, of a kind of its own."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from routebook.engine.attempt import attempt
from routebook.engine.request import build_request
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Outcome, Turn
from routebook.errors import NoCandidate
from routebook.messages import Classification, Kind, Overrides
from routebook.plan.known import Known
from routebook.plan.planner import make_plan

PROMPT: Final = "Say hi."
_SEEN: Final = Classification(
    task="chat_qa", confidence=1.0, complexity=0.0, strength=0.0, needs_tools=False, tools_score=0.0, reasons=("one word is asked for",)
)


async def word(
    runtime: Runtime, model: str, *, kind: Kind, reason: str, max_tokens: int, is_local: bool, patience_s: float, is_modest: bool = False
) -> Outcome:  # fmt: skip
    """Ask a model for a word. The plan is made as if nothing were known of it, because that is what is to be found out.

    `is_modest`: it takes no memory from models that are to be kept warm.

    Raises:
        NoCandidate: the model cannot take it: it is behind the wall.
        BudgetExceeded, LimitReached, BooksError, DeadlineExceeded: nothing was sent.
    """
    overrides = Overrides(model=model, max_tokens=max_tokens, deadline_s=patience_s, local=is_local)
    request = build_request(PROMPT, overrides, config=runtime.config)
    known = Known(clock=runtime.known.clock, prices=runtime.known.prices)
    plan = make_plan(runtime.config, request, _SEEN, known=known, rng=random.Random(0))
    if not plan.candidates:
        raise NoCandidate(plan)
    turn = Turn(
        plan=plan, candidate=plan.candidates[0], number=1, kind=kind, reason=reason,
        until=asyncio.get_running_loop().time() + patience_s, emit=lambda _event: None, is_modest=is_modest,
    )  # fmt: skip
    return await attempt(runtime, turn, outcomes=[])
