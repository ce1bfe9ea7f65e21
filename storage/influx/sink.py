"""Writing to InfluxDB 2: one synchronous request per batch, every answer told apart.

The client library is imported when the first sink is made: it takes a second and 40 MB.
"""

from __future__ import annotations

import gzip
import importlib
import json
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from soilco2.station_config.message import Message, marked
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkTooLarge, SinkUnavailable
from soilco2.storage.influx.line_protocol import encode

__all__ = ["InfluxSink", "answer_error", "encode", "network_error"]

_WORDS = 600
"""Characters of a server's answer that are worth keeping."""
_KNOWN = frozenset({marked("unauthorized access")})
"""Words of the server that are said in other languages too."""


class InfluxSink:
    """A bucket that takes line protocol.

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
        library: Any = importlib.import_module("influxdb_client")
        self.table = table
        self._token = table.token.reveal()
        self._client = library.InfluxDBClient(
            url=table.url.rstrip("/"),
            token=self._token,
            org=table.org,
            timeout=max(1, int(table.timeout * 1000)),
            ssl_ca_cert=None if table.ca_file is None else str(table.ca_file),
        )
        self._service = library.WriteService(self._client.api_client)

    def write(self, lines: bytes) -> None:
        """Store these lines; when this returns, the database has acknowledged all of them.

        Parameters
        ----------
        lines : bytes
            Line protocol with times in microseconds.

        Raises
        ------
        SinkRefused
            400: nothing was stored; 422: all but the refused points were stored.
        SinkTooLarge, SinkDenied, SinkUnavailable
        """
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        if not lines:
            return
        try:
            _, status, _ = self._service.post_write_with_http_info(
                org=self.table.org,
                bucket=self.table.bucket,
                body=gzip.compress(lines, 1),
                precision="us",
                content_encoding="gzip",
                # a redirection would carry the token to wherever it points
                urlopen_kw={"redirect": False},
            )
        except ApiException as error:
            if not error.status:
                raise network_error(self.table, error, self._token) from None
            raise answer_error(
                self.table, error.status, error.body, dict(error.headers or {}), self._token
            ) from None
        except (HTTPError, OSError) as error:
            raise network_error(self.table, error, self._token) from None
        except UnicodeDecodeError:
            raise SinkUnavailable(
                Message(
                    "{place}: the answer is no text; something else than InfluxDB answers there",
                    place=where(self.table),
                )
            ) from None
        if status != 204:
            raise SinkUnavailable(
                Message(
                    "{place}: answered {status} where InfluxDB answers 204; something else answers there, perhaps a "
                    "login page of the network",
                    place=where(self.table),
                    status=status,
                )
            )

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def where(table: InfluxdbTable) -> Message:
    """The database as messages name it: its id and address, without what may stand before an @."""
    parts = urlsplit(table.url)
    host = parts.hostname or ""
    address = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"
    return Message("{database} at {address}", database=table.id, address=address)


def answer_error(
    table: InfluxdbTable, status: int, body: str | bytes | None, headers: Mapping[str, str], token: str
) -> SinkError:
    """The error that an HTTP answer stands for."""
    place, said = where(table), _words(body, token)
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
            _retry_after(lower.get("retry-after")),
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


def network_error(table: InfluxdbTable, error: BaseException, token: str) -> SinkError:
    """The error that a failed connection stands for."""
    text = " ".join(str(error).split()).replace(token, "***")
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


def _words(body: str | bytes | None, token: str) -> str:
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


def _retry_after(text: str | None) -> float | None:
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
