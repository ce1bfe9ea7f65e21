"""What is answered when something goes wrong: one sentence, in the language that was asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.web.responses import Words, in_chinese
from soilco2.storage.errors import StorageError


def exception_handlers(chinese: Callable[[str], str]) -> dict[Any, ExceptionHandler]:
    """The handlers of all errors.

    Parameters
    ----------
    chinese : callable
        Says a sentence of the journal in Chinese.
    """

    async def handle(request: Request, error: Exception) -> Response:
        status, words = _words(request, error, chinese)
        headers = error.headers if isinstance(error, HTTPException) else None
        told = {"error": words[in_chinese(request.scope)]}
        return JSONResponse(told, status_code=status, headers=headers)

    return dict.fromkeys((QueryError, StorageError, sqlite3.Error, HTTPException, Exception), handle)


def _words(request: Request, error: Exception, chinese: Callable[[str], str]) -> tuple[int, Words]:
    """The status of an error and its sentence."""
    if isinstance(error, HTTPException):
        return error.status_code, _of_http(error, request.url.path[:80])
    if isinstance(error, sqlite3.Error):
        return 503, (f"the journal cannot be read now ({error})", f"台站日志库暂时无法读取（{error}）")
    if isinstance(error, QueryError):
        return error.status, (str(error), error.chinese)
    if isinstance(error, StorageError):
        return 503, (str(error), f"台站日志库暂时无法读取（{chinese(str(error))}）")
    return 500, (
        "the page met a fault of its own; the server's log tells more",
        "页面自身出错，详见服务器日志",
    )


def _of_http(error: HTTPException, path: str) -> Words:
    if error.status_code == 404:
        return (
            f"there is nothing at {path}; /api/v1/openapi tells what there is",
            f"{path} 处没有内容；/api/v1/openapi 列出全部",
        )
    if error.status_code == 405:
        return ("the page only reads; ask with GET", "页面只读，请用 GET")
    return (error.detail, error.detail)
