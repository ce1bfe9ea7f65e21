"""How long the answer of an HTTP server may take as a whole: a time-out of a socket holds for each read alone.

A server that sends a byte now and then would be waited for without end, in its headers as in its body.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Mapping
from http.client import HTTPResponse
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

LEAST_RATE = 32_768
"""A large answer on a slow line has a second more for so many bytes that came [bytes/s]."""


class _Bytes(io.RawIOBase):
    """What comes of an answer, until its time is over."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._sock, self._timeout_s = sock, timeout_s
        self._end = monotonic() + timeout_s
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, self._timeout_s))
        came: int | None = self._raw.readinto(into)
        self._end += (came or 0) / LEAST_RATE
        return came

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *how: Any, **keys: Any) -> None:
        super().__init__(sock, *how, **keys)
        timeout_s = sock.gettimeout()
        if timeout_s is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_Bytes(sock, timeout_s))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}
"""Pools of connections whose read time-out holds for the whole answer, by scheme."""
