"""The HTTP side of the page: routes, headers, server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.errors import QueryError
from dashboards.live import data
from dashboards.live.stream import Feed, Feeds
from storage.errors import StorageError

STATIC = Path(__file__).parent / "static"
HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
}


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


def create_app(pages: Sequence[data.PageStation], *, version: str, every_s: float = 0.5) -> Starlette:
    """The page as an ASGI application.

    Parameters
    ----------
    pages : sequence of PageStation
        The stations, in the order of the menu.
    version : str
        Version of the software, shown by the API.
    every_s : float
        How often a journal is looked at for new observations [s].
    """
    by_id = {page.station.file.station.id: page for page in pages}
    feeds = Feeds(by_id, every_s)

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
        found = await run_in_threadpool(lambda: [data.describe(page) for page in pages])
        return JSONResponse({"version": version, "stations": found, "variables": data.variables()})

    async def latest(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(data.latest, page_of(request)))

    async def series(request: Request) -> Response:
        page = page_of(request)
        start, end = span(request, page)
        names = [name for name in request.query_params.get("series", "").split(",") if name]
        points = number(request, "points", 2000)
        return JSONResponse(await run_in_threadpool(data.series, page, names, start, end, points))

    async def raster(request: Request) -> Response:
        page = page_of(request)
        start, end = span(request, page)
        profile, variable = (request.query_params.get(name, "") for name in ("profile", "variable"))
        columns = number(request, "columns", 600)
        return JSONResponse(
            await run_in_threadpool(data.raster, page, profile, variable, start, end, columns)
        )

    async def stream(request: Request) -> Response:
        page = page_of(request)
        feed = feeds.of(page.station.file.station.id)
        since = request.headers.get("last-event-id", request.query_params.get("since", ""))
        return StreamingResponse(
            _events(feed, since, request.is_disconnected),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def index(_request: Request) -> Response:
        return HTMLResponse(
            (STATIC / "index.html").read_text(encoding="utf-8"), headers={"cache-control": "no-cache"}
        )

    async def refuse(_request: Request, error: Exception) -> Response:
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
            Route("/api/v1/stream", stream),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={QueryError: refuse, StorageError: refuse},
        middleware=[Middleware(_Headers)],
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
