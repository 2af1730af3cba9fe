"""`frame.route.map` on a Dask DataFrame: the same call, on the workers of a cluster."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import pandas as pd

from routebook.bulk.template import columns_of, prompts_of
from routebook.errors import UsageError

if TYPE_CHECKING:  # the engine loads only when something is asked
    from routebook.bulk.run import Asked
    from routebook.engine.router import Router


@dd.extensions.register_dataframe_accessor("route")
class Route:
    """What Routebook does with a Dask DataFrame."""

    def __init__(self, frame: dd.DataFrame) -> None:
        """The frame is looked at only when something is asked."""
        self._frame = frame

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
    ) -> dd.DataFrame:
        """Ask one prompt for each row on the workers of the cluster that is connected, and return the frame with the answers beside the rows.

        The prompts are asked now; the frame itself stays lazy. Limits and caps hold over all workers; each worker needs the keys in its own
        environment. A worker that dies loses nothing that was answered.

        Args:
            template: the prompt, with `{{column}}` for the row's value.
            out: the column of the answers; model, cost, request and error stand beside it.
            router: whose `routing.toml` and books; without it the one found here.
            budget_usd: for all rows together.
            concurrency: how many are under way at most, on each worker.
            progress: show a bar.
            **overrides: as `router.ask` takes them.

        Raises:
            UsageError: no cluster is connected, or as on a pandas frame.
        """
        from routebook.bulk.frames import check_names, finished
        from routebook.bulk.run import check_concurrency
        from routebook.engine.router import Router

        check_concurrency(concurrency)
        check_names(self._frame.columns, out)
        used = columns_of(template, self._frame.columns)
        client = _client()
        from routebook.bulk.cluster import ask_on_cluster

        parts = self._frame[used].map_partitions(pd.DataFrame.drop_duplicates)  # each for itself: no shuffle over the cluster
        rows = parts.compute().drop_duplicates()
        prompts = [prompt for prompt in prompts_of(rows, template) if prompt is not None]
        of = router or Router()
        try:
            asked = ask_on_cluster(
                client, of, prompts, template=template, budget_usd=budget_usd, concurrency=concurrency, progress=progress,
                overrides=overrides,
            )  # fmt: skip
            finished(of, asked, prompts, template=template, overrides=overrides)
        finally:
            if router is None:
                of.close()
        beside = partial(_beside, template=template, out=out)
        return self._frame.map_partitions(beside, asked, meta=_beside(self._frame._meta, asked, template=template, out=out))  # noqa: SLF001


def _beside(part: pd.DataFrame, asked: Asked, *, template: str, out: str) -> pd.DataFrame:
    from routebook.bulk.frames import joined

    return joined(part, prompts_of(part, template), asked, out=out)


def _client() -> Any:  # noqa: ANN401  a client of a cluster
    try:
        from distributed import get_client

        return get_client()
    except (ImportError, ValueError) as error:
        raise UsageError("No cluster is connected. First: from distributed import Client; client = Client()") from error
