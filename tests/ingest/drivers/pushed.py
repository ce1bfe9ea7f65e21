"""MQTT in every situation: a real broker and a collector in its own process.

Node N1 on the connection ``field`` suffers; node N2 on ``shed`` is its neighbour.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from soilco2.storage.journal.control import ask_collector
from tests.ingest.drivers.contract import Account, Bench, Known, Rows, known
from tests.ingest.running import START_US, Collecting, message, until
from tests.ingest.station import STATION
from tests.servers import Mosquitto

INFLIGHT = 50
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def measured(number: int, node: str = "N1") -> Known:
    """What `message` says by a number: its docstring's second and value."""
    return Known(node, "co2", START_US + number * SECOND_US, 400.0 + number)


def said(time_us: int, value: float, *, node: str = "n", number: int = 0, serial: str = "N1") -> bytes:
    """A message of one reading."""
    return encode_message(STATION, node, number, [Reading(serial, "co2", time_us, value, "ppm")])


class Broker:
    """A broker, a collector, and what was published."""

    def __init__(self, bench: Bench, *lines: str) -> None:
        if lines:
            self.server = Mosquitto(bench.folder / "broker", *lines)
            self.server.start()
            bench.stack.callback(self.server.kill)
        else:
            self.server = bench.fixture("mosquitto")
        folder = bench.folder / "station"
        folder.mkdir()
        self.collector = Collecting(folder, self.server.port, mqtt=f"inflight = {INFLIGHT}")
        bench.stack.callback(self.collector.kill)
        self.came = 0
        self.beside: set[Known] = set()
        self.waiting: list[int] = []

    def publish(self, payloads: Sequence[bytes]) -> None:
        """N1 sends messages, each of one reading or none that can be understood; then N2 sends one."""
        if payloads:
            self.collector.publish(payloads)
        number = len(self.beside)
        one = measured(number, "N2")
        assert one.time_us is not None
        assert one.raw is not None
        self.collector.publish(
            [said(one.time_us, one.raw, node="m", number=number, serial="N2")], "shed/data"
        )
        self.beside.add(one)
        self.came += len(payloads) + 1

    def settled(self, *, redelivered: bool = False) -> None:
        """Wait until everything that was published is counted, and acknowledged."""

        def done() -> bool:
            self.look()
            again = self.counted("duplicate") if redelivered else 0
            return self.counted("in") - again >= self.came and self.waiting[-1] == 0

        until(done, lambda: (self.came, self.waiting[-1:], self.collector.said()))

    def counted(self, name: str) -> int:
        """A counter of the journal, of both connections."""
        return sum(self.collector.counters(source).get(name, 0) for source in ("field", "shed"))

    def look(self) -> None:
        """How many messages are taken and not yet acknowledged."""
        live = ask_collector(self.collector.journal)
        assert live is not None
        self.waiting.append(live["mqtt"]["unacknowledged"])

    def account(self, true: set[Known], *, redelivered: bool = False) -> Account:
        """The account, at the end; `redelivered` readings were sent once and came twice."""
        self.settled(redelivered=redelivered)
        again = self.counted("duplicate")
        came = self.came + again * redelivered
        assert self.counted("in") == came
        with self.collector.reader() as reader:
            samples, parked = (
                known(reader.samples(0, 2**62)),
                reader.accounting.parked_counts().get("message", 0),
            )
        ended = self.collector.stop()
        return Account(
            came=came,
            samples=samples,
            refused=self.counted("rejected"),
            true=true,
            neighbour=self.beside,
            waiting=self.waiting,
            bound=INFLIGHT,
            again=again,
            parked=parked,
            failures=[self.collector.said()] if ended or "Traceback" in self.collector.said() else [],
        )


def silent(bench: Bench) -> Account:
    """N1 sends nothing."""
    broker = Broker(bench)
    broker.collector.start()
    for _ in range(3):
        broker.publish([])
    broker.settled()
    assert broker.collector.counters("field") == {}
    return broker.account(set())


