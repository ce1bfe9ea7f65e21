"""Clients that mean ill: half requests, readers that do not read, and the words they get in their own language."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.server import server
from soilco2.dashboards.live.stations import pages_of
from soilco2.dashboards.web.bind import bind
from soilco2.storage.journal.writer import Writer
from tests.dashboards.live.small import reading, small_station

PROBES = 4
END = b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"


@contextmanager
def served(pages: list[PageStation], **options: Any) -> Iterator[int]:
    """A server of its own on a free port."""
    running = server(pages, version="0", **options)
    listener = bind("127.0.0.1", 0)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join(60)
        listener.close()


def ask(port: int, path: str, source: str = "127.0.0.1") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as one:
        one.sendall(b"GET " + path.encode() + END)
        return one.recv(64)


def test_half_requests_do_not_keep_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soilco2.dashboards.web.server.REQUEST_S", 0.2)
    with served(pages_of([small_station(tmp_path)])) as port:
        for half in (b"GET / HTTP/1.1\r\nhost: 12", b""):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
                one.sendall(half)
                assert one.recv(1) == b""  # closed by the server
        with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
            one.sendall(b"GET /api/v1/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            one.settimeout(1)  # five times as long, in which a half request would be gone
            end = time.monotonic() + 1
            with suppress(TimeoutError):
                while time.monotonic() < end:
                    assert one.recv(4096) != b""


def test_readers_that_do_not_read_hold_up_nobody(tmp_path: Path) -> None:
    station = small_station(tmp_path, probes=PROBES)
    with Writer.open(station) as writer:
        for n in range(1, PROBES + 1):
            writer.commit([reading(k, probe=n) for k in range(10_000)])
    names = ",".join(f"p1/d{n}/soil_temperature" for n in range(1, PROBES + 1))
    slow = []
    with served(pages_of([station])) as port:
        for _ in range(12):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", port))
            one.sendall(b"GET /api/v1/table?from=0&series=" + names.encode() + END)
            slow.append(one)
        heads = sorted(one.recv(12) for one in slow)
        assert heads == [b"HTTP/1.1 200"] * 4 + [b"HTTP/1.1 503"] * 8  # one address may have four
        assert ask(port, "/api/v1/latest").startswith(b"HTTP/1.1 200")
        for one in slow:
            one.close()
        end = time.monotonic() + 60
        while not (answer := ask(port, "/api/v1/table?from=0&series=p1/d1/soil_temperature")).startswith(
            b"HTTP/1.1 200"
        ):
            assert time.monotonic() < end, answer
            time.sleep(0.05)


@pytest.mark.parametrize("half", [b"GET / HTTP/1.1\r\nhost: 12", b""])
def test_half_requests_of_one_address_leave_room_for_another(tmp_path: Path, half: bytes) -> None:
    """600, of which each would have its ten seconds."""
    with served(pages_of([small_station(tmp_path)])) as port, ExitStack() as stack:
        for _ in range(600):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            with suppress(ConnectionError):  # it may have been turned away before this
                one.sendall(half)
        assert ask(port, "/static/app.js", source="127.0.0.2").startswith(b"HTTP/1.1 200")
        assert ask(port, "/static/app.js").startswith(b"HTTP/1.1 503")


def test_event_streams_of_one_address_leave_room_for_another(tmp_path: Path) -> None:
    """Behind a proxy that is trusted it is the address that the proxy names."""

    def listen(stack: ExitStack, port: int, address: str) -> bytes:
        one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
        head = f"GET /api/v1/stream HTTP/1.1\r\nhost: soil.example\r\nx-forwarded-for: {address}\r\n\r\n"
        one.sendall(head.encode())
        return one.recv(12)

    with served(pages_of([small_station(tmp_path)]), trust_proxy=True) as port, ExitStack() as stack:
        heads = [listen(stack, port, "203.0.113.7") for _ in range(70)]
        assert heads == [b"HTTP/1.1 200"] * 64 + [b"HTTP/1.1 503"] * 6
        assert listen(stack, port, "203.0.113.8") == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("url", "zh"),
    [
        ("/api/v1/series?from=0&series=a", "序列 'a' 不是“剖面/点位/变量”的形式"),
        ("/api/v1/series?series=a/b/c", "缺少 from，应为整数"),
        ("/api/v1/nothing", "/api/v1/nothing 处没有内容"),
        ("/api/v1/latest?station=<b>", "此处没有台站 '<b>'"),
        ("/api/v1/latest", "还没有日志库；运行 soilco2 collect 或 soilco2 import 即可生成"),
    ],
)
def test_sentences_are_in_the_language_that_was_asked_for(tmp_path: Path, url: str, zh: str) -> None:
    with TestClient(create_app(pages_of([small_station(tmp_path)]), version="0")) as client:
        told = client.get(url, headers={"accept-language": "zh"}).json()["error"]
        assert zh in told
        assert client.get(url, headers={"accept-language": "en"}).json()["error"].isascii()
