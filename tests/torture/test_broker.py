"""A broker that dies, overflows or serves two masters: nothing stored twice, memory bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.ingest.conftest import collect
from tests.ingest.running import PATIENCE_S, Collecting, message, until
from tests.servers import Mosquitto
from tests.torture.scale import count

__all__ = ["collect"]

pytestmark = pytest.mark.mosquitto
Collect = Callable[..., Collecting]
Record = Callable[[str, object], None]


def memory_mb(station: Collecting, row: str = "VmRSS") -> float:
    """Resident memory of the collector [MB]."""
    assert station.process is not None
    text = Path(f"/proc/{station.process.pid}/status").read_text(encoding="ascii")
    return int(text.split(f"{row}:")[1].split()[0]) / 1024


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that saves its state only when it is stopped in peace."""
    server = Mosquitto(tmp_path / "mosquitto", "autosave_interval 0", "max_inflight_messages 0")
    server.start()
    yield server
    server.stop()


def test_killed_with_unsaved_state_while_the_subscriber_is_away(
    collect: Collect, forgetful: Mosquitto, record_property: Record
) -> None:
    """What it had acknowledged to the nodes is gone; they send their outbox again, and nothing is doubled."""
    total, rounds = count(200, 5000), count(2, 10)
    station = collect(forgetful.port)
    station.start()
    for turn in range(rounds):
        payloads = [message(turn * total + n) for n in range(total)]
        station.publish(payloads[: total // 2])
        until(lambda t=turn: len(station.stored()) >= t * total + total // 2, station.said)  # type: ignore[misc]
        assert station.stop() == 0
        station.publish(payloads[total // 2 :])
        forgetful.kill()
        forgetful.restart()
        station.start()
        station.publish(payloads)  # the nodes' outboxes
        until(lambda t=turn: len(station.stored()) == (t + 1) * total, station.said)  # type: ignore[misc]
    assert station.stored() == [400.0 + n for n in range(rounds * total)]
    counters = station.counters()
    assert counters["duplicate"] >= rounds * (total // 2)
    assert counters.get("rejected", 0) == 0
    assert station.balanced()
    record_property(
        "counts", f"{rounds} kills, {rounds * total} messages, {counters['duplicate']} duplicates"
    )


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_many_messages_wait_and_memory_stays_flat(
    collect: Collect, forgetful: Mosquitto, record_property: Record, version: str
) -> None:
    total = count(3000, 100_000)
    station = collect(forgetful.port, version=version)
    station.start()
    station.publish([message(0)])
    station.until_in(1)
    assert station.stop() == 0
    station.publish(message(n) for n in range(1, total))
    station.start()
    before = memory_mb(station)
    until(lambda: station.counters().get("stored", 0) >= total, lambda: (station.counters(), station.said()))
    most = memory_mb(station, "VmHWM")
    assert most - before < 40, (before, most)
    assert station.stored() == [400.0 + n for n in range(total)]
    assert station.balanced()
    assert station.stop() == 0
    record_property("counts", f"{total} queued, MQTT {version}, {before:.0f} MB then {most:.0f} MB at most")


def test_the_same_client_id_twice(collect: Collect, mosquitto: Mosquitto, record_property: Record) -> None:
    """A thief of the session gets what is sent meanwhile; what is sent again afterwards is kept once."""
    total, visits = count(100, 2000), count(3, 50)
    station = collect(mosquitto.port, mqtt='client_id = "twin"')
    station.start()
    for visit in range(visits):
        arrived = threading.Event()
        thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="twin", clean_session=False)
        thief.on_connect = lambda *_, e=arrived: e.set()  # type: ignore[misc]
        thief.reconnect_delay_set(1, 1)
        thief.connect("127.0.0.1", mosquitto.port)
        thief.loop_start()
        assert arrived.wait(PATIENCE_S)
        station.publish(message(n) for n in range(visit * total, (visit + 1) * total))
        thief.disconnect()
        thief.loop_stop()
    everything = [message(n) for n in range(visits * total)]
    station.publish(everything)
    until(lambda: len(station.stored()) == visits * total, lambda: (station.counters(), station.said()))
    assert station.stored() == [400.0 + n for n in range(visits * total)]
    assert station.balanced()
    assert station.events("broker_gone") != []
    record_property("counts", f"{visits} visits of a twin, {visits * total} messages")
