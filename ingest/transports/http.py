"""Asking an address over HTTP or HTTPS: what came, or why nothing can be used."""

from __future__ import annotations

import zlib
from urllib.parse import urljoin, urlsplit

from soilco2.ingest.errors import FetchError
from soilco2.station_config.message import Message
from soilco2.storage.errors import SinkError
from soilco2.storage.http import Client, TokenPlace, retry_after, where, words_of

MOST_BYTES = 8 * 2**20
"""Of an answer [bytes]."""


class Asker:
    """Asks one server, by one connection that is kept.

    Parameters
    ----------
    table : HttpJsonConnection
        The token is asked for once, here.

    Raises
    ------
    StationConfigError
        When the token is not where the station file says.
    """

    def __init__(self, table: TokenPlace) -> None:
        self._table = table
        self._client = Client(table, {"Accept": "application/json", "Accept-Encoding": "identity"})
        self.close = self._client.close

    def ask(self, url: str) -> bytes:
        """The body of the answer.

        Raises
        ------
        FetchError
            When there is none that can be used, with how long the server wants to be left alone.
        """
        try:
            answer = self._client.ask("GET", url, MOST_BYTES)
        except SinkError as fault:
            raise FetchError(Message.of(fault)) from None
        if 200 <= answer.status < 300:
            body = self._decoded(answer.body, answer.headers.get("Content-Encoding", ""))
            if len(body) > MOST_BYTES:
                raise FetchError(
                    Message(
                        "{place}: the answer is larger than {most} bytes; ask for less at once, such as by a parameter "
                        "of the address or a shorter first_look_back",
                        place=where(self._table), most=MOST_BYTES,
                    ),
                    alone=True,
                )  # fmt: skip
            return body
        raise self._fault(answer.status, answer.body, answer.headers.get("Retry-After"))

    def _decoded(self, body: bytes, encoding: str) -> bytes:
        """A body that was compressed though that was not asked for; no more of it than may come."""
        names = [name.strip().lower() for name in encoding.split(",")]
        if all(name in ("", "identity") for name in names):
            return body
        place = where(self._table)
        if names not in (["gzip"], ["x-gzip"], ["deflate"]):
            raise FetchError(
                Message(
                    "{place}: the answer is compressed as {encoding!r}, which is not read; only gzip and deflate are",
                    place=place, encoding=encoding[:40],
                ),
                alone=True,
            )  # fmt: skip
        stream = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
        try:
            plain = stream.decompress(body, MOST_BYTES + 1)
        except zlib.error:
            plain = b""
        if (not stream.eof or stream.unused_data) and len(plain) <= MOST_BYTES:
            raise FetchError(
                Message("{place}: the compressed answer is damaged or not whole", place=place), alone=True
            )
        return plain

    def _fault(self, status: int, body: bytes, wait: str | None) -> FetchError:
        place, words = where(self._table), words_of(body, self._client.token)
        if 300 <= status < 400:
            return FetchError(
                Message(
                    "{place}: redirects to another address ({status}); it is not followed: write the final address "
                    "as url",
                    place=place, status=status,
                )
            )  # fmt: skip
        said = f"{status} {words}".rstrip()
        if status in (401, 403):
            return FetchError(
                Message("{place}: answered {words}; check the url and the token", place=place, words=said)
            )
        wait_s = retry_after(wait)
        return FetchError(
            Message("{place}: {words}", place=place, words=said), wait_s, status,
            alone=wait_s is None and status != 429,
        )  # fmt: skip


def same_server(url: str, following: str) -> str | None:
    """The address of a following page, which may be relative; None where it is on another server."""
    found = urljoin(url, following)
    one, other = urlsplit(url), urlsplit(found)
    return found if (one.scheme, one.netloc) == (other.scheme, other.netloc) else None
