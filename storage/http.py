"""What every client of HTTP here has in common: verified certificates, no redirections, no token in a message."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from soilco2.station_config.base import Secret
from soilco2.station_config.message import Message
from soilco2.storage.errors import SinkDenied, SinkError, SinkUnavailable

_WORDS = 600
"""Characters of a server's answer that are worth keeping."""


class Place(Protocol):
    """What is reached by HTTP: its table of the station file."""

    @property
    def id(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def timeout(self) -> float: ...


class TokenPlace(Place, Protocol):
    """One that takes a token in a header of the station file's choice."""

    @property
    def token(self) -> Secret | None: ...
    @property
    def token_header(self) -> str: ...
    @property
    def token_prefix(self) -> str: ...


def where(table: Place) -> Message:
    """It as messages name it: its id and address, without what may stand before an @."""
    parts = urlsplit(table.url)
    host = parts.hostname or ""
    address = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"
    return Message("{database} at {address}", database=table.id, address=address)


def pool(table: Place) -> Any:
    """A pool of connections, an `urllib3.PoolManager`, that are kept; nothing is tried again: whoever asks knows when.

    A redirection must not be followed: it would carry the token to wherever it points. The time-out holds for the
    answer as a whole.
    """
    import urllib3

    from soilco2.storage.deadline import POOLS

    options: dict[str, Any] = {}
    if table.url.startswith("https"):
        options = {"cert_reqs": ssl.CERT_REQUIRED}
        if table.ca_file is not None:
            options["ca_certs"] = str(table.ca_file)
    timeout = urllib3.Timeout(connect=table.timeout, read=table.timeout)
    found = urllib3.PoolManager(retries=False, timeout=timeout, **options)
    found.pool_classes_by_scheme = dict(POOLS)
    return found


def bounded(answer: Any, most: int) -> bytes:
    """The body of an answer that was not read yet, one byte more than `most` where it is longer; then it is closed."""
    body = b""
    try:
        while len(body) <= most and (part := answer.read(most + 1 - len(body), decode_content=False)):
            body += part  # the read behind a body that was cut raises
    finally:
        if answer.length_remaining:
            answer.close()
        answer.release_conn()
    return body


class Answer(NamedTuple):
    """What a server answered; its body holds one byte more than was asked for where it is longer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Client:
    """Requests to one place, by connections that are kept.

    Parameters
    ----------
    table : TokenPlace
        The token is asked for once, here.
    headers : mapping
        What each request has, beside the token.

    Raises
    ------
    StationConfigError
        When the token is not where the station file says.
    """

    def __init__(self, table: TokenPlace, headers: Mapping[str, str]) -> None:
        self._table = table
        self.token = table.token.reveal() if table.token is not None else ""
        self._headers = dict(headers)
        if self.token:
            self._headers[table.token_header] = table.token_prefix + self.token
        self._pool = pool(table)

    def ask(self, method: str, url: str, most: int, body: bytes | None = None) -> Answer:
        """What the server answers, at most so many bytes of it.

        Raises
        ------
        SinkUnavailable, SinkDenied
            When there is no answer.
        """
        from urllib3.exceptions import HTTPError

        try:
            answer = self._pool.request(
                method, url, body=body, headers=self._headers, redirect=False, preload_content=False
            )
            return Answer(answer.status, bounded(answer, most), answer.headers)
        except (HTTPError, OSError) as error:
            raise network_error(self._table, error, self.token) from None

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()


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
