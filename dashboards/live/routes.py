"""What each path answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.live import openapi, parameters, queries, screens, status
from soilco2.dashboards.live.cache import ResponseCache
from soilco2.dashboards.live.event_stream import Feeds
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.static_files import document, static_file
from soilco2.dashboards.web.limits import Slots, asker
from soilco2.dashboards.web.responses import FinalizedStream, etag, etag_headers, language, not_modified, told
from soilco2.station_config.message import Message

MOST_LISTENERS, EACH_LISTENERS = 256, 64
"""Open event streams at most, and those of one address."""
MOST_AT_ONCE = 4
"""Queries that read at the same time at most; the rest wait."""
MOST_WAITING, EACH_WAITING = 256, 64
"""Queries that wait at most, and those of one address."""
MOST_TABLES, EACH_TABLES = 8, 4
"""Tables that are being sent at the same time at most, and those of one address."""
MOST_ROWS = 500_000
"""Values in one table at most."""


class Handlers:
    """A handler for each path.

    Parameters
    ----------
    pages, version, every_s, language, results, screen_folder
        As in `create_app`.
    """

    def __init__(
        self,
        pages: Sequence[PageStation],
        *,
        version: str,
        every_s: float,
        language: str,
        results: Path | None,
        screen_folder: Path | None,
    ) -> None:
        self._pages = pages
        self._by_id = {page.station.file.station.id: page for page in pages}
        self.feeds = Feeds(self._by_id, every_s)
        self._version, self._language = version, language
        self._results, self._screen_folder = results, screen_folder
        self._cache = ResponseCache()
        self._reading = asyncio.Semaphore(MOST_AT_ONCE)
        self._waiting, self._listening, self._downloading = Slots(), Slots(), Slots()

    def routes(self) -> list[Route]:
        """Every path with its handler."""
        return [
            Route("/", self.index),
            Route("/api/v1/stations", self.stations),
            Route("/api/v1/latest", self.latest),
            Route("/api/v1/series", self.series),
            Route("/api/v1/raster", self.raster),
            Route("/api/v1/quality", self.quality),
            Route("/api/v1/instruments", self.instruments),
            Route("/api/v1/results", self.results),
            Route("/api/v1/events", self.events),
            Route("/api/v1/table", self.table),
            Route("/api/v1/screens", self.screens),
            Route("/api/v1/picture", self.picture),
            Route("/api/v1/openapi", self.openapi),
            Route("/api/v1/stream", self.stream),
            Route("/static/{name}", self.static),
        ]

    async def _ask(self, request: Request, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a query answers, read in a thread."""
        who, message = asker(request.scope), Message("too many queries at once; try again")
        self._waiting.take(who, MOST_WAITING, EACH_WAITING, message)
        try:
            async with self._reading:
                return await run_in_threadpool(function, *arguments)
        finally:
            self._waiting.free(who)

    async def _cached(
        self, request: Request, page: PageStation, function: Callable[..., Any], *arguments: Any
    ) -> Response:
        """The answer with its ETag, from what was kept while the journal is the same."""
        if "to" not in request.query_params or page.open_data is not None:
            found = await self._ask(request, function, page, *arguments)
            found["notice"] = told(request.scope, found["notice"])
            return JSONResponse(found, headers={"cache-control": "no-store"})
        revision = await self._ask(request, queries.revision, page)
        here = (self._version, page.station.file.station.id, page.station.hash, revision, request.url.path)
        mark = etag(repr((*here, arguments)).encode())
        if (same := not_modified(request, mark)) is not None:
            return same
        body = self._cache.get(mark)
        if body is None:
            body = bytes(JSONResponse(await self._ask(request, function, page, *arguments)).body)
            self._cache.put(mark, body)
        return Response(body, media_type="application/json", headers=etag_headers(mark))

    async def stations(self, request: Request) -> Response:
        """Stations, their series, and the registry of variables."""
        found = await self._ask(request, lambda: [queries.describe(page) for page in self._pages])
        for station in found:
            station["fault"] = told(request.scope, station["fault"])
        return JSONResponse(
            {
                "version": self._version,
                "language": self._language,
                "stations": found,
                "variables": queries.variables(),
            }
        )

    async def latest(self, request: Request) -> Response:
        """Newest values."""
        return JSONResponse(
            await self._ask(request, queries.latest, parameters.station(request, self._by_id))
        )

    async def series(self, request: Request) -> Response:
        """Series of a span, thinned."""
        page = parameters.station(request, self._by_id)
        start, end = parameters.span(request, page)
        names = parameters.series(request)
        points = parameters.number(request, "points", 2000)
        return await self._cached(request, page, queries.series, names, start, end, points)

    async def raster(self, request: Request) -> Response:
        """Depth × time."""
        page = parameters.station(request, self._by_id)
        start, end = parameters.span(request, page)
        profile, variable = (request.query_params.get(name, "") for name in ("profile", "variable"))
        columns = parameters.number(request, "columns", 600)
        return await self._cached(request, page, queries.raster, profile, variable, start, end, columns)

    async def quality(self, request: Request) -> Response:
        """Completeness by day."""
        page = parameters.station(request, self._by_id)
        return JSONResponse(await self._ask(request, status.quality, page, *parameters.span(request, page)))

    async def instruments(self, request: Request) -> Response:
        """Instruments and supply voltage."""
        return JSONResponse(
            await self._ask(request, status.instruments, parameters.station(request, self._by_id))
        )

    async def results(self, request: Request) -> Response:
        """Results of the analyses, and derived series."""
        page = parameters.station(request, self._by_id)
        found = await self._ask(request, status.results, page, self._results)
        found["faults"] = [told(request.scope, fault) for fault in found["faults"]]
        return JSONResponse(found)

    async def events(self, request: Request) -> Response:
        """Events of a span."""
        page = parameters.station(request, self._by_id)
        start, end = parameters.span(request, page)
        limit = parameters.number(request, "limit", 200)
        found = await self._ask(request, status.events, page, start, end, limit)
        for event in found["events"]:
            event["text"] = told(request.scope, event["text"])
        return JSONResponse(found)

    async def table(self, request: Request) -> Response:
        """A tidy table, as a download."""
        page = parameters.station(request, self._by_id)
        names = parameters.series(request)
        if not 1 <= len(names) <= queries.MOST_SERIES:
            raise queries.too_many_series(len(names))
        who, message = asker(request.scope), Message("too many tables are being sent already; try again")
        self._downloading.take(who, MOST_TABLES, EACH_TABLES, message)
        try:
            start, end = parameters.span(request, page)
            lines = await self._ask(request, status.table, page, names, start, end, MOST_ROWS)
        except BaseException:
            self._downloading.free(who)
            raise
        name = f"{page.station.file.station.id}.csv"
        return FinalizedStream(
            lines,
            partial(self._downloading.free, who),
            media_type="text/csv",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    async def screens(self, request: Request) -> Response:
        """Screens of a station, and what is wrong with screen files."""
        page = parameters.station(request, self._by_id)
        found, faults = await self._ask(request, screens.read_screens, page.station, self._screen_folder)
        listed = [screens.as_dict(name, screen) for name, screen in found.items()]
        return JSONResponse({"screens": listed, "faults": [told(request.scope, fault) for fault in faults]})

    async def picture(self, request: Request) -> Response:
        """The picture of a screen."""
        page, folder = parameters.station(request, self._by_id), self._screen_folder
        found, _ = await self._ask(request, screens.read_screens, page.station, folder)
        screen = found.get(request.query_params.get("screen", ""))
        if screen is None or screen.picture is None or folder is None:
            raise QueryError(Message("there is no such screen with a picture"), 404)
        path = folder / screen.picture.file
        there = path.stat()
        mark = etag(f"{path}:{there.st_mtime_ns}:{there.st_size}".encode())
        if (same := not_modified(request, mark)) is not None:
            return same
        kind = screens.PICTURES[path.suffix.lower()]
        return FileResponse(path, media_type=kind, headers=etag_headers(mark))

    async def openapi(self, _request: Request) -> Response:
        """The API's description."""
        return JSONResponse(openapi.describe(self._version))

    async def stream(self, request: Request) -> Response:
        """Server-sent events."""
        names = parameters.stations(request, self._by_id)
        since = request.headers.get("last-event-id") or request.query_params.get("since", "")
        who, message = asker(request.scope), Message("too many are listening already; try again later")
        self._listening.take(who, MOST_LISTENERS, EACH_LISTENERS, message)
        if request.method == "HEAD":
            self._listening.free(who)
            return Response(media_type="text/event-stream")
        return FinalizedStream(
            self.feeds.follow(names, since, language(request.scope)),
            partial(self._listening.free, who),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def index(self, _request: Request) -> Response:
        """The page itself."""
        return HTMLResponse(document(self._language), headers={"cache-control": "no-cache"})

    async def static(self, request: Request) -> Response:
        """A file of the page."""
        file = static_file(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        if (same := not_modified(request, file.mark)) is not None:
            return same
        return Response(file.body, media_type=file.media_type, headers=etag_headers(file.mark))
