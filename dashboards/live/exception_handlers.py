"""What is answered when something goes wrong: one sentence, in the language that was asked for."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.live.queries import unreadable
from soilco2.dashboards.web.responses import told
from soilco2.station_config.message import Message
from soilco2.storage.errors import StorageError


def exception_handlers() -> dict[Any, ExceptionHandler]:
    """The handlers of all errors."""

    async def handle(request: Request, error: Exception) -> Response:
        status, message = _answer(request, error)
        headers = error.headers if isinstance(error, HTTPException) else None
        return JSONResponse({"error": told(request.scope, message)}, status_code=status, headers=headers)

    return dict.fromkeys((QueryError, StorageError, sqlite3.Error, HTTPException, Exception), handle)


def _answer(request: Request, error: Exception) -> tuple[int, Message]:
    """The status of an error and its sentence."""
    if isinstance(error, HTTPException):
        return error.status_code, _of_http(error, request.url.path[:80])
    if isinstance(error, sqlite3.Error):
        return 503, unreadable(error)
    if isinstance(error, QueryError | StorageError):
        return error.status if isinstance(error, QueryError) else 503, Message.of(error)
    return 500, Message("the page met a fault of its own; the server's log tells more")


def _of_http(error: HTTPException, path: str) -> Message:
    if error.status_code == 404:
        return Message("there is nothing at {path}; /api/v1/openapi tells what there is", path=path)
    if error.status_code == 405:
        return Message("the page only reads; ask with GET")
    return Message.of(error.detail)
