"""The page as an application: middleware, routes, and what runs while it is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from anyio import to_thread
from starlette.applications import Starlette

from soilco2.dashboards.live.event_stream import Feeds
from soilco2.dashboards.live.exception_handlers import exception_handlers
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.routes import MOST_AT_ONCE, Handlers
from soilco2.dashboards.web.auth import Password
from soilco2.dashboards.web.middleware import stack

MOST_THREADS = MOST_AT_ONCE + 2
"""Threads at most: those of the queries, one that looks at the journals, one for a password; each costs memory."""


def create_app(
    pages: Sequence[PageStation],
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
    results, screen_folder : Path, optional
        Folders of the analyses' results and of screen files.
    language : {"auto", "en", "zh"}
        Language the page opens in; ``auto`` follows the browser.
    password, per_s, prefix, trust_proxy, own_names
        As in `soilco2.dashboards.web.middleware.stack`.
    """
    handlers = Handlers(
        pages, version=version, every_s=every_s, language=language, results=results,
        screen_folder=screen_folder,
    )  # fmt: skip
    app = Starlette(
        routes=handlers.routes(),
        exception_handlers=exception_handlers(),
        middleware=stack(
            password=password, per_s=per_s, prefix=prefix, trust_proxy=trust_proxy, own_names=own_names
        ),
        lifespan=_lifespan(handlers.feeds),
    )
    app.router.redirect_slashes = False  # it would lead to an address without the proxy's scheme and path
    return app


def _lifespan(feeds: Feeds) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = MOST_THREADS
        task = asyncio.create_task(feeds.run())
        try:
            yield
        finally:
            await feeds.stop()
            await task

    return lifespan
