"""A server that sends a byte now and then is not waited for longer than its time-out, whoever asks it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from soilco2.ingest.errors import FetchError
from soilco2.ingest.forward.platforms.http import HttpSink
from soilco2.ingest.transports.http import Asker
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.station_config.tables.platform import HttpPlatform
from soilco2.storage import deadline
from soilco2.storage.errors import SinkUnavailable
from soilco2.storage.influx.sink import InfluxSink
from tests.servers import TOKEN, TOKEN_VARIABLE

BYTES = 60
"""So many are dripped, one in each 20 ms: six time-outs in all, none between two of them."""
TIMEOUT = "200ms"


class Dripping:
    """Says `head` at once, then drips `drops`; what it says is sound to whoever waits."""

    def __init__(self, head: bytes, drops: bytes) -> None:
        self._head, self._drops, self._ended = head, drops, Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                other, _ = self._listening.accept()
            except OSError:
                return
            with other:
                try:
                    other.recv(65_536)
                    other.sendall(self._head)
                    for n in range(len(self._drops)):
                        other.sendall(self._drops[n : n + 1])
                        self._ended.wait(0.02)
                except OSError:
                    pass  # who asked has gone

    def close(self) -> None:
        self._ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)


def ask(url: str) -> None:
    table: Any = SimpleNamespace(id="web", url=url, ca_file=None, timeout=0.2, token=None)
    Asker(table).ask(url)


def send(url: str) -> None:
    keys = {"id": "institute", "kind": "http", "url": url, "timeout": TIMEOUT}
    table = HttpPlatform.model_validate(keys)
    HttpSink(table).write(b"{}")


def write(url: str) -> None:
    keys = {"url": url, "org": "o", "bucket": "b", "token": {"env": TOKEN_VARIABLE}, "timeout": TIMEOUT}
    InfluxSink(InfluxdbTable.model_validate(keys)).write(b"soil value=1 1")


DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a" * BYTES + b"\r\nContent-Length: 0\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BYTES, b" " * BYTES),
    "size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * BYTES + b"\r\n\r\n"),
    "body without an end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b" " * BYTES),
}


@pytest.fixture(params=DRIPS)
def dripping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dripping]:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    found = Dripping(*DRIPS[request.param])
    yield found
    found.close()


@pytest.mark.parametrize(
    ("who", "error"), [(ask, FetchError), (send, SinkUnavailable), (write, SinkUnavailable)]
)
def test_a_server_that_drips_is_given_up(
    dripping: Dripping, who: Callable[[str], None], error: type[Exception]
) -> None:
    with pytest.raises(error, match="time-out while waiting for the answer"):
        who(dripping.url)


def test_a_large_answer_on_a_slow_line_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LEAST_RATE", 10)  # a drop in 20 ms is five times as fast
    slow = Dripping(*DRIPS["body"])
    try:
        ask(slow.url)
    finally:
        slow.close()


def test_a_connection_is_kept_and_each_answer_has_its_own_time() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def serve() -> None:
            other, _ = listening.accept()  # once
            with other:
                for _ in range(3):
                    other.recv(65_536)
                    other.sendall(answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        table: Any = SimpleNamespace(id="web", url=url, ca_file=None, timeout=5.0, token=None)
        asker = Asker(table)
        assert [asker.ask(url) for _ in range(3)] == [b"{}"] * 3
        asker.close()
        thread.join(10)
