"""Search of the web by Tavily (tavily.com, the key in TAVILY_API_KEY), and of documentation by Context7 (context7.com, CONTEXT7_API_KEY if there is one)."""

from __future__ import annotations

from typing import Any, Final

from routebook.engine.toolbox.keyring import tool_key
from routebook.engine.toolbox.tool import tool
from routebook.errors import SetupNeeded, Unavailable
from routebook.examples.service import fetch

_MOST: Final = 20


@tool(network=True, timeout_s=30)
async def tavily(query: str, limit: int = 5) -> dict[str, Any]:
    """Search the web: the pages that fit best, each with its title, address and an excerpt.

    Args:
        query: what to look for, in a few words.
        limit: of how many pages, 1 to 20.
    """
    key = tool_key("TAVILY_API_KEY")
    body = {"query": query, "max_results": max(1, min(limit, _MOST)), "include_answer": True}
    found = await fetch("tavily", "https://api.tavily.com", "/search", body=body, key=key)
    pages = [{name: page.get(name) for name in ("title", "url", "content")} for page in found.get("results", ())]
    return {"answer": found.get("answer"), "pages": pages}


@tool(network=True, timeout_s=30)
async def context7(query: str, library: str | None = None) -> str:
    """Search the documentation of programming libraries, as it stands today; returns excerpts with code.

    Args:
        query: the question.
        library: its name, such as "pandas"; without it the one that the question is about.
    """
    key = _key("CONTEXT7_API_KEY")
    url = "https://context7.com"
    found = await fetch("context7", url, "/api/v2/libs/search", query={"query": query, "libraryName": library or query}, key=key)
    libraries = found.get("results", []) if isinstance(found, dict) else found
    if not libraries:
        raise Unavailable(f"no library fits {library or query!r}.", provider="context7")
    asked = {"libraryId": libraries[0]["id"], "query": query, "type": "txt"}
    return str(await fetch("context7", url, "/api/v2/context", query=asked, key=key))


def _key(variable: str) -> str | None:
    """The key, where there is one."""
    try:
        return tool_key(variable)
    except SetupNeeded:
        return None
