"""The real servers that tests use start, answer, can be killed, and are never skipped in silence."""

from __future__ import annotations

import socket
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from tests.servers import HOST, Amqtt, InfluxServer, Mosquitto, Server, missing


def connects(port: int) -> bool:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    try:
        client.connect(HOST, port, keepalive=5)
        client.loop_start()
        client.publish("t", b"x", qos=1).wait_for_publish(10)
    finally:
        client.disconnect()
        client.loop_stop()
    return True


@pytest.mark.mosquitto
def test_mosquitto_takes_a_message_and_survives_a_kill(mosquitto: Mosquitto) -> None:
    assert connects(mosquitto.port)
    mosquitto.kill()
    with pytest.raises(OSError):
        socket.create_connection((HOST, mosquitto.port), timeout=1)
    mosquitto.restart()
    assert connects(mosquitto.port)


def test_amqtt_takes_a_message(amqtt: Amqtt) -> None:
    assert connects(amqtt.port)


@pytest.mark.influx
def test_a_killed_influxdb_keeps_its_bucket(own_influxd: InfluxServer) -> None:
    bucket = own_influxd.bucket()
    own_influxd.kill()
    assert not own_influxd.ready()
    own_influxd.restart()
    assert bucket.query("SHOW MEASUREMENTS") == []


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    class Broken(Server):
        name = "broken"

        def command(self) -> list[str]:
            return ["sh", "-c", "echo no luck today >&2; exit 3"]

    with pytest.raises(pytest.fail.Exception, match=r"broken did not start:\nno luck today"):
        Broken(tmp_path).start()


def test_a_missing_part_is_a_named_skip_or_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOILCO2_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="thing is not on this machine: buy one"):
        missing("thing", "buy one")
    monkeypatch.setenv("SOILCO2_REQUIRE", "all")
    with pytest.raises(pytest.fail.Exception, match="thing is not on this machine: buy one"):
        missing("thing", "buy one")
