"""What every request passes first: headers of the answer, packing, the path in front, the name it was asked by."""

from __future__ import annotations

import re
from ipaddress import ip_address

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Sent

from soilco2.dashboards.web.auth import Login, Password
from soilco2.dashboards.web.limits import RateLimit
from soilco2.dashboards.web.responses import refusal, told
from soilco2.station_config.message import Message

HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"vary": b"Accept-Language",
}


_OTHER_NAME = Message(
    "only an address of this machine or localhost is answered; to use another name, serve with --trust-proxy or a "
    "password"
)
_OTHER_SITE = Message(
    "a page of another site sent this, so nothing was changed; send it from a page of this server"
)
_GZIP = re.compile(rb"(?:x-)?gzip(?:;q=(?!0(?:\.0*)?$).*)?")


class Compression:
    """Packs answers of a kilobyte and more for a reader that says it can unpack them (RFC 9110, 12.5.3)."""

    def __init__(self, app: ASGIApp) -> None:
        self._packing = GZipMiddleware(app, minimum_size=1024, compresslevel=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = dict(scope["headers"]).get(b"accept-encoding", b"").lower().replace(b" ", b"").split(b",")
            packs = any(_GZIP.fullmatch(one) for one in told)
            others = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            said = [(b"accept-encoding", b"gzip")] if packs else []
            scope = {**scope, "headers": [*others, *said]}
        await self._packing(scope, receive, send)


class Headers:
    """Adds to every answer the security headers, and that its words depend on the language that was asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Sent) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS.items()]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Prefix:
    """Takes the path of a proxy off; a proxy that takes it off by itself is served as well.

    Parameters
    ----------
    app : ASGIApp
    prefix : str
        Such as ``/soil``.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self._prefix = prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path == self._prefix:
            query = scope["query_string"].decode("latin-1")
            url = f"{self._prefix}/{f'?{query}' if query else ''}"
            await RedirectResponse(url, 308)(scope, receive, send)
            return
        if path.startswith(f"{self._prefix}/"):
            rest = path[len(self._prefix) :]
            scope = {**scope, "path": rest, "raw_path": rest.encode()}
        await self.app(scope, receive, send)


class HostNames:
    """Answers only when it was asked by address or as localhost.

    A page elsewhere whose name suddenly leads to this machine (DNS rebinding) could read the data through the
    visitor's browser otherwise.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _own(dict(scope["headers"]).get(b"host", b"").decode("latin-1")):
            error = told(scope, _OTHER_NAME)
            await JSONResponse({"error": error}, status_code=421)(scope, receive, send)
            return
        await self.app(scope, receive, send)


class SameOrigin:
    """Lets nothing be changed by a page of another site through its visitor's browser (cross-site request forgery).

    A browser says where a request comes from (``Sec-Fetch-Site``; an older one by ``Origin`` alone); programs say
    nothing, and are let through.

    Parameters
    ----------
    app : ASGIApp
    trust_proxy : bool
        The name that was asked for may stand in ``X-Forwarded-Host``.
    """

    def __init__(self, app: ASGIApp, trust_proxy: bool = False) -> None:
        self.app = app
        self._trust_proxy = trust_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] not in _SAFE
            and not self._same(dict(scope["headers"]))
        ):
            await refusal(scope, 403, _OTHER_SITE, {})(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _same(self, headers: dict[bytes, bytes]) -> bool:
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is not None:
            return site in (b"same-origin", b"none")
        if origin is None:
            return True
        asked = [headers.get(b"host", b"")]
        if self._trust_proxy:
            asked.append(headers.get(b"x-forwarded-host", b""))
        return origin.partition(b"://")[2].lower() in [name.lower() for name in asked if name]


_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that change nothing (RFC 9110, 9.2.1)."""
_HOST = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<name>[^:]*))(?::\d*)?")


def _own(host: str) -> bool:
    found = _HOST.fullmatch(host)
    name = found and (found["six"] or found["name"] or "")
    if name is None:
        return False
    if not name or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def stack(
    *,
    password: Password | None = None,
    per_s: float = 50.0,
    prefix: str = "",
    trust_proxy: bool = False,
    own_names: bool = False,
) -> list[Middleware]:
    """All of it, in the order in which a request passes it.

    Parameters
    ----------
    password : Password, optional
        Asked for before anything is answered.
    per_s : float
        Requests of one address in the long run [1/s].
    prefix : str
        Path in front of every address, such as ``/soil``.
    trust_proxy : bool
        Believe a proxy in front who asks.
    own_names : bool
        Answer only to an address or localhost, not to other names.
    """
    return [
        Middleware(Headers),
        Middleware(Compression),
        *([Middleware(Prefix, prefix=prefix)] if prefix else []),
        *([Middleware(HostNames)] if own_names else []),
        Middleware(SameOrigin, trust_proxy=trust_proxy),
        Middleware(RateLimit, per_s=per_s, burst=8 * per_s, trust_proxy=trust_proxy),
        *([Middleware(Login, password=password, trust_proxy=trust_proxy)] if password else []),
    ]
