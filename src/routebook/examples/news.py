"""The news of the world, by GDELT (gdeltproject.org): free, without a key; one request every five seconds."""

from __future__ import annotations

from typing import Any, Final

from routebook.engine.toolbox.tool import tool
from routebook.errors import Unavailable
from routebook.examples.service import fetch

_MOST: Final = 50
_HOUR: Final = 24


@tool(network=True, timeout_s=30)
async def news(topic: str, days: int = 1, limit: int = 10) -> list[dict[str, Any]]:
    """Recent news articles about a topic: title, address, source, date and language, newest first.

    Args:
        topic: a few words.
        days: how far back, 1 to 90.
        limit: of how many articles, 1 to 50.
    """
    found = await fetch(
        "gdelt", "https://api.gdeltproject.org", "/api/v2/doc/doc",
        query={
            "query": topic, "mode": "artlist", "format": "json", "sort": "datedesc",
            "maxrecords": max(1, min(limit, _MOST)), "timespan": f"{max(1, min(days, 90)) * _HOUR}h",
        },
    )  # fmt: skip
    if not isinstance(found, dict):  # it says in plain text what it does not like
        raise Unavailable(str(found).strip()[:200], provider="gdelt")
    return [{key: article.get(key) for key in ("title", "url", "domain", "seendate", "language")} for article in found.get("articles", ())]
