"""Connections through a broker in every situation: a real broker and a collector in its own process.

N1 on the connection ``field`` suffers; N2 on ``shed`` is its neighbour. What they say is a kind's own `Speech`.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from soilco2.ingest.simulate.lorawan import chirpstack_event
from soilco2.storage.journal.control import ask_collector
from tests.ingest.drivers.contract import Account, Bench, Known, Rows, known
from tests.ingest.running import START_US, TOPIC, Collecting, until
from tests.ingest.station import STATION
from tests.servers import Mosquitto

INFLIGHT = 50
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


def measured(number: int, node: str = "N1") -> Known:
    """What `Speech.message` says by a number."""
    return Known(node, "co2", START_US + number * SECOND_US, 400.0 + number)


class Speech:
    """The message of soilco2: what nodes say, and what nobody understands."""

    topics = (TOPIC, "shed/data")
    """Of N1 and of N2."""

    def station(self, file: Path) -> None:
        """Make the station one that understands it."""

    def said(self, time_us: int, value: float, *, number: int = 0, serial: str = "N1") -> bytes:
        """A message of one reading."""
        node = {"N1": "n", "N2": "m"}[serial]
        return encode_message(STATION, node, number, [Reading(serial, "co2", time_us, value, "ppm")])

    def message(self, number: int, serial: str = "N1") -> bytes:
        """One numbered reading, a second after the one before."""
        return self.said(START_US + number * SECOND_US, 400.0 + number, number=number, serial=serial)

    def garbage(self) -> list[bytes]:
        """Messages that cannot be understood."""
        good = self.message(1)
        nested = b'{"node":"n","sequence":1,"readings":' + b"[" * 100_000
        return [
            b"", b"\xff\x00", b"{", b"[]", b"null", nested, b"x" * 300_000, good[:-1], good + b"}",
            good.replace(b"401.0", b"1e999"), good.replace(b"401.0", b'"401"'), good.replace(b'"N1"', b'"N9"'),
            good.replace(b'"N1"', b'"N2"'), good.replace(b'"ppm"', b'"hPa"'), good.replace(b'"co2"', b'"gold"'),
        ]  # fmt: skip


class Uplinks(Speech):
    """Uplinks of LoRaWAN devices, as ChirpStack publishes them."""

    topics = ("application/7/device/n1/event/up", "application/8/device/n2/event/up")
    EUI: ClassVar = {"N1": "24e124126a000001", "N2": "24e124126a000002"}

    def station(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8").replace('topic = "shed/data"\n', "")
        for number, serial in ((7, "N1"), (8, "N2")):
            topic = f'kind = "lorawan"\ntopic = "application/{number}/device/+/event/up"'
            text = text.replace('kind = "mqtt"', topic, 1)
            text = text.replace(
                f'serial = "{serial}"\n', f'serial = "{serial}"\naddress = "{self.EUI[serial]}"\n'
            )
        text = text.replace('"soilco2-node"', '"milesight-em500-co2"')
        file.write_text(
            text.replace('["co2", "soil_temperature", "soil_water"]', '["co2"]'), encoding="utf-8"
        )

    def said(self, time_us: int, value: float, *, number: int = 0, serial: str = "N1") -> bytes:
        data = bytes.fromhex("057D") + int(value).to_bytes(2, "little")  # CO2 uint16 ppm
        event = chirpstack_event(self.EUI[serial], serial, time_us, "01aa02bb", number, 85, data)
        return json.dumps(event, separators=(",", ":")).encode()

    def garbage(self) -> list[bytes]:
        good = self.message(1)
        n1, n2 = self.EUI["N1"].encode(), self.EUI["N2"].encode()
        return [
            b"", b"\xff\x00", b"{", b"[]", b"null", b'{"deviceInfo":' + b"[" * 100_000, b"x" * 300_000, good[:-1],
            good + b"}", good.replace(b'"BX2RAQ=="', b'"BX2RAQ"=='), good.replace(b'"BX2RAQ=="', b'"BX2R"'),
            good.replace(b'"BX2RAQ=="', b'"?"'), good.replace(b'"fPort":85', b'"fPort":86'), good.replace(n1, b"24e1"),
            good.replace(n1, b"24e124126a000009"), good.replace(n1, n2), good.replace(b'"2026-', b'"1997-'),
        ]  # fmt: skip


class AnyJson(Speech):
    """Messages of a layout of their own, with a mapping in the station file."""

    topics = ("tele/N1/SENSOR", "tele/N2/SENSOR")

    def station(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8").replace('topic = "shed/data"\n', "")
        for serial in ("N1", "N2"):
            mapping = (
                f'kind = "mqtt-json"\ntopic = "tele/{serial}/SENSOR"\ndevice_level = 2\ntime = "Time"\n'
                'time_format = "us"\n[[connection.reading]]\npath = "MHZ19B.CarbonDioxide"\n'
                f'serial = "{serial}"\nchannel = "co2"\ndevice = "{serial}"\n'
            )
            text = text.replace('kind = "mqtt"\n', mapping, 1)
        file.write_text(
            text.replace('["co2", "soil_temperature", "soil_water"]', '["co2"]'), encoding="utf-8"
        )

    def said(self, time_us: int, value: float, *, number: int = 0, serial: str = "N1") -> bytes:
        return b'{"Time":%d,"MHZ19B":{"CarbonDioxide":%.1f}}' % (time_us, value)

    def garbage(self) -> list[bytes]:
        good = self.message(1)
        return [
            b"", b"\xff\x00", b"{", b"[]", b"null", b'{"Time":' + b"[" * 100_000, b"x" * 300_000, good[:-1],
            good + b"}",
            *(good.replace(b"401.0", bad) for bad in (b"1e999", b'"401"', b"nan", b"NaN", b"null", b"true")),
            good.replace(b"Carbon", b"carbon"), good.replace(b"MHZ19B", b"DS18B20"), good.replace(b"Time", b"time"),
            good.replace(b'"Time":', b'"Time":1'), b'"' + b"\\\"" * 100_000,
        ]  # fmt: skip


class Broker:
    """A broker, a collector, and what was published."""

    def __init__(self, bench: Bench, speech: Speech, *lines: str) -> None:
        self.speech = speech
        if lines:
            self.server = Mosquitto(bench.folder / "broker", *lines)
            self.server.start()
            bench.stack.callback(self.server.kill)
        else:
            self.server = bench.fixture("mosquitto")
        folder = bench.folder / "station"
        folder.mkdir()
        self.collector = Collecting(folder, self.server.port, mqtt=f"inflight = {INFLIGHT}")
        speech.station(self.collector.file)
        bench.stack.callback(self.collector.kill)
        self.came = 0
        self.beside: set[Known] = set()
        self.waiting: list[int] = []

    def publish(self, payloads: Sequence[bytes]) -> None:
        """N1 sends messages, each of one reading or none that can be understood; then N2 sends one."""
        if payloads:
            self.collector.publish(payloads, self.speech.topics[0])
        number = len(self.beside)
        one = measured(number, "N2")
        self.collector.publish([self.speech.message(number, "N2")], self.speech.topics[1])
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


def silent(speech: Speech, bench: Bench) -> Account:
    """N1 sends nothing."""
    broker = Broker(bench, speech)
    broker.collector.start()
    for _ in range(3):
        broker.publish([])
    broker.settled()
    assert broker.collector.counters("field") == {}
    return broker.account(set())


def garbage(speech: Speech, bench: Bench) -> Account:
    """Messages that cannot be understood, between two that can."""
    bad = speech.garbage()
    broker = Broker(bench, speech)
    broker.collector.start()
    broker.publish([speech.message(0), *bad, speech.message(2)])
    account = broker.account({measured(0), measured(2)})
    assert account.refused == len(bad)
    assert account.true <= set(account.samples)
    return account


def late(speech: Speech, bench: Bench) -> Account:
    """What a node kept without a network comes last, with its own old time; that of an unset clock is refused."""
    broker = Broker(bench, speech)
    broker.collector.start()
    broker.publish([speech.message(5)])
    broker.settled()
    old = Known("N1", "co2", START_US - 30 * DAY_US, 512.0)
    assert old.time_us is not None
    assert old.raw is not None
    broker.publish(
        [speech.said(old.time_us, old.raw), speech.message(3), speech.said(86_400 * SECOND_US, 999.0)]
    )
    account = broker.account({measured(5), measured(3), old})
    assert account.refused == 1
    assert account.true <= set(account.samples)
    return account


def unplugged(speech: Speech, bench: Bench) -> Account:
    """The broker goes and comes back; what it did not hear acknowledged before it went comes again."""
    broker = Broker(bench, speech)
    broker.collector.start()
    broker.publish([speech.message(0)])
    broker.settled()
    broker.server.stop()
    until(lambda: bool(broker.collector.events("broker_gone")))
    broker.server.restart()
    broker.publish([speech.message(1)])
    account = broker.account({measured(0), measured(1)}, redelivered=True)
    assert account.true <= set(account.samples)
    return account


def two_at_one_address(speech: Speech, bench: Bench) -> Account:
    """Two nodes of one name: the same reading twice is known, another number for its time is kept beside it."""
    broker = Broker(bench, speech)
    broker.collector.start()
    broker.publish([speech.message(1), speech.message(2)])
    broker.settled()
    one = measured(1)
    assert one.time_us is not None
    broker.publish([speech.message(1), speech.said(one.time_us, 999.0, number=1), speech.message(3)])
    account = broker.account({*(measured(n) for n in (1, 2, 3)), one._replace(raw=999.0)})
    assert (account.again, account.refused) == (1, 0)
    assert account.true <= set(account.samples)
    return account


def burst(speech: Speech, bench: Bench) -> Account:
    """A thousand messages at once, from a broker that sends on as many as it may."""
    broker = Broker(bench, speech, "max_inflight_messages 0")
    broker.collector.start()
    broker.publish([speech.message(n) for n in range(1000)])
    account = broker.account({measured(n) for n in range(1000)})
    assert account.true <= set(account.samples)
    return account


def restart(speech: Speech, bench: Bench) -> Account:
    """The collector is killed when a group is on disk and not yet acknowledged: it comes again and is known."""
    broker = Broker(bench, speech)
    broker.collector.start(SOILCO2_FAULT="after-commit:2")
    number = 0
    while not broker.collector.ended and number < 2000:
        broker.publish([speech.message(number)])
        number += 1
    assert broker.collector.process is not None
    assert broker.collector.process.wait(60) == -signal.SIGKILL
    broker.collector.start()
    broker.publish([speech.message(number)])  # behind what comes again
    account = broker.account({measured(n) for n in range(number + 1)}, redelivered=True)
    assert account.again > 0
    assert account.true <= set(account.samples)
    return account


SCENARIOS: dict[str, Callable[[Speech, Bench], Account]] = {
    "silent": silent,
    "garbage": garbage,
    "late": late,
    "unplugged": unplugged,
    "two at one address": two_at_one_address,
    "burst": burst,
    "restart": restart,
}


def rows(speech: Speech) -> Rows:
    """Every situation, for what a kind says."""
    return {name: partial(scenario, speech) for name, scenario in SCENARIOS.items()}


ROWS = rows(Speech())
LORAWAN_ROWS = rows(Uplinks())
JSON_ROWS = rows(AnyJson())