def garbage(bench: Bench) -> Account:
    """Messages that cannot be understood, between two that can."""
    good = message(1)
    nested = b'{"node":"n","sequence":1,"readings":' + b"[" * 100_000
    bad = [
        b"", b"\xff\x00", b"{", b"[]", b"null", nested, b"x" * 300_000, good[:-1], good + b"}",
        good.replace(b"401.0", b"1e999"), good.replace(b"401.0", b'"401"'), good.replace(b'"N1"', b'"N9"'),
        good.replace(b'"N1"', b'"N2"'), good.replace(b'"ppm"', b'"hPa"'), good.replace(b'"co2"', b'"gold"'),
    ]  # fmt: skip
    broker = Broker(bench)
    broker.collector.start()
    broker.publish([message(0), *bad, message(2)])
    account = broker.account({measured(0), measured(2)})
    assert account.refused == len(bad)
    assert account.true <= set(account.samples)
    return account


def late(bench: Bench) -> Account:
    """What a node kept without a network comes last, with its own old time; that of an unset clock is refused."""
    broker = Broker(bench)
    broker.collector.start()
    broker.publish([message(5)])
    broker.settled()
    old = Known("N1", "co2", START_US - 30 * DAY_US, 512.0)
    assert old.time_us is not None
    assert old.raw is not None
    broker.publish([said(old.time_us, old.raw), message(3), said(86_400 * SECOND_US, 999.0)])
    account = broker.account({measured(5), measured(3), old})
    assert account.refused == 1
    assert account.true <= set(account.samples)
    return account


def unplugged(bench: Bench) -> Account:
    """The broker goes and comes back; what it did not hear acknowledged before it went comes again."""
    broker = Broker(bench)
    broker.collector.start()
    broker.publish([message(0)])
    broker.settled()
    broker.server.stop()
    until(lambda: bool(broker.collector.events("broker_gone")))
    broker.server.restart()
    broker.publish([message(1)])
    account = broker.account({measured(0), measured(1)}, redelivered=True)
    assert account.true <= set(account.samples)
    return account


def two_at_one_address(bench: Bench) -> Account:
    """Two nodes of one name: the same reading twice is known, another number for its time is kept beside it."""
    broker = Broker(bench)
    broker.collector.start()
    broker.publish([message(1), message(2)])
    broker.settled()
    one = measured(1)
    assert one.time_us is not None
    broker.publish([message(1), said(one.time_us, 999.0, number=1), message(3)])
    account = broker.account({*(measured(n) for n in (1, 2, 3)), one._replace(raw=999.0)})
    assert (account.again, account.refused) == (1, 0)
    assert account.true <= set(account.samples)
    return account


def burst(bench: Bench) -> Account:
    """A thousand messages at once, from a broker that sends on as many as it may."""
    broker = Broker(bench, "max_inflight_messages 0")
    broker.collector.start()
    broker.publish([message(n) for n in range(1000)])
    account = broker.account({measured(n) for n in range(1000)})
    assert account.true <= set(account.samples)
    return account


def restart(bench: Bench) -> Account:
    """The collector is killed when a group is on disk and not yet acknowledged: it comes again and is known."""
    broker = Broker(bench)
    broker.collector.start(SOILCO2_FAULT="after-commit:2")
    number = 0
    while not broker.collector.ended and number < 2000:
        broker.publish([message(number)])
        number += 1
    assert broker.collector.process is not None
    assert broker.collector.process.wait(60) == -signal.SIGKILL
    broker.collector.start()
    broker.publish([message(number)])  # behind what comes again
    account = broker.account({measured(n) for n in range(number + 1)}, redelivered=True)
    assert account.again > 0
    assert account.true <= set(account.samples)
    return account


ROWS: Rows = {
    "silent": silent,
    "garbage": garbage,
    "late": late,
    "unplugged": unplugged,
    "two at one address": two_at_one_address,
    "burst": burst,
    "restart": restart,
}
