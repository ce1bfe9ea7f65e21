"""Who may ask, and how often: a password (scrypt), throttled; bounds on requests and listeners."""

from __future__ import annotations

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

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.errors import ServeError

_N, _R, _P = 2**14, 8, 5
_STORED = re.compile(r"scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([0-9a-f]{32})\$([0-9a-f]{64})")
SHORTEST = 10
"""Characters of a password at least."""
FREE_FAILURES = 5
"""Wrong passwords of one address before it has to wait."""
LONGEST_WAIT_S = 300.0
"""The longest wait after wrong passwords [s]."""
_ADDRESSES = 4096


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
        raise ServeError(f"the password has {len(password)} characters; {SHORTEST} at least are expected")
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
            f"{path} lies in the repository {found}; keep the password's file outside of repositories"
        )
    line = hash_password(password) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ServeError(f"{path} is there already; remove it to set a new password") from None
    except OSError as error:
        raise ServeError(f"{path} cannot be written ({error.strerror})") from None
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
        how = f"make it with 'soilco2 dashboard password {path}'"
        try:
            text = path.read_text(encoding="ascii", errors="replace")
            mode = path.stat().st_mode
        except OSError as error:
            raise ServeError(f"password file {path} cannot be read ({error.strerror}); {how}") from None
        if mode & 0o077:
            raise ServeError(f"password file {path} can be read by others; run 'chmod 600 {path}'")
        if inside_repository(path) is not None:
            raise ServeError(f"password file {path} lies in a repository; move it out of there")
        found = _STORED.fullmatch(text.strip())
        if found is None:
            raise ServeError(f"password file {path} holds no scrypt hash; {how}")
        self._n, self._r, self._p = (int(part) for part in found.groups()[:3])
        self._salt, self._digest = (bytes.fromhex(part) for part in found.groups()[3:])
        if (self._n, self._r, self._p) != (_N, _R, _P):
            raise ServeError(f"password file {path} was made with other settings of scrypt; {how}")

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
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what was wrong before."""
        self._failed.pop(address, None)


def _refusal(status: int, words: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(
        {"error": words}, status_code=status, headers={"cache-control": "no-store", **headers}
    )


class Login:
    """Asks for the password (HTTP Basic, any user name) before anything is answered."""

    def __init__(self, app: ASGIApp, password: Password, throttle: Throttle | None = None) -> None:
        self.app = app
        self._password = password
        self._throttle = throttle or Throttle()
        self._secret = secrets.token_bytes(32)
        self._known = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        refused = await self._refuse(address, dict(scope["headers"]).get(b"authorization", b""))
        await (refused or self.app)(scope, receive, send)

    async def _refuse(self, address: str, header: bytes) -> JSONResponse | None:
        ask = {"www-authenticate": 'Basic realm="soilco2", charset="UTF-8"'}
        if not header:
            return _refusal(401, "a password is needed", ask)
        mark = hmac.digest(self._secret, header, "sha256")
        if self._known and hmac.compare_digest(mark, self._known):
            return None
        wait = self._throttle.wait_s(address)
        if wait > 0:
            return _refusal(
                429,
                "too many wrong passwords; try again later",
                {"retry-after": str(int(wait) + 1)},
            )
        try:
            kind, _, text = header.partition(b" ")
            password = base64.b64decode(text, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            kind, password = b"", ""
        self._throttle.failed(address)  # counted before it is tried: attempts at the same time count too
        from starlette.concurrency import run_in_threadpool

        if kind.lower() == b"basic" and await run_in_threadpool(self._password.matches, password):
            self._throttle.succeeded(address)
            self._known = mark
            return None
        return _refusal(401, "the password is wrong", ask)


class Rate:
    """Requests by address: a bucket of `burst` that fills with `per_s` a second."""

    def __init__(self, app: ASGIApp, per_s: float = 50.0, burst: float = 400.0) -> None:
        self.app = app
        self._per_s, self._burst = per_s, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        now = monotonic()
        left, at = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        self._left[address] = (max(0.0, left - 1), now)
        while len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        if left < 1:
            await _refusal(429, "too many requests; try again in a second", {"retry-after": "1"})(
                scope, receive, send
            )
            return
        await self.app(scope, receive, send)
