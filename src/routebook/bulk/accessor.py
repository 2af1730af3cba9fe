"""`frame.route` on every pandas frame: the charts of attempts, and `map` for a column of prompts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from routebook.tables.accessor import Plots

if TYPE_CHECKING:  # the engine loads only when something is asked
    from routebook.engine.router import Router


@pd.api.extensions.register_dataframe_accessor("route")
class Route(Plots):
    """What Routebook does with a frame."""

    def map(
        self,
        template: str,
        *,
        out: str = "answer",
        router: Router | None = None,
        budget_usd: float | Decimal | None = None,
        concurrency: int = 64,
        progress: bool = True,
        **overrides: Any,  # noqa: ANN401  as `router.ask` takes them
    ) -> pd.DataFrame:
        """Ask one prompt for each row and return the frame with the answers beside the rows; see `docs/bulk.md`.

        Args:
            template: the prompt, with `{{column}}` for the row's value.
            out: the column of the answers; model, cost, request and error stand beside it.
            router: whose `routing.toml` and books; without it the one found here.
            budget_usd: for all rows together.
            concurrency: how many are under way at most.
            progress: show a bar.
            **overrides: as `router.ask` takes them.

        Raises:
            UsageError: the template uses a column that is not there, or `out` is one that is.
        """
        if not isinstance(template, str):  # a frame of attempts has a column of this name, and its `map` takes no text
            return self.__getattr__("map")(template)
        from routebook.bulk.frames import map_frame

        return map_frame(
            self._frame, template, out=out, router=router, budget_usd=budget_usd, concurrency=concurrency, progress=progress, **overrides
        )
