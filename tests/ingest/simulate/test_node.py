"""The simulated node against a real broker: nothing is lost, whatever is killed."""

from __future__ import annotations

import contextlib
import json
import queue
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message, iso_time
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.ingest.simulate import confirmation
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.node import SimulatedNode, outbox_path
from soilco2.ingest.simulate.outbox import Outbox
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.ingest.simulate.run import Simulation
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.teaching.demo import station_text
from tests.ingest.running import until
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock
from tests.paths import ROOT
from tests.servers import Amqtt, Mosquitto

pytestmark = pytest.mark.mosquitto

WAIT_S = 60.0


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal of its own, or none: a node asks it."""
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))


class Listener:
    """A subscriber with a session that outlives the broker's restarts."""

    def __init__(self, port: int) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.heard: dict[int, dict[str, object]] = {}
        ready: queue.Queue[bool] = queue.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = lambda _c, _d, message: self.messages.put(message)
        self._client.on_connect = lambda client, *_: client.subscribe("soilco2/sjer/data", qos=1)
        self._client.on_subscribe = lambda *_: ready.put(True)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        ready.get(timeout=WAIT_S)

    def next(self) -> dict[str, object]:
        """The next message not heard yet; a node may say a thing twice, but not differently."""
        return self.next_sent()[1]

    def next_sent(self, patience_s: float = WAIT_S) -> tuple[mqtt.MQTTMessage, dict[str, object]]:
        while True:
            sent = self.messages.get(timeout=patience_s)
            message = json.loads(sent.payload)
            if message["sequence"] not in self.heard:
                self.heard[message["sequence"]] = message
                return sent, message
            assert self.heard[message["sequence"]] == message

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    heard = Listener(mosquitto.port)
    yield heard
    heard.close()


def node_only(folder: Path, port: int) -> Station:
    """The demonstration station without its Modbus lines."""
    text = station_text(port)
    head, _, rest = text.partition("# One line for the CO2 probes")
    middle = rest[rest.index('[[connection]]\nid = "node3"') :]
    kept = middle[: middle.index("# Plot 004: CO2.")] + middle[middle.index("# Plot 003: one node") :]
    path = folder / "sjer.toml"
    path.write_text(head + kept, encoding="utf-8")
    return load_station(path)


@contextlib.contextmanager
def running(
    station: Station, sjer: Measured, clock: HandClock, folder: Path, *faults: Fault
) -> Iterator[SimulatedNode]:
    simulation = Simulation(station, sjer, clock, folder, faults=faults)
    simulation.start()
    try:
        yield next(iter(simulation.far_ends.values()))
    finally:
        simulation.stop()


