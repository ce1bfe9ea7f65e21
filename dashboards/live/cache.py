"""Answers that were given before."""

from __future__ import annotations

from collections import OrderedDict

MOST_BYTES = 16 * 2**20
"""All answers together at most [bytes]."""
MOST_BODY = MOST_BYTES // 4
"""One of them at most [bytes]."""


class ResponseCache:
    """Answers by their ETag, true while the journal's revision is the same; the oldest give way."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, mark: str) -> bytes | None:
        """The answer of an ETag; None when it is not here."""
        body = self._found.get(mark)
        if body is not None:
            self._found.move_to_end(mark)
        return body

    def put(self, mark: str, body: bytes) -> None:
        """Keep an answer, unless it is so large that it would push many others out."""
        if mark in self._found or len(body) > MOST_BODY:
            return
        self._found[mark] = body
        self._bytes += len(body)
        while self._bytes > MOST_BYTES:
            self._bytes -= len(self._found.popitem(last=False)[1])
