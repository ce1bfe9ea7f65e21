"""The subscriber against a real broker: nothing acknowledged before it is stored, nothing lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.publish import publish
from soilco2.ingest.clock.system import SystemClock
from soilco2.ingest.transports.mqtt import HELD_BYTES, Subscriber, Taken
from soilco2.ingest.transports.mqtt_packets import KEPT, SLICE
from soilco2.station_config.tables.mqtt import MqttTable
from tests.servers import Amqtt, Mosquitto, free_port

TOPIC = "soilco2/s/data"


class Bench:
    """Subscribers that are stopped at the end, and what they said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []
        self.ready = threading.Event()
        self._mine: list[Subscriber] = []

    def subscriber(
        self, port: int, version: str = "3.1.1", *, silent_after_s: float = 3600.0, **keys: object
    ) -> Subscriber:
        table = MqttTable.model_validate({"port": port, "version": version, "client_id": "bench"} | keys)
        one = Subscriber(
            table, "s", {TOPIC: "field"}, SystemClock(),
            on_messages=self.ready.set, on_event=lambda *row: self.said.append(row),
            silent_after_s=silent_after_s,
        )  # fmt: skip
        self._mine.append(one)
        one.start()
        return one

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.said]

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, self.said
            self.ready.wait(0.02)

    def connected(self, one: Subscriber) -> None:
        """Wait until messages for the subscriber are kept by the broker."""
        self.until(lambda: one.status()["state"] == "connected")

    def take(self, one: Subscriber, count: int) -> list[Taken]:
        """Wait for this many messages."""
        got: list[Taken] = []

        def enough() -> bool:
            self.ready.clear()
            if (taken := one.take()) is not None:
                got.append(taken)
            return sum(len(t.messages) for t in got) >= count

        self.until(enough)
        return got

    def close(self, one: Subscriber) -> None:
        one.stop()
        one.join(10)
        assert not one.alive
        assert one.failure is None


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for one in made._mine:
        made.close(one)


def payloads(taken: list[Taken]) -> list[bytes]:
    return [bytes(message.payload) for one in taken for message in one.messages]


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_what_was_not_acknowledged_comes_again_and_only_that(
    bench: Bench, mosquitto: Mosquitto, version: str
) -> None:
    numbers = [str(n).encode() for n in range(15)]
    one = bench.subscriber(mosquitto.port, version)
    bench.connected(one)
    publish(mosquitto.port, TOPIC, numbers[:10])
    first = bench.take(one, 10)
    assert payloads(first) == numbers[:10]
    half = Taken(first[0].client, [m for t in first for m in t.messages][:5])
    one.acknowledge(half)
    bench.until(lambda: one.status()["unacknowledged"] == 5)
    bench.close(one)
    publish(mosquitto.port, TOPIC, numbers[10:])
    again = bench.subscriber(mosquitto.port, version)
    second = bench.take(again, 10)
    assert payloads(second) == numbers[5:]
    for taken in first:  # numbers of the old connection must not acknowledge what came on the new one
        again.acknowledge(taken)
    bench.close(again)
    third = bench.subscriber(mosquitto.port, version)
    assert payloads(bench.take(third, 10)) == numbers[5:]


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_messages_that_wait_are_bounded(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, version: str
) -> None:
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), "max_inflight_messages 0")
    broker.start()
    try:
        one = bench.subscriber(broker.port, version, inflight=50)
        bench.connected(one)
        publish(broker.port, TOPIC, [b"x" * 100] * 2000)
        seen = 0
        while seen < 2000:
            for taken in bench.take(one, 1):
                assert len(taken.messages) <= 50
                assert one.status()["unacknowledged"] <= 50
                seen += len(taken.messages)
                one.acknowledge(taken)
        assert seen == 2000
    finally:
        broker.kill()


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_broker_that_starts_late_or_again_is_found(
    bench: Bench, mosquitto: Mosquitto, version: str
) -> None:
    mosquitto.stop()
    one = bench.subscriber(mosquitto.port, version)
    bench.until(lambda: "broker-lost" in bench.kinds())
    assert "refused" in bench.said[0][2]
    mosquitto.restart()
    bench.connected(one)
    assert bench.kinds() == ["broker-lost", "broker-back"]
    publish(mosquitto.port, TOPIC, [b"1"])
    for taken in bench.take(one, 1):
        one.acknowledge(taken)
    bench.until(lambda: one.status()["unacknowledged"] == 0)
    mosquitto.stop()
    bench.until(lambda: bench.kinds().count("broker-lost") == 2)
    mosquitto.restart()
    bench.connected(one)
    publish(mosquitto.port, TOPIC, [b"2"])
    assert payloads(bench.take(one, 1)) == [b"2"]
    assert "broker-session-lost" not in bench.kinds()


@pytest.mark.mosquitto
def test_a_broker_that_forgot_the_session_is_told(bench: Bench, mosquitto: Mosquitto) -> None:
    one = bench.subscriber(mosquitto.port)
    bench.connected(one)
    mosquitto.kill()  # nothing was saved: its state goes to disk every half hour
    (mosquitto.folder / "mosquitto.db").unlink(missing_ok=True)
    mosquitto.restart()
    bench.until(lambda: "broker-session-lost" in bench.kinds())