def test_messages_follow_the_schema_and_hold_the_measured_values(
    mosquitto: Mosquitto, listener: Listener, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    station = node_only(tmp_path, mosquitto.port)
    schema = json.loads((ROOT / "docs" / "reference" / "message.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    expected = list(backfill_samples(station, START, START + 30 * HALF_HOUR))
    decoder = Decoder(station.deployments, "node3", "boot")
    with running(station, sjer, clock, tmp_path):
        for number in range(30):
            clock.set(START + number * HALF_HOUR)
            message, _ = listener.next_sent()
            assert (message.qos, message.retain) == (1, False)
            jsonschema.validate(json.loads(message.payload), schema)
            decoded = decoder.batch([(message.payload, clock.now_us(), 0)], trusted=True)
            assert decoded.refusals == []
            assert [(row.serial, row.channel, row.time_us, row.raw) for row in decoded.samples] == [
                (row.serial, row.channel, row.time_us, row.raw) for row in expected[number]
            ]
    assert any(row.raw is None for row in expected[23]), "slot 23 has a gap in the data"


def test_a_broker_that_is_away_costs_nothing(
    mosquitto: Mosquitto, listener: Listener, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    station = node_only(tmp_path, mosquitto.port)
    with running(station, sjer, clock, tmp_path) as node:
        assert listener.next()["sequence"] == 0
        mosquitto.stop()
        for number in range(1, 40):
            clock.set(START + number * HALF_HOUR)
        mosquitto.restart()
        heard: set[object] = set()
        while len(heard) < 39:
            heard.add(listener.next()["sequence"])
        assert heard >= set(range(1, 40))
        assert node.failure is None


def test_a_node_that_is_started_again_goes_on_where_it_was(
    mosquitto: Mosquitto, listener: Listener, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    station = node_only(tmp_path, mosquitto.port)
    begin = START + 20 * HALF_HOUR
    clock.set(begin)
    with running(station, sjer, clock, tmp_path):
        first = listener.next()
    clock.set(begin + 3 * HALF_HOUR)
    with running(station, sjer, clock, tmp_path):
        later = [listener.next() for _ in range(3)]
    assert [row["sequence"] for row in (first, *later)] == [0, 1, 2, 3]
    times = [row["readings"][0]["time"] for row in (first, *later)]  # type: ignore[index]
    assert times == [iso_time(begin + n * HALF_HOUR) for n in range(4)]
    clock.set(START)  # a demonstration that begins again
    with running(station, sjer, clock, tmp_path):
        again = listener.next()
    assert again["readings"][0]["time"] == iso_time(START)  # type: ignore[index]


CHILD = """
import signal, sys, threading
from pathlib import Path
from soilco2.ingest.clock.replay import ReplayClock
from soilco2.ingest.simulate.measured import load_measured
from soilco2.ingest.simulate.run import Simulation
from soilco2.station_config.loader import load_station
folder = Path(sys.argv[1])
station, clock = load_station(folder / "sjer.toml"), ReplayClock.follow(folder / "clock")
simulation = Simulation(station, load_measured(), clock, folder)
simulation.start()
print("up", flush=True)
threading.Event().wait()
"""


@pytest.mark.timeout(300)
def test_killed_again_and_again_nothing_is_lost(
    mosquitto: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    """SIGKILL at odd moments: every slot arrives, and what arrives twice is the same."""
    from soilco2.ingest.clock.replay import ReplayClock

    station = node_only(tmp_path, mosquitto.port)
    assert station.path is not None
    clock = ReplayClock.own(tmp_path / "clock", START, START + 10_000 * HALF_HOUR, speed=float("inf"))
    moments = random.Random(7)
    slots = 0
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert child.stdout is not None
        child.stdout.readline()
        for _ in range(moments.randrange(5, 40)):
            slots += 1
            clock._shared.time_us = START + slots * HALF_HOUR
            if moments.random() < 0.2:  # let it get somewhere, to be hit in every state
                with contextlib.suppress(queue.Empty):
                    listener.messages.put(listener.messages.get(timeout=0.2))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    last = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        while len(listener.heard) < slots + 1:
            listener.next()
    finally:
        last.kill()
        last.wait()
        assert last.stdout is not None
        last.stdout.close()
        clock.close()
    times = [listener.heard[n]["readings"][0]["time"] for n in range(slots + 1)]  # type: ignore[index]
    assert times == [iso_time(START + n * HALF_HOUR) for n in range(slots + 1)]


def test_unplugged_node_keeps_its_readings(
    mosquitto: Mosquitto, listener: Listener, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    station = node_only(tmp_path, mosquitto.port)
    cut = Fault(Kind.UNPLUG, "node3", START + HALF_HOUR, START + 3 * HALF_HOUR)
    with running(station, sjer, clock, tmp_path, cut) as node:
        assert listener.next()["sequence"] == 0
        clock.set(START + HALF_HOUR)
        node.tick()
        with pytest.raises(queue.Empty):
            listener.next_sent(0.5)
        clock.set(START + 3 * HALF_HOUR)
        assert {listener.next()["sequence"] for _ in range(3)} == {1, 2, 3}


def test_faults_of_readings(
    mosquitto: Mosquitto, listener: Listener, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    station = node_only(tmp_path, mosquitto.port)
    later = START + HALF_HOUR
    faults = (
        Fault(Kind.CLOCK_RESET, "co2-3-03", later),
        Fault(Kind.SILENCE, "co2-3-09", later),
        Fault(Kind.STUCK, "co2-3-20", START),
        Fault(Kind.FLOOD, "soil-3-06", later),
        Fault(Kind.DRIFT, "soil-3-16", START),
    )
    with running(station, sjer, clock, tmp_path, *faults):
        first = listener.next()
        clock.set(later)
        second = listener.next()
    before, after = (
        {(r["serial"], r["channel"]): r for r in message["readings"]}  # type: ignore[attr-defined]
        for message in (first, second)
    )
    assert after["SJER-003-CO2-501", "co2"]["time"] == "1970-01-01T00:00:00Z"
    assert ("SJER-003-CO2-502", "co2") not in after
    stuck = ("SJER-003-CO2-503", "co2")
    assert after[stuck]["value"] == before[stuck]["value"]
    assert after["SJER-003-S-501", "soil_water"]["value"] == 0.45
    # 0.0066 m3/m3 at 00:30 in the file ("003","502"), plus 2 % x 1/48
    drifted = after["SJER-003-S-502", "soil_water"]["value"]
    source = next(row for row in backfill_samples(station, later, later + 1))
    well = next(row.raw for row in source if (row.serial, row.channel) == ("SJER-003-S-502", "soil_water"))
    assert drifted == pytest.approx(well * (1 + 0.02 / 48))


def test_mqtt_5(
    mosquitto: Mosquitto, listener: Listener, sjer: Measured, clock: HandClock, tmp_path: Path
) -> None:
    station = node_only(tmp_path, mosquitto.port)
    assert station.path is not None
    text = station.path.read_text(encoding="utf-8").replace("[mqtt]\n", '[mqtt]\nversion = "5"\n')
    station.path.write_text(text, encoding="utf-8")
    with running(load_station(station.path), sjer, clock, tmp_path):
        assert listener.next()["sequence"] == 0


def test_the_outbox_forgets_the_oldest_when_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soilco2.ingest.simulate.outbox.LIMIT", 3)
    box = Outbox(outbox_path(tmp_path, "n"))
    for number in range(5):
        box.put(number, lambda sequence: b"%d" % sequence)
    assert box.waiting() == [(2, b"2"), (3, b"3"), (4, b"4")]
    assert (len(box), box.dropped, box.last_slot_us) == (3, 2, 4)
    box.acknowledged(3, 100)
    assert box.waiting(after=2) == [(4, b"4")]
    box.close()


def test_what_was_acknowledged_last_is_sent_again_with_a_new_connection(tmp_path: Path) -> None:
    box = Outbox(outbox_path(tmp_path, "n"))
    for number in range(5):
        box.put(number, lambda sequence: b"%d" % sequence)
    for number in range(4):
        box.acknowledged(number, 2)
    assert box.waiting() == [(4, b"4")]
    box.close()
    box = Outbox(outbox_path(tmp_path, "n"))
    assert box.unconfirmed() == [(2, b"2"), (3, b"3")]
    box.again([2, 3])
    assert box.waiting() == [(2, b"2"), (3, b"3"), (4, b"4")]
    box.close()


@pytest.mark.timeout(180)
def test_what_a_broker_forgot_is_sent_again_until_the_journal_has_it(
    amqtt: Amqtt, sjer: Measured, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """130 messages acknowledged by a broker that is killed before anybody was given them; a connection sends 100."""
    monkeypatch.setattr(confirmation, "LOOK_S", 0.2)
    monkeypatch.setattr(confirmation, "SHORTEST_S", 1.0)
    station = node_only(tmp_path, amqtt.port)
    Writer.open(station).close()
    words = [sys.executable, "-m", "soilco2", "collect", str(station.path)]
    with running(station, sjer, clock, tmp_path) as node:
        clock.set(START + 129 * HALF_HOUR)
        until(lambda: node.published >= 130)
        amqtt.kill()
        amqtt.restart()
        with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL) as collector:
            try:
                until(lambda: not node.outbox.unconfirmed() and len(node.outbox) == 0, patience_s=120)
            finally:
                collector.terminate()
    expected = {
        (row.serial, row.channel, row.time_us): row.raw
        for slot in backfill_samples(station, START, START + 130 * HALF_HOUR)
        for row in slot
    }
    with JournalReader(station.journal_path) as reader:
        kept = [((row.serial, row.channel, row.time_us), row.raw) for row in reader.samples(0, 2**62)]
    assert (len(kept), dict(kept)) == (len(expected), expected), "all, and none twice"


def test_a_message_that_the_journal_refuses_is_given_up(
    clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "SHORTEST_S", 0.0)
    monkeypatch.setattr(confirmation, "LONGEST_S", 0.0)
    station = node_only(tmp_path, 1883)
    ((known, *_),) = backfill_samples(station, START, START + 1)
    box = Outbox(outbox_path(tmp_path, "n"))
    for serial in ("nobody's", known.serial):
        reading = Reading(serial, known.channel, START, 1.0, "ppm")
        box.put(START, lambda sequence, r=reading: encode_message("sjer", "n", sequence, [r]))  # type: ignore[misc]
    asked = confirmation.Confirmation(station.journal_path, box)
    assert not asked.possible
    tries = 0
    with Writer.open(station) as writer:
        writer.commit([known])
        while box.waiting() or box.unconfirmed():
            for sequence, _ in box.waiting():
                box.acknowledged(sequence, 100)
            if 1 not in dict(box.unconfirmed()):  # a newer one is kept each time
                box.put(START, lambda sequence: encode_message("sjer", "n", sequence, [reading]))
                box.acknowledged(box.waiting()[-1][0], 100)
            tries += asked.look()
            assert tries <= confirmation.TRIES
    assert tries == confirmation.TRIES
    box.close()


def test_an_outbox_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "node-n.sqlite").write_bytes(
        b"this is no database, and long enough to be looked at as one" * 40
    )
    with pytest.raises(SimulationError, match="outbox cannot be used"):
        Outbox(outbox_path(tmp_path, "n"))
