"""The HTTP side of the page: routes, headers, server-sent events."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.errors import QueryError
from dashboards.live import data, openapi, screens, state
from dashboards.live.guard import Login, Password, Rate
from dashboards.live.stream import Feed, Feeds
from storage.errors import StorageError

MOST_LISTENERS = 256
"""Open event streams at most."""
MOST_AT_ONCE = 4
"""Queries that read at the same time at most; the rest wait."""
MOST_WAITING = 64
"""Queries that wait at most."""
MOST_ROWS = 500_000
"""Values in one table at most."""
_KEPT_BYTES = 16 * 2**20
STATIC = Path(__file__).parent / "static"
HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
}


class _Kept:
    """Answers that stay true while the journal's revision is the same; the oldest give way."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, mark: str) -> bytes | None:
        body = self._found.get(mark)
        if body is not None:
            self._found.move_to_end(mark)
        return body

    def put(self, mark: str, body: bytes) -> None:
        if mark in self._found or len(body) > _KEPT_BYTES // 4:
            return
        self._found[mark] = body
        self._bytes += len(body)
        while self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._found.popitem(last=False)[1])


class _Headers:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS.items()]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def create_app(
    pages: Sequence[data.PageStation],
    *,
    version: str,
    every_s: float = 0.5,
    password: Password | None = None,
    results: Path | None = None,
    screen_folder: Path | None = None,
    per_s: float = 50.0,
) -> Starlette:
    """The page as an ASGI application.

    Parameters
    ----------
    pages : sequence of PageStation
        The stations, in the order of the menu.
    version : str
        Version of the software, shown by the API.
    every_s : float
        How often a journal is looked at for new observations [s].
    password : Password, optional
        Asked for before anything is answered.
    results : Path, optional
        Folder of the analyses' results.
    screen_folder : Path, optional
        Folder of screen files.
    per_s : float
        Requests of one address in the long run [1/s].
    """
    by_id = {page.station.file.station.id: page for page in pages}
    feeds = Feeds(by_id, every_s)
    kept = _Kept()
    reading = asyncio.Semaphore(MOST_AT_ONCE)
    waiting = listening = 0

    async def ask(function: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal waiting
        if waiting >= MOST_WAITING:
            raise QueryError("too many queries at once; try again", 503)
        waiting += 1
        try:
            async with reading:
                return await run_in_threadpool(function, *arguments)
        finally:
            waiting -= 1

    async def marked(
        request: Request, page: data.PageStation, function: Callable[..., Any], *arguments: Any
    ) -> Response:
        """The answer with its ETag, from what was kept while the journal is the same."""
        if "to" not in request.query_params or page.open_data is not None:
            return JSONResponse(await ask(function, page, *arguments), headers={"cache-control": "no-store"})
        revision = await ask(data.revision, page)
        here = (version, page.station.file.station.id, page.station.hash, revision, request.url.path)
        text = repr((*here, arguments))
        mark = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        headers = {"etag": mark, "cache-control": "no-cache"}
        if mark in [part.strip() for part in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        body = kept.get(mark)
        if body is None:
            body = bytes(JSONResponse(await ask(function, page, *arguments)).body)
            kept.put(mark, body)
        return Response(body, media_type="application/json", headers=headers)

    def page_of(request: Request) -> data.PageStation:
        name = request.query_params.get("station", next(iter(by_id), ""))
        if name not in by_id:
            raise QueryError(
                f"station {name!r} is not shown here; shown are {', '.join(by_id) or 'none'}", 404
            )
        return by_id[name]

    def number(request: Request, name: str, default: int | None = None) -> int:
        text = request.query_params.get(name)
        if text is None:
            if default is None:
                raise QueryError(f"{name} is missing; a whole number is expected")
            return default
        try:
            value = int(float(text))
        except (ValueError, OverflowError):
            raise QueryError(f"{name} is {text[:40]!r}; a whole number is expected") from None
        if abs(value) > 9_000_000_000_000:
            raise QueryError(f"{name} is out of range; times are milliseconds since 1970")
        return value

    def span(request: Request, page: data.PageStation) -> tuple[int, int]:
        start = number(request, "from") * 1000
        end = number(request, "to", page.now_us() // 1000 + 86_400_000) * 1000
        if end <= start:
            raise QueryError("to must be later than from")
        return start, end

    async def stations(_request: Request) -> Response:
        found = await ask(lambda: [data.describe(page) for page in pages])
        return JSONResponse({"version": version, "stations": found, "variables": data.variables()})

    async def latest(request: Request) -> Response:
        return JSONResponse(await ask(data.latest, page_of(request)))

    async def series(request: Request) -> Response:
        page = page_of(request)
        start, end = span(request, page)
        names = [name for name in request.query_params.get("series", "").split(",") if name]
        points = number(request, "points", 2000)
        return await marked(request, page, data.series, names, start, end, points)

    async def raster(request: Request) -> Response:
        page = page_of(request)
        start, end = span(request, page)
        profile, variable = (request.query_params.get(name, "") for name in ("profile", "variable"))
        columns = number(request, "columns", 600)
        return await marked(request, page, data.raster, profile, variable, start, end, columns)

    async def quality(request: Request) -> Response:
        page = page_of(request)
        return JSONResponse(await ask(state.quality, page, *span(request, page)))

    async def instruments(request: Request) -> Response:
        return JSONResponse(await ask(state.instruments, page_of(request)))

    async def result_rows(request: Request) -> Response:
        return JSONResponse(await ask(state.results, page_of(request), results))

    async def events(request: Request) -> Response:
        page = page_of(request)
        return JSONResponse(
            await ask(state.events, page, *span(request, page), number(request, "limit", 200))
        )

    async def table(request: Request) -> Response:
        page = page_of(request)
        names = [name for name in request.query_params.get("series", "").split(",") if name]
        if not 1 <= len(names) <= data.MOST_SERIES:
            raise QueryError(
                f"between 1 and {data.MOST_SERIES} series can be asked for at once, not {len(names)}"
            )
        lines = await ask(state.table, page, names, *span(request, page), MOST_ROWS)
        name = f"{page.station.file.station.id}.csv"
        return StreamingResponse(
            lines, media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
        )

    async def screen_list(request: Request) -> Response:
        found, faults = await ask(screens.read_screens, page_of(request), screen_folder)
        listed = [screens.as_dict(name, screen) for name, screen in found.items()]
        return JSONResponse({"screens": listed, "faults": faults})

    async def picture(request: Request) -> Response:
        found, _ = await ask(screens.read_screens, page_of(request), screen_folder)
        screen = found.get(request.query_params.get("screen", ""))
        if screen is None or screen.picture is None or screen_folder is None:
            raise QueryError("there is no such screen with a picture", 404)
        path = screen_folder / screen.picture.file
        return FileResponse(path, media_type=screens.PICTURES[path.suffix.lower()])

    async def description(_request: Request) -> Response:
        return JSONResponse(openapi.describe(version))

    async def stream(request: Request) -> Response:
        page = page_of(request)
        feed = feeds.of(page.station.file.station.id)
        since = request.headers.get("last-event-id", request.query_params.get("since", ""))
        if listening >= MOST_LISTENERS:
            raise QueryError(f"{MOST_LISTENERS} are listening already; try again later", 503)

        async def counted() -> AsyncIterator[bytes]:
            nonlocal listening
            listening += 1
            try:
                async for part in _events(feed, since, request.is_disconnected):
                    yield part
            finally:
                listening -= 1

        return StreamingResponse(
            counted(),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def index(_request: Request) -> Response:
        return HTMLResponse(
            (STATIC / "index.html").read_text(encoding="utf-8"), headers={"cache-control": "no-cache"}
        )

    async def refuse(_request: Request, error: Exception) -> Response:
        if isinstance(error, sqlite3.Error):
            return JSONResponse({"error": f"the journal cannot be read now ({error})"}, status_code=503)
        status = error.status if isinstance(error, QueryError) else 503
        return JSONResponse({"error": str(error)}, status_code=status)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(feeds.run())
        try:
            yield
        finally:
            await feeds.stop()
            await task

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/api/v1/stations", stations),
            Route("/api/v1/latest", latest),
            Route("/api/v1/series", series),
            Route("/api/v1/raster", raster),
            Route("/api/v1/quality", quality),
            Route("/api/v1/instruments", instruments),
            Route("/api/v1/results", result_rows),
            Route("/api/v1/events", events),
            Route("/api/v1/table", table),
            Route("/api/v1/screens", screen_list),
            Route("/api/v1/picture", picture),
            Route("/api/v1/openapi", description),
            Route("/api/v1/stream", stream),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={QueryError: refuse, StorageError: refuse, sqlite3.Error: refuse},
        middleware=[
            Middleware(_Headers),
            Middleware(Rate, per_s=per_s, burst=8 * per_s),
            *([Middleware(Login, password=password)] if password else []),
        ],
        lifespan=lifespan,
    )
    app.state.feeds = feeds
    return app


async def _events(feed: Feed, since: str, gone: Callable[[], Any]) -> AsyncIterator[bytes]:
    async for event_id, name, body in feed.follow(since):
        head = f"id: {event_id}\n" if event_id else ""
        yield f"{head}event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
        if await gone():
            return
