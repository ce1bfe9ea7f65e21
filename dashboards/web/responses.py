"""Answers of every web part: refusals in one sentence, ETags, streams that tell when they are over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from soilco2.station_config.message import Message, translate


def language(scope: Scope) -> str:
    """What who asks would rather read: ``"en"`` or ``"zh"``."""
    asked = dict(scope["headers"]).get(b"accept-language", b"")
    return "zh" if asked.lower().startswith(b"zh") else "en"


def told(scope: Scope, text: str) -> str:
    """A message in the language that was asked for; other text as it is."""
    return translate(text, language(scope))


def refusal(scope: Scope, status: int, message: Message, headers: dict[str, str]) -> JSONResponse:
    """One sentence in the language that was asked for, not to be kept by anybody."""
    headers = {"cache-control": "no-store", **headers}
    return JSONResponse({"error": told(scope, message)}, status_code=status, headers=headers)


def etag(content: bytes) -> str:
    """An ETag, weak: it is the same packed and not."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def etag_headers(mark: str) -> dict[str, str]:
    """Headers of an answer with an ETag: a browser asks each time, else it keeps a file for a tenth of its age."""
    return {"etag": mark, "cache-control": "no-cache"}


def not_modified(request: Request, mark: str) -> Response | None:
    """The answer to a reader that has what an ETag stands for; None for others."""
    had = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if had.isdisjoint((mark.removeprefix("W/"), "*")):
        return None
    return Response(status_code=304, headers=etag_headers(mark))


class FinalizedStream(StreamingResponse):
    """A stream with a finalizer, called once it is over, also when it was never begun."""

    def __init__(self, content: Any, finalizer: Callable[[], None], **more: Any) -> None:
        super().__init__(content, **more)
        self._finalizer = finalizer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._finalizer()
