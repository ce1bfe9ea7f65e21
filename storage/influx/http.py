"""HTTP with InfluxDB: one connection that is kept, certificates verified, every answer told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from soilco2.station_config.message import Message, marked
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkTooLarge, SinkUnavailable
from soilco2.storage.http import network_error, pool, retry_after, where, words_of

_KNOWN = frozenset({marked("unauthorized access")})
"""Words of the server that are said in other languages too."""


class InfluxHttp:
    """Requests to an InfluxDB.

    A redirection is not followed: it would carry the token to wherever it points. Nothing is tried again: whoever asks
    knows when.

    Parameters
    ----------
    table : InfluxdbTable
        The token is asked for once, here.

    Raises
    ------
    StationConfigError
        When the token is not where the station file says.
    """

    def __init__(self, table: InfluxdbTable) -> None:
        self.table = table
        self.token = table.token.reveal()
        self._pool = pool(table)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer: `status`, `data`, `headers`.

        Raises
        ------
        SinkUnavailable, SinkDenied
            When there is none.
        """
        from urllib3.exceptions import HTTPError

        said = {
            "Authorization": f"Token {self.token}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        try:
            return self._pool.request(
                method,
                f"{self.table.url.rstrip('/')}{path}?{urlencode(query)}",
                body=body,
                headers={**said, **(headers or {})},
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            raise network_error(self.table, error, self.token) from None

    def error(self, answer: Any) -> SinkError:
        """The error that an answer stands for."""
        return answer_error(self.table, answer.status, answer.data, dict(answer.headers), self.token)

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.clear()


def answer_error(
    table: InfluxdbTable, status: int, body: str | bytes | None, headers: Mapping[str, str], token: str
) -> SinkError:
    """The error that an HTTP answer stands for."""
    place, said = where(table), words_of(body, token)
    words = Message(said) if said in _KNOWN else said
    if status in (400, 422):
        words = words or Message("refused without a word")
        return SinkRefused(Message("{place}: {words}", place=place, words=words), status)
    if status == 413:
        words = words or Message("no more was said")
        return SinkTooLarge(Message("{place}: the request is too large ({words})", place=place, words=words))
    if status in (408, 425, 429) or status >= 500:
        lower = {key.lower(): value for key, value in headers.items()}
        return SinkUnavailable(
            Message("{place}: {words}", place=place, words=f"{status} {said}".rstrip()),
            retry_after(lower.get("retry-after")),
        )
    return SinkDenied(_denial(table, status, words))


def _denial(table: InfluxdbTable, status: int, words: str) -> Message:
    """What an answer says that will be the same until a person mends something."""
    place = where(table)
    if status in (401, 403):
        return Message(
            "{place}: the token is not accepted ({status}: {words}); give one that may write to and read from bucket "
            "{bucket!r} of organisation {organisation!r}",
            place=place,
            status=status,
            words=words,
            bucket=table.bucket,
            organisation=table.org,
        )
    if status == 404:
        return Message(
            "{place}: bucket {bucket!r} of organisation {organisation!r} is not there (404: {words})",
            place=place,
            bucket=table.bucket,
            organisation=table.org,
            words=words,
        )
    if 300 <= status < 400:
        return Message(
            "{place}: redirects to another address ({status}); the token is not sent there: write the final address "
            "as url",
            place=place,
            status=status,
        )
    return Message(
        "{place}: answered {status} ({words}); is this an InfluxDB 2?",
        place=place,
        status=status,
        words=words,
    )
