"""The smallest application behind the guards of a web part, and a password for it."""

from __future__ import annotations

import base64
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from soilco2.dashboards.web.middleware import stack

SECRET = "a long 榆林 password"


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


async def _path(request: Request) -> Response:
    return JSONResponse({"path": request.url.path, "filling": " " * 2000})


def guarded(**guards: Any) -> Starlette:
    """An application that answers every path with that path, behind `stack` with these guards."""
    return Starlette(
        routes=[Route("/{rest:path}", _path, methods=["GET", "POST"])], middleware=stack(**guards)
    )