@pytest.mark.mosquitto
def test_a_retained_message_is_marked(bench: Bench, mosquitto: Mosquitto) -> None:
    import paho.mqtt.publish

    paho.mqtt.publish.single(TOPIC, b"old", qos=1, retain=True, hostname="127.0.0.1", port=mosquitto.port)
    one = bench.subscriber(mosquitto.port)
    (taken,) = bench.take(one, 1)
    assert [(bytes(m.payload), m.retained) for m in taken.messages] == [(b"old", True)]


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_the_same_client_id_twice_is_told(bench: Bench, mosquitto: Mosquitto, version: str) -> None:
    one, two = (bench.subscriber(mosquitto.port, version) for _ in range(2))
    bench.until(lambda: "broker-client-twice" in bench.kinds())
    text = next(text for kind, _, text in bench.said if kind == "broker-client-twice")
    assert "'bench'" in text
    bench.close(two)
    bench.connected(one)


@pytest.mark.mosquitto
def test_connected_but_silent_is_told_once_and_taken_back(bench: Bench, mosquitto: Mosquitto) -> None:
    one = bench.subscriber(mosquitto.port, silent_after_s=0.5)
    bench.until(lambda: "broker-silent" in bench.kinds())
    assert one.status()["silent"]
    publish(mosquitto.port, TOPIC, [b"1"])
    bench.take(one, 1)
    bench.until(lambda: bench.kinds()[-1] == "broker-back")
    assert bench.kinds().count("broker-silent") == 1


@pytest.mark.mosquitto
def test_a_wrong_password_is_told(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("broker")
    (folder / "none").touch()
    (folder / "none").chmod(0o600)
    broker = Mosquitto(folder, f"password_file {folder}/none")
    monkeypatch.setattr(broker, "command", lambda: _without_anonymous(broker))
    broker.start()
    monkeypatch.setenv("BROKER_PASSWORD", "wrong")
    try:
        bench.subscriber(broker.port, username="station", password={"env": "BROKER_PASSWORD"})
        bench.until(lambda: "broker-refused" in bench.kinds())
        assert "wrong" not in str(bench.said)
    finally:
        broker.kill()


def _without_anonymous(broker: Mosquitto) -> tuple[str, ...]:
    words = tuple(Mosquitto.command(broker))
    config = broker.folder / "mosquitto.conf"
    text = config.read_text(encoding="utf-8").replace("allow_anonymous true", "allow_anonymous false")
    config.write_text(text, encoding="utf-8")
    return words


def test_a_password_that_is_not_there_is_told(bench: Bench) -> None:
    bench.subscriber(free_port(), username="station", password={"env": "NOT_SET_ANYWHERE"})
    bench.until(lambda: "broker-lost" in bench.kinds())
    assert "NOT_SET_ANYWHERE" in bench.said[0][2]


@pytest.mark.mosquitto
def test_large_messages_that_wait_are_bounded_by_their_size(bench: Bench, mosquitto: Mosquitto) -> None:
    """Forty of half a megabyte, of which `inflight` alone would let all in."""
    one = bench.subscriber(mosquitto.port, inflight=1000)
    bench.connected(one)
    bench.until(one.subscribed.is_set)
    publish(mosquitto.port, TOPIC, [b"x" * 500_000] * 40)
    bench.until(lambda: one.status()["unacknowledged"] * 500_000 >= HELD_BYTES)
    full = one.beat
    bench.until(lambda: one.beat > full + 1.0)  # it went round once more, with the rest waiting at the broker
    # what was there before the bound, and what one look at the socket brings
    assert one.status()["unacknowledged"] * 500_000 <= HELD_BYTES + KEPT + SLICE
    seen = 0
    while seen < 40:
        for taken in bench.take(one, 1):
            seen += len(taken.messages)
            one.acknowledge(taken)
    assert seen == 40


def test_the_broker_amqtt_keeps_what_comes_during_an_absence(bench: Bench, amqtt: Amqtt) -> None:
    numbers = [str(n).encode() for n in range(20)]
    one = bench.subscriber(amqtt.port)
    bench.connected(one)
    bench.until(one.subscribed.is_set)
    bench.close(one)
    node = mqtt.Client(CallbackAPIVersion.VERSION2)
    node.connect("127.0.0.1", amqtt.port)
    node.loop_start()
    for number in numbers:  # a burst it acknowledges, and forgets with the publisher's connection
        node.publish(TOPIC, number, qos=1).wait_for_publish(30)
    node.disconnect()
    node.loop_stop()
    assert payloads(bench.take(bench.subscriber(amqtt.port), 20)) == numbers


def test_the_broker_amqtt_works_too(bench: Bench, amqtt: Amqtt) -> None:
    one = bench.subscriber(amqtt.port)
    bench.connected(one)
    publish(amqtt.port, TOPIC, [b"1", b"2"])
    for taken in bench.take(one, 2):
        one.acknowledge(taken)
    bench.until(lambda: one.status()["unacknowledged"] == 0)
