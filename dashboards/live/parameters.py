"""Query parameters of a request as checked values; a wrong one is told in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.live.queries import PageStation
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US

LATEST_MS = 9_000_000_000_000
"""Numbers this far from zero at most, times among them [ms since 1970 UTC]."""


def known(pages: Mapping[str, PageStation], name: str) -> PageStation:
    """The station of an id.

    Raises
    ------
    QueryError
        When it is not shown here.
    """
    if name not in pages:
        raise QueryError(
            Message(
                "station {name!r} is not shown here; shown are {names}",
                name=name[:80],
                names=", ".join(pages) or Message("none"),
            ),
            404,
        )
    return pages[name]


def station(request: Request, pages: Mapping[str, PageStation]) -> PageStation:
    """The station that is asked for; the first when none is named."""
    return known(pages, request.query_params.get("station", next(iter(pages), "")))


def stations(request: Request, pages: Mapping[str, PageStation]) -> list[str]:
    """The stations that are asked for, each once; the first when none is named."""
    names = list(dict.fromkeys(request.query_params.getlist("station"))) or list(pages)[:1]
    for name in names or [""]:
        known(pages, name)
    return names


def series(request: Request) -> list[str]:
    """Names of series, by comma."""
    return [name for name in request.query_params.get("series", "").split(",") if name]


def number(request: Request, name: str, default: int | None = None) -> int:
    """A whole number; without a default it must be there.

    Raises
    ------
    QueryError
        When it is missing, is none, or is too large for a time.
    """
    text = request.query_params.get(name)
    if text is None:
        if default is None:
            raise QueryError(Message("{name} is missing; a whole number is expected", name=name))
        return default
    try:
        value = int(float(text))
    except (ValueError, OverflowError):
        raise QueryError(
            Message("{name} is {text!r}; a whole number is expected", name=name, text=text[:40])
        ) from None
    if abs(value) > LATEST_MS:
        raise QueryError(
            Message("{name} is out of range; times are milliseconds since 1970", name=name),
        )
    return value


def span(request: Request, page: PageStation) -> tuple[int, int]:
    """Start, inclusive, and end, exclusive [µs UTC]; the end is a day from now when it is left out.

    Raises
    ------
    QueryError
        When the end is not later than the start.
    """
    start = number(request, "from") * 1000
    end = number(request, "to", (page.now_us() + DAY_US) // 1000) * 1000
    if end <= start:
        raise QueryError(Message("to must be later than from"))
    return start, end
