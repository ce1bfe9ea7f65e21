"""Addresses that are asked, in every situation: a real server on this machine, a real journal.

The device N1 suffers; N2, asked by the same connection's rows, is healthy.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from soilco2.ingest.drivers import http_json
from soilco2.ingest.drivers.driver import Host
from soilco2.ingest.drivers.http_json import HttpWatch
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.ingest.drivers import contract
from tests.ingest.drivers.contract import Account, Bench, Known, known
from tests.ingest.files.watch import HEAD, NOW_US, Clock

FIRST_US = 1_775_836_800_000_000
"""2026-04-10T16:00Z (``date -u -d 2026-04-10T16:00Z +%s``)."""
MINUTE_US = 60_000_000
STATION = (
    HEAD
    + """\
[[connection]]
id = "web"
kind = "http-json"
url = "{url}"
{keys}
[[connection.reading]]
path = "co2"
channel = "co2"
{rest}
[[profile]]
id = "p1"
"""
)
DEVICE = """\
[[profile.position]]
id = "{serial}"
depth_m = {depth}
[[instrument]]
id = "{serial}"
model = "soilco2-node"
serial = "{serial}"
address = "{serial}"
connection = "web"
interval = "1min"
channels = ["co2"]
[[instrument.installation]]
position = "p1/{serial}"
from = 2020-01-01T00:00:00Z
"""
KEYS = 'each = "data[*]"\ntime = "at"\ntime_format = "us"\nsince = "from"\nsince_format = "ms"\nlook_back = "0s"\n'


@dataclass
class Server:
    """A server that answers as a test wants it, and remembers what it was asked."""

    answer: Callable[[str, dict[str, str]], tuple[int, bytes, dict[str, str]]]
    context: ssl.SSLContext | None = None
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    def start(self) -> None:
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mine.asked.append(self.path)
                mine.headers.append(dict(self.headers))
                parts = urlsplit(self.path)
                query = {key: found[0] for key, found in parse_qs(parts.query).items()}
                status, body, headers = mine.answer(parts.path, query)
                if status < 0:  # the line is cut
                    self.wfile.write(body)
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's word
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        if self.context is not None:
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Desk:
    """The station that asks, and what its devices have measured."""

    def __init__(
        self,
        folder: Path,
        stack: ExitStack,
        *,
        url: str = "http://127.0.0.1:{port}/devices/{{address}}/data",
        keys: str = KEYS,
        rest: str = "",
        devices: str = "".join(
            DEVICE.format(serial=serial, depth=depth) for serial, depth in (("N1", 0.1), ("N2", 0.2))
        ),
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.server = Server(self.answer, context)
        self.server.start()
        stack.callback(lambda: self.server.stop())
        self.rows: dict[str, list[Any]] = {"N1": [], "N2": []}
        self.said: list[str] = []
        self.sizes = [0]
        self.file = folder / "station.toml"
        text = STATION.format(url=url.format(port=self.server.port), keys=keys, rest=rest)
        self.file.write_text(text + devices, encoding="utf-8")
        self.clock = Clock()
        self.begin()
        stack.callback(lambda: self.writer.close())

    def begin(self) -> None:
        """Open the journal and start anew, as after a restart."""
        self.station = load_station(self.file)
        self.writer = Writer.open(self.station, now_us=lambda: NOW_US)
        host = Host(
            station=lambda: self.station, clock=self.clock, deliver=lambda *_: None, beat=lambda _name: None,
            happened=lambda _kind, _subject, text: self.said.append(str(text)), attach=lambda _source: None,
            wake=lambda: None, submit=self.submit,
        )  # fmt: skip
        table: Any = self.station.file.connection[0]
        self.watch = HttpWatch(host, table)

    def again(self) -> None:
        self.writer.close()
        self.begin()

    def submit(self, op: str, **arguments: Any) -> Any:
        self.sizes.append(len(arguments["samples"]))
        return run(self.writer, op, arguments)

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """What the server says: the rows of a device from a time on."""
        serial = path.split("/")[2]
        since = int(query.get("from", "0")) * 1000
        rows = [one for one in self.rows[serial] if _since(one) >= since]
        return 200, json.dumps({"data": rows}).encode(), {}

    def measure(self, *numbers: int, serial: str = "N1") -> set[Known]:
        self.rows[serial] += [row(number) for number in numbers]
        return {measured(number, serial) for number in numbers}

    def reader(self) -> JournalReader:
        return JournalReader(self.station.journal_path)

    def counters(self) -> dict[str, int]:
        with self.reader() as reader:
            return dict(reader.accounting.counters().get("web", {}))

    def samples(self) -> list[Known]:
        with self.reader() as reader:
            return known(reader.samples(0, 2**62))

    def account(self, came: int, true: set[Known]) -> Account:
        """The account, once the neighbour was read."""
        neighbour = self.measure(1, 2, 3, serial="N2")
        self.watch.round()
        counters = self.counters()
        with self.reader() as reader:
            parked = reader.accounting.parked_counts().get("message", 0)
        assert counters["in"] == came + 3
        return Account(
            came=counters["in"], samples=self.samples(), refused=counters.get("rejected", 0), true=true,
            neighbour=neighbour, waiting=self.sizes, bound=http_json._AT_ONCE, again=counters.get("duplicate", 0),
            parked=parked,
        )  # fmt: skip


def _since(one: Any) -> float:
    at = one.get("at") if isinstance(one, dict) else None
    return at if isinstance(at, int) else float("inf")


def row(number: int, co2: Any = None) -> dict[str, Any]:
    """A minute of a device: 400 ppm and the number."""
    return {"at": FIRST_US + number * MINUTE_US, "co2": 400.0 + number if co2 is None else co2}


def measured(number: int, serial: str = "N1") -> Known:
    return Known(serial, "co2", FIRST_US + number * MINUTE_US, 400.0 + number)


def _desk(bench: Bench) -> Desk:
    desk = Desk(bench.folder, bench.stack)
    desk.file.write_text(
        desk.file.read_text(encoding="utf-8").replace(
            "look_back = ", 'first_look_back = "500d"\nlook_back = '
        ),
        encoding="utf-8",
    )
    desk.again()
    return desk


def silent(bench: Bench) -> Account:
    """A device that has measured nothing."""
    desk = _desk(bench)
    desk.watch.round()
    return desk.account(0, set())


def garbage(bench: Bench) -> Account:
    """Bodies that are no such JSON, elements that are no readings."""
    desk = _desk(bench)
    bodies: list[bytes] = [
        b"\xff\x00",
        b"{",
        b"[]",
        b"null",
        b'{"data":' + b"[" * 100_000,
        b"<html>sign in</html>",
    ]
    queue = list(bodies)
    usual = desk.answer

    def answer(path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        return (200, queue.pop(0), {}) if queue and "N1" in path else usual(path, query)

    desk.server.answer = answer
    for _ in bodies:
        desk.watch.round()
    before = desk.counters()["in"]
    bad = [row(9, "wet"), row(9, True), {"at": FIRST_US}, {"co2": 1.0}, {"at": "soon", "co2": 1.0}, 7]
    desk.rows["N1"] = [row(0), *bad, row(2)]
    account = desk.account(before + 2 + len(bad), {measured(0), measured(2)})
    assert account.parked == 6  # of six bodies two say the same; those of one answer are parked together
    account.parked = None
    return account


def late(bench: Bench) -> Account:
    """Readings that come long after newer ones, as far as the look back goes."""
    desk = _desk(bench)
    text = desk.file.read_text(encoding="utf-8").replace('look_back = "0s"', 'look_back = "2h"')
    desk.file.write_text(text, encoding="utf-8")
    desk.again()
    true = desk.measure(100)
    desk.watch.round()
    true |= desk.measure(7, 3)
    account = desk.account(4, true)
    assert account.again == 1
    assert account.true <= set(account.samples)
    return account


def unplugged(bench: Bench) -> Account:
    """The server goes away and comes back, also in the middle of an answer."""
    desk = _desk(bench)
    true = desk.measure(1)
    desk.watch.round()
    desk.server.stop()
    assert desk.watch.round() == http_json.FIRST_PAUSE_S
    desk.server.start()
    usual = desk.server.answer
    desk.server.answer = lambda path, query: (-1, b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", {})
    assert desk.watch.round() == 2 * http_json.FIRST_PAUSE_S
    desk.server.answer = usual
    true |= desk.measure(2)
    account = desk.account(3, true)
    assert account.again == 1  # the newest is asked for again
    assert account.true <= set(account.samples)
    return account


def two_at_one_address(bench: Bench) -> Account:
    """Two values for one time: both are kept."""
    desk = _desk(bench)
    true = desk.measure(1)
    desk.rows["N1"].append(row(1, 999.0))
    account = desk.account(2, true | {measured(1)._replace(raw=999.0)})
    assert account.true <= set(account.samples)
    return account


def burst(bench: Bench) -> Account:
    """Twelve thousand readings in one answer, handed over in pieces."""
    desk = _desk(bench)
    true = desk.measure(*range(12_000))
    account = desk.account(12_000, true)
    assert account.true <= set(account.samples)
    return account


def restart(bench: Bench) -> Account:
    """A round goes on where the one before ended, whoever began it."""
    desk = _desk(bench)
    true: set[Known] = set()
    for number in range(1, 5):
        true |= desk.measure(number)
        desk.watch.round()
        desk.again()
    account = desk.account(4 + 4, true)
    assert account.again == 4  # the newest, each time
    assert account.true <= set(account.samples)
    return account


def addresses(asked: Sequence[str], name: str) -> list[str]:
    """What a parameter of the query was, request by request."""
    return [parse_qs(urlsplit(path).query).get(name, [""])[0] for path in asked]


ROWS: contract.Rows = {
    "silent": silent,
    "garbage": garbage,
    "late": late,
    "unplugged": unplugged,
    "two at one address": two_at_one_address,
    "burst": burst,
    "restart": restart,
}
