"""The weather, from a server that speaks as Open-Meteo does. Without one it says how old it is.

A forecast is kept for a while, on disk too when the spec says where: offline, the last one is told
with its age. A place's coordinates leave this machine; a person's name and words do not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, StorageError
from penjing.core.files import read_text, write_text
from penjing.core.protocols import Tool
from penjing.core.tool_arguments import mistake
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.names import find
from penjing.tools.places import Place, by_name, names, with_cities
from penjing.tools.web import Web, parse_origin
from penjing.tools.when import DATE, read_date

DESCRIPTION = "Tells the weather at a place, now or on one of the next days."
PARAMETERS = parameters(
    [],
    place=text("a place of the settings; the first when left out"),
    date=text("YYYY-MM-DD; today when left out", 10, DATE),
)

_CONDITIONS: tuple[tuple[range, str, str], ...] = (
    (range(0, 1), "clear", "晴"),
    (range(1, 3), "partly cloudy", "多云"),
    (range(3, 4), "overcast", "阴"),
    (range(45, 49), "fog", "雾"),
    (range(51, 58), "drizzle", "毛毛雨"),
    (range(61, 68), "rain", "雨"),
    (range(71, 78), "snow", "雪"),
    (range(80, 83), "showers", "阵雨"),
    (range(85, 87), "snow showers", "阵雪"),
    (range(95, 100), "thunderstorm", "雷雨"),
)
"""WMO codes, as Open-Meteo gives them."""
_NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": 16}
_ANSWER = {
    "type": "object",
    "required": ["current", "daily"],
    "properties": {
        "current": {
            "type": "object",
            "required": ["temperature_2m"],
            "properties": {"temperature_2m": {"type": "number"}},
        },
        "daily": {
            "type": "object",
            "required": ["time", "temperature_2m_max", "temperature_2m_min"],
            "properties": {
                "time": {
                    "type": "array",
                    "items": {"type": "string", "pattern": DATE},
                    "maxItems": 16,
                },
                "temperature_2m_max": _NUMBERS,
                "temperature_2m_min": _NUMBERS,
                "weather_code": _NUMBERS,
                "precipitation_sum": _NUMBERS,
                "precipitation_probability_max": _NUMBERS,
                "wind_speed_10m_max": _NUMBERS,
            },
        },
    },
}


@dataclass(frozen=True)
class Settings:
    """The `weather:` of a spec."""

    places: tuple[Place, ...]
    """Where it is told for; the first when nobody says where."""
    cities: bool = False
    """For the large cities of the world too."""
    url: str = "https://api.open-meteo.com"
    """The server."""
    fresh_seconds: int = 900
    """How long a forecast is used without asking again."""
    cache: Path | None = None
    """A file for forecasts, so that they outlive a restart."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""

    def __post_init__(self) -> None:
        parse_origin(self.url)
        if not self.places:
            raise BadInput("weather needs at least one place")

    def everywhere(self) -> tuple[Place, ...]:
        """All places it is told for."""
        return with_cities(self.places) if self.cities else self.places

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [parse_origin(self.url).address]


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("weather", DESCRIPTION, PARAMETERS, Weather(settings, given))]


class Weather:
    """Asks and remembers."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings, self._clock = settings, given.clock
        self._web = Web(settings.url, ca=settings.ca)
        self._everywhere = settings.everywhere()
        self._places = by_name(self._everywhere)
        self._kept = _read_cache(settings.cache)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        first = self._settings.places[0]
        place = find("place", arguments["place"], self._places) if "place" in arguments else first
        wanted = str(read_date(arguments["date"])) if "date" in arguments else None
        at, answer, stale = self._forecast(place)
        data = {
            "place": place.called(arguments.get("place", "")),
            "age_seconds": max(0, round(self._clock() - at)),
            "stale": stale,
            **_day(answer, wanted, self._clock() + answer.get("utc_offset_seconds", 0)),
        }
        if data["today"]:
            data["temperature"] = answer["current"]["temperature_2m"]
        return data

    def _forecast(self, place: Place) -> tuple[float, dict[str, Any], bool]:
        """When it was got, what it says, and whether that is old because nobody answers."""
        key = f"{place.latitude:.4f},{place.longitude:.4f}"
        kept = self._kept.get(key)
        if kept and 0 <= self._clock() - kept["at"] < self._settings.fresh_seconds:
            return kept["at"], kept["answer"], False
        try:
            answer = self._ask(place)
        except ToolError as error:
            if kept is None:
                raise ToolError(error.reason, f"the weather is not known: {error}") from error
            return kept["at"], kept["answer"], True
        self._kept[key] = {"at": self._clock(), "answer": answer}
        if self._settings.cache:
            try:
                write_text(self._settings.cache, json.dumps(self._kept), private=True)
            except StorageError as error:
                raise ToolError("not_kept", str(error)) from error
        return self._clock(), answer, False

    def _ask(self, place: Place) -> dict[str, Any]:
        answer = self._web.get(
            "/v1/forecast",
            latitude=place.latitude,
            longitude=place.longitude,
            current="temperature_2m,weather_code",
            daily="weather_code,temperature_2m_max,temperature_2m_min,precipitation_sum,"
            "precipitation_probability_max,wind_speed_10m_max",
            timezone="auto",
            forecast_days=16,
        )
        return _require_forecast(answer)

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of places."""
        return names(self._everywhere) if parameter == "place" else ()

    def close(self) -> None:
        """Nothing is held."""


def _require_forecast(answer: Any) -> dict[str, Any]:
    wrong = mistake(answer, _ANSWER)
    offset = answer.get("utc_offset_seconds", 0) if isinstance(answer, dict) else 0
    if wrong or not isinstance(offset, int) or not -86_400 < offset < 86_400:
        raise ToolError("wrong_answer", f"the weather server answers what is no forecast: {wrong}")
    return dict(answer)


def _day(answer: Mapping[str, Any], wanted: str | None, now: float) -> dict[str, Any]:
    daily = answer["daily"]
    today = str(datetime.fromtimestamp(now, UTC).date())
    day = wanted or today
    if day not in daily["time"]:
        raise ToolError("not_supported", f"there is no forecast for {day}: sixteen days at most")
    index = daily["time"].index(day)

    def number(name: str) -> float | None:
        values = daily.get(name, ())
        return values[index] if index < len(values) else None

    code = number("weather_code")
    words = next(((en, zh) for codes, en, zh in _CONDITIONS if code in codes), ("unknown", "未知"))
    return {
        "date": day,
        "today": day == today,
        "low": number("temperature_2m_min"),
        "high": number("temperature_2m_max"),
        "rain_mm": number("precipitation_sum"),
        "rain_chance": number("precipitation_probability_max"),
        "wind": number("wind_speed_10m_max"),
        "code": code,
        "condition": {"en": words[0], "zh": words[1]},
    }


def _read_cache(path: Path | None) -> dict[str, dict[str, Any]]:
    """What was kept; a file that cannot be used is a forecast that is asked for again."""
    if path is None or not path.exists():
        return {}
    try:
        document = json.loads(read_text(path, limit=2**20))
        return {
            str(key): {"at": float(one["at"]), "answer": _require_forecast(one["answer"])}
            for key, one in document.items()
        }
    except (BadInput, ToolError, ValueError, TypeError, KeyError, AttributeError):
        return {}
