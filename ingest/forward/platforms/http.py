"""JSON by HTTP POST: one request a batch, certificates verified, every answer told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from soilco2.ingest.forward.platforms.template import message
from soilco2.station_config.message import Message
from soilco2.station_config.tables.platform import HttpPlatform
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkTooLarge, SinkUnavailable
from soilco2.storage.http import Client, retry_after, where, words_of

MOST_BYTES = 65_536
"""Of an answer that are read [bytes]."""


class HttpSink:
    """A platform that takes JSON.

    A redirection is not followed: it would carry the token to wherever it points.

    Parameters
    ----------
    table : HttpPlatform
        The token is asked for once, here.

    Raises
    ------
    StationConfigError
        When the token is not where the station file says.
    """

    def __init__(self, table: HttpPlatform) -> None:
        self.table = table
        self._client = Client(
            table, {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
        )
        self._token = self._client.token

    def write(self, lines: bytes) -> None:
        """Send these readings; when this returns, the platform has said that it has all of them."""
        answer = self._client.ask("POST", self.table.url, MOST_BYTES, message(self.table, lines))
        fault = self._fault(answer.status, answer.body, answer.headers)
        if fault is not None:
            raise fault

    def _fault(self, status: int, body: bytes, headers: Mapping[str, str]) -> SinkError | None:
        place, words = where(self.table), words_of(body, self._token)
        said = f"{status} {words}".rstrip()
        if 200 <= status < 300:
            return self._said(place, body, words)
        if status in (400, 409, 422):
            return SinkRefused(Message("{place}: {words}", place=place, words=said))
        if status == 413:
            return SinkTooLarge(
                Message("{place}: the request is too large ({words})", place=place, words=said)
            )
        if status in (408, 425, 429) or status >= 500:
            wait = retry_after(headers.get("Retry-After"))
            return SinkUnavailable(Message("{place}: {words}", place=place, words=said), wait)
        if 300 <= status < 400:
            return SinkDenied(
                Message(
                    "{place}: redirects to another address ({status}); the token is not sent there: write the "
                    "final address as url",
                    place=place, status=status,
                )
            )  # fmt: skip
        return SinkDenied(
            Message("{place}: answered {words}; check the url and the token", place=place, words=said)
        )

    def _said(self, place: Message, body: bytes, words: str) -> SinkError | None:
        """What an answer of success says in its body."""
        table = self.table
        if table.ok_path is None:
            return None
        try:
            found: Any = json.loads(body)
            for key in table.ok_path.split("."):
                found = found[int(key)] if isinstance(found, list) else found[key]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            return SinkUnavailable(
                Message(
                    "{place}: answered success without {path} in JSON; something else may answer there: {words}",
                    place=place, path=table.ok_path, words=words,
                )
            )  # fmt: skip
        if _same(found, table.ok_value):
            return None
        text = Message(
            "{place}: {path} is {found!r} where {wanted!r} is success: {words}",
            place=place, path=table.ok_path, found=words_of(str(found), self._token), wanted=table.ok_value,
            words=words,
        )  # fmt: skip
        if any(_same(found, value) for value in table.refused_values):
            return SinkRefused(text)
        return SinkUnavailable(text)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def _same(one: Any, other: Any) -> bool:
    """Equal, and not only because true is 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
