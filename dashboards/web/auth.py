"""Who may ask: a password (scrypt), asked for by HTTP Basic, wrong ones throttled."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from soilco2.dashboards.errors import QueryError, ServeError
from soilco2.dashboards.web.limits import MOST_ADDRESSES, Slots, address_of
from soilco2.dashboards.web.responses import refusal
from soilco2.station_config.message import Message, system

_N, _R, _P = 2**14, 8, 5
_STORED = re.compile(r"scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([0-9a-f]{32})\$([0-9a-f]{64})")
SHORTEST = 10
"""Characters of a password at least."""
FREE_FAILURES = 5
"""Wrong passwords of one address before it has to wait."""
LONGEST_WAIT_S = 300.0
"""The longest wait after wrong passwords [s]."""
_KNOWN = 256
_TRIED_AT_ONCE = 96
_TRIED_BY_ONE = 24


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def hash_password(password: str) -> str:
    """``scrypt$n$r$p$salt$hash`` (RFC 7914), with a new salt.

    Raises
    ------
    ServeError
        When the password is too short.
    """
    if len(password) < SHORTEST:
        raise ServeError(
            Message(
                "the password has {count} characters; {least} at least are expected",
                count=len(password),
                least=SHORTEST,
            )
        )
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(password, salt, _N, _R, _P).hex()}"


def inside_repository(path: Path) -> Path | None:
    """The repository that a path lies in, or None."""
    return next((folder for folder in path.resolve().parents if (folder / ".git").exists()), None)


def write_password(path: Path, password: str) -> None:
    """Write the hash of a password to a new file that only its owner can read.

    Raises
    ------
    ServeError
        When the file is there already, lies in a repository, or cannot be written.
    """
    found = inside_repository(path)
    if found is not None:
        raise ServeError(
            Message(
                "{path} lies in the repository {found}; keep the password's file outside of repositories",
                path=path,
                found=found,
            )
        )
    line = hash_password(password) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ServeError(
            Message("{path} is there already; remove it to set a new password", path=path)
        ) from None
    except OSError as error:
        raise ServeError(Message("{path} cannot be written ({why})", path=path, why=system(error))) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(line)


class Password:
    """A stored password.

    Parameters
    ----------
    path : Path
        The file that ``soilco2 dashboard password`` made.

    Raises
    ------
    ServeError
        When it cannot be read, is not such a file, others can read it, or it lies in a repository.
    """

    def __init__(self, path: Path) -> None:
        how = Message("make it with 'soilco2 dashboard password {path}'", path=path)
        try:
            text = path.read_text(encoding="ascii", errors="replace")
            mode = path.stat().st_mode
        except OSError as error:
            raise ServeError(
                Message(
                    "password file {path} cannot be read ({why}); {how}",
                    path=path,
                    why=system(error),
                    how=how,
                )
            ) from None
        if mode & 0o077:
            raise ServeError(
                Message("password file {path} can be read by others; run 'chmod 600 {path}'", path=path)
            )
        if inside_repository(path) is not None:
            raise ServeError(
                Message("password file {path} lies in a repository; move it out of there", path=path)
            )
        found = _STORED.fullmatch(text.strip())
        if found is None:
            raise ServeError(Message("password file {path} holds no scrypt hash; {how}", path=path, how=how))
        self._n, self._r, self._p = (int(part) for part in found.groups()[:3])
        self._salt, self._digest = (bytes.fromhex(part) for part in found.groups()[3:])
        if (self._n, self._r, self._p) != (_N, _R, _P):
            raise ServeError(
                Message(
                    "password file {path} was made with other settings of scrypt; {how}", path=path, how=how
                )
            )

    def matches(self, password: str) -> bool:
        """Whether this is the password."""
        given = _scrypt(password, self._salt, self._n, self._r, self._p)
        return hmac.compare_digest(given, self._digest)


class Throttle:
    """Wrong passwords by address: after some free ones each doubles the wait."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds this address has still to wait [s]."""
        return max(0.0, self._failed.get(address, (0, 0.0))[1] - self._clock())

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        count = self._failed.pop(address, (0, 0.0))[0] + 1
        over = count - FREE_FAILURES
        wait = min(LONGEST_WAIT_S, 2.0 ** min(over, 20)) if over >= 0 else 0.0
        self._failed[address] = (count, self._clock() + wait)
        while len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what was wrong before."""
        self._failed.pop(address, None)


class Login:
    """Asks for the password (HTTP Basic, any user name) before anything is answered.

    One password is tried at a time, and few of one address wait for it, so that many attempts cost neither memory nor
    the other visitors' time.
    """

    def __init__(
        self, app: ASGIApp, password: Password, throttle: Throttle | None = None, trust_proxy: bool = False
    ) -> None:
        self.app = app
        self._password = password
        self._throttle = throttle or Throttle()
        self._trust_proxy = trust_proxy
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._one = asyncio.Lock()
        self._trying = Slots()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        header = dict(scope["headers"]).get(b"authorization", b"")
        refused = await self._refuse(scope, address_of(scope, self._trust_proxy), header)
        await (refused or self.app)(scope, receive, send)

    async def _refuse(self, scope: Scope, address: str, header: bytes) -> JSONResponse | None:
        if not header:
            return _ask(scope, Message("a password is needed"))
        # known at its address alone: elsewhere a right guess during the wait must not show
        mark = hmac.digest(self._secret, address.encode() + b"\0" + header, "sha256")
        if mark in self._known:
            self._known.move_to_end(mark)
            return None
        if self._throttle.wait_s(address) > 0:
            return self._wait(scope, address)
        message = Message("too many passwords are being tried; try again")
        try:
            self._trying.take(address, _TRIED_AT_ONCE, _TRIED_BY_ONE, message)
        except QueryError:
            return refusal(scope, 503, message, {"retry-after": "2"})
        try:
            async with self._one:
                return await self._try(scope, address, header, mark)
        finally:
            self._trying.free(address)

    async def _try(self, scope: Scope, address: str, header: bytes, mark: bytes) -> JSONResponse | None:
        if mark in self._known:  # another request with it was before this one
            return None
        if self._throttle.wait_s(address) > 0:
            return self._wait(scope, address)
        try:
            kind, _, text = header.partition(b" ")
            password = base64.b64decode(text, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            kind, password = b"", ""
        if kind.lower() == b"basic" and await run_in_threadpool(self._password.matches, password):
            self._throttle.succeeded(address)
            self._known[mark] = None
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
            return None
        self._throttle.failed(address)
        return _ask(scope, Message("the password is wrong"))

    def _wait(self, scope: Scope, address: str) -> JSONResponse:
        seconds = int(self._throttle.wait_s(address)) + 1
        message = Message("too many wrong passwords; try again later")
        return refusal(scope, 429, message, {"retry-after": str(seconds)})


def _ask(scope: Scope, message: Message) -> JSONResponse:
    return refusal(scope, 401, message, {"www-authenticate": 'Basic realm="soilco2", charset="UTF-8"'})
