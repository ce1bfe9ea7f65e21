"""The HTTP side of the page: routes, headers, server-sent events."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.live import openapi, queries, screens
from soilco2.dashboards.live import status as state
from soilco2.dashboards.live.event_stream import Feeds
from soilco2.dashboards.web.auth import Password
from soilco2.dashboards.web.limits import Slots
from soilco2.dashboards.web.middleware import stack
from soilco2.dashboards.web.responses import FinalizedStream, etag, etag_headers, in_chinese, not_modified
from soilco2.storage.errors import StorageError

MOST_LISTENERS = 256
"""Open event streams at most."""
MOST_AT_ONCE = 4
"""Queries that read at the same time at most; the rest wait."""
MOST_THREADS = MOST_AT_ONCE + 2
"""Threads at most: those of the queries, one that looks at the journals, one for a password; each costs memory."""
MOST_WAITING = 64
"""Queries that wait at most."""
MOST_TABLES = 8
"""Tables that are being sent at the same time at most."""
MOST_ROWS = 500_000
"""Values in one table at most."""
_KEPT_BYTES = 16 * 2**20
STATIC = Path(__file__).parent / "static"
_STATIC_FILES = {path.name: path for path in sorted(STATIC.iterdir())}
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}


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


def create_app(
    pages: Sequence[queries.PageStation],
    *,
    version: str,
    every_s: float = 0.5,
    password: Password | None = None,
    results: Path | None = None,
    screen_folder: Path | None = None,
    per_s: float = 50.0,
    prefix: str = "",
    language: str = "auto",
    trust_proxy: bool = False,
    own_names: bool = False,
    chinese: Callable[[str], str] = str,
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
    prefix : str
        Path in front of every address, such as ``/soil``.
    language : {"auto", "en", "zh"}
        Language the page opens in; ``auto`` follows the browser.
    trust_proxy : bool
        Believe a proxy in front who asks.
    own_names : bool
        Answer only to an address or localhost, not to other names.
    chinese : callable, optional
        Says a sentence of journal, database or screen file in Chinese to who would rather read that.
    """
    by_id = {page.station.file.station.id: page for page in pages}
    feeds = Feeds(by_id, every_s)
    kept = _Kept()
    reading = asyncio.Semaphore(MOST_AT_ONCE)
    waiting, listening, downloading = Slots(), Slots(), Slots()

    async def ask(function: Callable[..., Any], *arguments: Any) -> Any:
        waiting.take(MOST_WAITING, ("too many queries at once; try again", "同时查询过多，请重试"))
        try:
            async with reading:
                return await run_in_threadpool(function, *arguments)
        finally:
            waiting.free()

    def told(request: Request, sentence: str) -> str:
        return chinese(sentence) if sentence and in_chinese(request.scope) else sentence

    async def refuse(request: Request, error: Exception) -> Response:
        return _refused(request, error, chinese)

    async def marked(
        request: Request, page: queries.PageStation, function: Callable[..., Any], *arguments: Any
    ) -> Response:
        """The answer with its ETag, from what was kept while the journal is the same."""
        if "to" not in request.query_params or page.open_data is not None:
            found = await ask(function, page, *arguments)
            found["notice"] = told(request, found["notice"])
            return JSONResponse(found, headers={"cache-control": "no-store"})
        revision = await ask(queries.revision, page)
        here = (version, page.station.file.station.id, page.station.hash, revision, request.url.path)
        mark = etag(repr((*here, arguments)).encode())
        if (same := not_modified(request, mark)) is not None:
            return same
        body = kept.get(mark)
        if body is None:
            body = bytes(JSONResponse(await ask(function, page, *arguments)).body)
            kept.put(mark, body)
        return Response(body, media_type="application/json", headers=etag_headers(mark))

    def named(name: str) -> queries.PageStation:
        if name not in by_id:
            raise QueryError(
                f"station {name[:80]!r} is not shown here; shown are {', '.join(by_id) or 'none'}",
                f"此处没有台站 {name[:80]!r}；现有 {'、'.join(by_id) or '无'}",
                404,
            )
        return by_id[name]

    def page_of(request: Request) -> queries.PageStation:
        return named(request.query_params.get("station", next(iter(by_id), "")))

    def number(request: Request, name: str, default: int | None = None) -> int:
        text = request.query_params.get(name)
        if text is None:
            if default is None:
                raise QueryError(f"{name} is missing; a whole number is expected", f"缺少 {name}，应为整数")
            return default
        try:
            value = int(float(text))
        except (ValueError, OverflowError):
            raise QueryError(
                f"{name} is {text[:40]!r}; a whole number is expected", f"{name} 为 {text[:40]!r}，应为整数"
            ) from None
        if abs(value) > 9_000_000_000_000:
            raise QueryError(
                f"{name} is out of range; times are milliseconds since 1970",
                f"{name} 超出范围；时间为自 1970 年起的毫秒数",
            )
        return value

    def span(request: Request, page: queries.PageStation) -> tuple[int, int]:
        start = number(request, "from") * 1000
        end = number(request, "to", page.now_us() // 1000 + 86_400_000) * 1000
        if end <= start:
            raise QueryError("to must be later than from", "to 必须晚于 from")
        return start, end

    async def stations(_request: Request) -> Response:
        found = await ask(lambda: [queries.describe(page) for page in pages])
        return JSONResponse(
            {"version": version, "language": language, "stations": found, "variables": queries.variables()}
        )

    async def latest(request: Request) -> Response:
        return JSONResponse(await ask(queries.latest, page_of(request)))

    async def series(request: Request) -> Response:
        page = page_of(request)
        start, end = span(request, page)
        names = [name for name in request.query_params.get("series", "").split(",") if name]
        points = number(request, "points", 2000)
        return await marked(request, page, queries.series, names, start, end, points)

    async def raster(request: Request) -> Response:
        page = page_of(request)
        start, end = span(request, page)
        profile, variable = (request.query_params.get(name, "") for name in ("profile", "variable"))
        columns = number(request, "columns", 600)
        return await marked(request, page, queries.raster, profile, variable, start, end, columns)

    async def quality(request: Request) -> Response:
        page = page_of(request)
        return JSONResponse(await ask(state.quality, page, *span(request, page)))

    async def instruments(request: Request) -> Response:
        return JSONResponse(await ask(state.instruments, page_of(request)))

    async def result_rows(request: Request) -> Response:
        found = await ask(state.results, page_of(request), results)
        found["faults"] = [told(request, fault) for fault in found["faults"]]
        return JSONResponse(found)

    async def events(request: Request) -> Response:
        page = page_of(request)
        found = await ask(state.events, page, *span(request, page), number(request, "limit", 200))
        for event in found["events"]:
            if event["kind"] not in state.BY_HAND:
                event["text"] = told(request, event["text"])
        return JSONResponse(found)

    async def table(request: Request) -> Response:
        page = page_of(request)
        names = [name for name in request.query_params.get("series", "").split(",") if name]
        if not 1 <= len(names) <= queries.MOST_SERIES:
            raise queries.too_many_series(len(names))
        downloading.take(
            MOST_TABLES,
            (
                f"{MOST_TABLES} tables are being sent already; try again",
                f"已有 {MOST_TABLES} 个表格正在发送，请重试",
            ),
        )
        try:
            start, end = span(request, page)
            lines = await ask(state.table, page, names, start, end, MOST_ROWS)
        except BaseException:
            downloading.free()
            raise
        name = f"{page.station.file.station.id}.csv"
        return FinalizedStream(
            lines,
            downloading.free,
            media_type="text/csv",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    async def screen_list(request: Request) -> Response:
        found, faults = await ask(screens.read_screens, page_of(request).station, screen_folder)
        listed = [screens.as_dict(name, screen) for name, screen in found.items()]
        return JSONResponse({"screens": listed, "faults": [told(request, fault) for fault in faults]})

    async def picture(request: Request) -> Response:
        found, _ = await ask(screens.read_screens, page_of(request).station, screen_folder)
        screen = found.get(request.query_params.get("screen", ""))
        if screen is None or screen.picture is None or screen_folder is None:
            raise QueryError("there is no such screen with a picture", "没有这样的带图画面", 404)
        path = screen_folder / screen.picture.file
        there = path.stat()
        mark = etag(f"{path}:{there.st_mtime_ns}:{there.st_size}".encode())
        if (same := not_modified(request, mark)) is not None:
            return same
        return FileResponse(
            path, media_type=screens.PICTURES[path.suffix.lower()], headers=etag_headers(mark)
        )

    async def description(_request: Request) -> Response:
        return JSONResponse(openapi.describe(version))

    async def stream(request: Request) -> Response:
        names = list(dict.fromkeys(request.query_params.getlist("station"))) or list(by_id)[:1]
        for name in names or [""]:
            named(name)
        since = request.headers.get("last-event-id") or request.query_params.get("since", "")
        listening.take(
            MOST_LISTENERS,
            (
                f"{MOST_LISTENERS} are listening already; try again later",
                f"已有 {MOST_LISTENERS} 个连接在接收，请稍后再试",
            ),
        )
        if request.method == "HEAD":
            listening.free()
            return Response(media_type="text/event-stream")
        return FinalizedStream(
            feeds.follow(names, since),
            listening.free,
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def index(_request: Request) -> Response:
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        # all modules at once: a module names others only when it is there, over three rounds of questions
        modules = [name for name in _STATIC_FILES if name.endswith(".js")]
        links = "".join(f'<link rel="modulepreload" href="static/{name}">\n' for name in modules)
        text = text.replace('<script type="module"', f'{links}<script type="module"', 1)
        if language != "auto":
            text = text.replace('<html lang="en"', f'<html lang="{language}" data-language="{language}"', 1)
        return HTMLResponse(text, headers={"cache-control": "no-cache"})

    async def static(request: Request) -> Response:
        path = _STATIC_FILES.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        body, mark = _read(path, path.stat().st_mtime_ns)
        if (same := not_modified(request, mark)) is not None:
            return same
        return Response(body, media_type=_TYPES[path.suffix], headers=etag_headers(mark))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = MOST_THREADS
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
            Route("/static/{name}", static),
        ],
        exception_handlers=dict.fromkeys(
            (QueryError, StorageError, sqlite3.Error, HTTPException, Exception), refuse
        ),
        middleware=stack(
            password=password, per_s=per_s, prefix=prefix, trust_proxy=trust_proxy, own_names=own_names
        ),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would lead to an address without the proxy's scheme and path
    app.state.feeds = feeds
    return app


@lru_cache
def _read(path: Path, _changed_ns: int) -> tuple[bytes, str]:
    """A file of the page and its ETag."""
    body = path.read_bytes()
    return body, etag(body)


def _refused(request: Request, error: Exception, chinese: Callable[[str], str]) -> Response:
    """One sentence, whatever went wrong, in the language that was asked for."""
    headers = None
    if isinstance(error, HTTPException):
        status, headers = error.status_code, error.headers
        path = request.url.path[:80]
        words = {
            404: (
                f"there is nothing at {path}; /api/v1/openapi tells what there is",
                f"{path} 处没有内容；/api/v1/openapi 列出全部",
            ),
            405: ("the page only reads; ask with GET", "页面只读，请用 GET"),
        }.get(status, (error.detail, error.detail))
    elif isinstance(error, sqlite3.Error):
        status, words = (
            503,
            (f"the journal cannot be read now ({error})", f"台站日志库暂时无法读取（{error}）"),
        )
    elif isinstance(error, QueryError):
        status, words = error.status, (str(error), error.chinese)
    elif isinstance(error, StorageError):
        status, words = 503, (str(error), f"台站日志库暂时无法读取（{chinese(str(error))}）")
    else:
        status, words = (
            500,
            (
                "the page met a fault of its own; the server's log tells more",
                "页面自身出错，详见服务器日志",
            ),
        )
    return JSONResponse({"error": words[in_chinese(request.scope)]}, status_code=status, headers=headers)
