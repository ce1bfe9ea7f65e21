"""HTTP with InfluxDB: one connection that is kept, certificates verified, every answer told apart."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from soilco2.station_config.message import Message, marked
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkTooLarge, SinkUnavailable

_WORDS = 600
"""Characters of a server's answer that are worth keeping."""
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
        import urllib3

        self.table = table
        self.token = table.token.reveal()
        options: dict[str, Any] = {}
        if table.url.startswith("https"):
            options = {"cert_reqs": ssl.CERT_REQUIRED}
            if table.ca_file is not None:
                options["ca_certs"] = str(table.ca_file)
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=table.timeout, read=table.timeout), **options
        )

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


class Place(Protocol):
    """What is reached by HTTP: its table of the station file."""

    @property
    def id(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def ca_file(self) -> Path | None: ...


def where(table: Place) -> Message:
    """The database as messages name it: its id and address, without what may stand before an @."""
    parts = urlsplit(table.url)
    host = parts.hostname or ""
    address = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"
    return Message("{database} at {address}", database=table.id, address=address)


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


def network_error(table: Place, error: BaseException, token: str) -> SinkError:
    """The error that a failed connection stands for."""
    text = " ".join(str(error).split())
    if token:
        text = text.replace(token, "***")
    chain: list[BaseException] = [error]
    while (following := getattr(chain[-1], "reason", None) or chain[-1].__cause__) is not None and isinstance(
        following, BaseException
    ):
        chain.append(following)
    if "CERTIFICATE_VERIFY_FAILED" in text or any(isinstance(e, ssl.SSLCertVerificationError) for e in chain):
        return SinkDenied(
            Message(
                "{place}: its certificate cannot be verified ({why}); name the authority's file as ca_file, and check "
                "this machine's clock",
                place=where(table),
                why=text[:_WORDS],
            )
        )
    if table.ca_file is not None and not table.ca_file.is_file():
        return SinkDenied(
            Message("{place}: ca_file {file} cannot be read", place=where(table), file=table.ca_file)
        )
    return SinkUnavailable(Message("{place}: no answer ({why})", place=where(table), why=_plain(error)))


def _plain(error: BaseException) -> Message:
    name = type(error).__name__
    known = {
        "NewConnectionError": Message("connection refused or no way there"),
        "NameResolutionError": Message("the name of the host cannot be resolved"),
        "ConnectTimeoutError": Message("time-out while connecting"),
        "ReadTimeoutError": Message("time-out while waiting for the answer"),
        "ProtocolError": Message("the connection was cut"),
    }
    return known.get(name) or Message.of(name)


def words_of(body: str | bytes | None, token: str) -> str:
    """What the server said, as one line."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    text = body or ""
    try:
        found: Any = json.loads(text)
        if isinstance(found, dict):
            text = str(found.get("message") or found.get("error") or text)
    except ValueError:
        pass
    text = " ".join(text.split())
    if token:
        text = text.replace(token, "***")
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"


def retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header: a number, or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
