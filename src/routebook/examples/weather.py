"""The weather, by Open-Meteo (open-meteo.com): free for non-commercial use, without a key."""

from __future__ import annotations

from typing import Any, Final

from routebook.engine.toolbox.tool import tool
from routebook.errors import UsageError
from routebook.examples.service import fetch

_NOW: Final = "temperature_2m,apparent_temperature,relative_humidity_2m,precipitation,weather_code,wind_speed_10m"
_DAILY: Final = "weather_code,temperature_2m_max,temperature_2m_min,precipitation_sum"
_MOST_DAYS: Final = 16


@tool(network=True, timeout_s=20)
async def weather(city: str, days: int = 3) -> dict[str, Any]:
    """The weather of a place: now, and the forecast of the next days.

    Args:
        city: its name, with the country where there are several: "Paris", "Springfield, Illinois".
        days: of the forecast, 1 to 16.
    """
    found = await fetch(
        "open_meteo_geocoding", "https://geocoding-api.open-meteo.com", "/v1/search", query={"name": city.partition(",")[0], "count": 10}
    )
    place = _place(found.get("results") or [], city)
    forecast = await fetch(
        "open_meteo", "https://api.open-meteo.com", "/v1/forecast",
        query={
            "latitude": place["latitude"], "longitude": place["longitude"], "current": _NOW, "daily": _DAILY, "timezone": "auto",
            "forecast_days": max(1, min(days, _MOST_DAYS)),
        },
    )  # fmt: skip
    where = ", ".join(filter(None, (place.get("name"), place.get("admin1"), place.get("country"))))
    return {"place": where, **{key: forecast.get(key) for key in ("current", "current_units", "daily", "daily_units")}}


def _place(places: list[dict[str, Any]], city: str) -> dict[str, Any]:
    """The first place that has everything named behind the comma."""
    wanted = [part.strip().lower() for part in city.split(",")[1:] if part.strip()]
    fitting = [place for place in places if all(any(part in str(value).lower() for value in place.values()) for part in wanted)]
    if not places:
        raise UsageError(f"There is no place called {city!r}.")
    return (fitting or places)[0]
