"""The API's description, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from soilco2.dashboards.live.queries import MOST_COLUMNS, MOST_POINTS, MOST_SERIES
from soilco2.dashboards.live.status import MOST_DAYS, MOST_EVENTS

_TIME = {"type": "integer", "minimum": -9_000_000_000_000, "maximum": 9_000_000_000_000}


def _query(name: str, schema: dict[str, Any], text: str, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": text}


_STATION = _query("station", {"type": "string"}, "Which station; the first when left out.")
_FROM = _query("from", _TIME, "Start, inclusive [ms since 1970 UTC].", required=True)
_TO = _query("to", _TIME, "End, exclusive [ms since 1970 UTC]; a day from now when left out.")
_SERIES = _query(
    "series", {"type": "string"}, f"1 to {MOST_SERIES} names profile/position/variable, by comma.", True
)


def _count(name: str, low: int, high: int, default: int) -> dict[str, Any]:
    return _query(name, {"type": "integer", "minimum": low, "maximum": high, "default": default}, "How many.")


_ANY: dict[str, Any] = {"type": "object"}
_LIST: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
_NUMBERS: dict[str, Any] = {"type": "array", "items": {"type": ["number", "null"]}}
_INTEGERS: dict[str, Any] = {"type": "array", "items": {"type": "integer"}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_ONE_SERIES = _object(
    series={"type": "string"}, t=_INTEGERS, v=_NUMBERS, f=_INTEGERS, step_ms={"type": "integer"}
)
_ONE_ROW = _object(
    series={"type": "string"}, depth_m={"type": ["number", "null"]}, v=_NUMBERS, f=_INTEGERS
)  # fmt: skip

PATHS: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any]]] = {
    "stations": (
        "Stations, profiles, series and the registry of variables.",
        [],
        _object(version={"type": "string"}, language={"type": "string"}, stations=_LIST, variables=_ANY),
    ),
    "latest": (
        "Newest value of each series, and the good value 24 h before it.",
        [_STATION],
        _object(now_ms={"type": "integer"}, rev={"type": "integer"}, latest=_LIST),
    ),
    "series": (
        "Series, thinned so that the lowest and the highest value of each stretch stay.",
        [_STATION, _SERIES, _FROM, _TO, _count("points", 2, MOST_POINTS, 2000)],
        _object(
            series={"type": "array", "items": _ONE_SERIES},
            source={"type": "string"},
            notice={"type": "string"},
        ),
    ),
    "raster": (
        "Depth × time: a mean per probe and column; gaps are null.",
        [
            _STATION,
            _query("profile", {"type": "string"}, "Profile.", True),
            _query("variable", {"type": "string"}, "Variable.", True),
            _FROM,
            _TO,
            _count("columns", 1, MOST_COLUMNS, 600),
        ],
        _object(
            t0={"type": "integer"},
            step={"type": "integer"},
            rows={"type": "array", "items": _ONE_ROW},
            source={"type": "string"},
            notice={"type": "string"},
        ),
    ),
    "quality": (
        f"Completeness by series and local day, at most {MOST_DAYS} days.",
        [_STATION, _FROM, _TO],
        _object(days=_LIST),
    ),
    "instruments": (
        "Instruments: newest value, errors, calibration due; supply voltage.",
        [_STATION],
        _object(now_ms={"type": "integer"}, instruments=_LIST, supply_voltage=_LIST),
    ),
    "results": (
        "Newest result of each analysis with its interval or the reason why it is withheld.",
        [_STATION],
        _object(jobs=_LIST, derived=_LIST, faults={"type": "array", "items": {"type": "string"}}),
    ),
    "events": (
        "Events of the station, newest first.",
        [_STATION, _FROM, _TO, _count("limit", 1, MOST_EVENTS, 200)],
        _object(events=_LIST),
    ),
    "screens": (
        "Screens of a station, and what is wrong with screen files.",
        [_STATION],
        _object(screens=_LIST, faults={"type": "array", "items": {"type": "string"}}),
    ),
}
"""Each JSON request: what it answers, its parameters, the schema of the answer."""


def describe(version: str) -> dict[str, Any]:
    """The whole description."""
    error = {"content": {"application/json": {"schema": _object(error={"type": "string"})}}}

    def operation(
        text: str, parameters: list[dict[str, Any]], kind: str, schema: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "summary": text,
            "parameters": parameters,
            "responses": {
                "200": {"description": text, "content": {kind: {"schema": schema}}},
                "400": {"description": "A wrong question, in one sentence.", **error},
                "404": {"description": "No such station.", **error},
                "429": {"description": "Too many requests; see Retry-After.", **error},
                "503": {"description": "The data cannot be read now, or too many are listening.", **error},
            },
        }

    paths: dict[str, Any] = {
        f"/api/v1/{name}": {"get": operation(text, parameters, "application/json", schema)}
        for name, (text, parameters, schema) in PATHS.items()
    }
    paths["/api/v1/table"] = {
        "get": operation(
            "A tidy table of stored values.", [_STATION, _SERIES, _FROM, _TO], "text/csv", {"type": "string"}
        )
    }
    several = _query("station", {"type": "array", "items": {"type": "string"}}, "Which stations, repeated.")
    since = _query("since", {"type": "string"}, "Event id journal:rev, several by comma, to go on after.")
    paths["/api/v1/stream"] = {
        "get": operation(
            "Server-sent events.", [several, since], "text/event-stream", {"type": "string"}
        )
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "soilco2 live page", "version": version},
        "paths": paths,
    }
