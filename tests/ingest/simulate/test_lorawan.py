"""A simulated network server against a real broker: what its devices send is what was measured."""

from __future__ import annotations

import json
import queue
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from soilco2.ingest.protocols.lorawan_decode import Decoder
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.ingest.simulate.run import Simulation
from soilco2.station_config.loader import load_station
from tests.ingest.simulate.hand import HALF_HOUR, START, HandClock
from tests.servers import Mosquitto

pytestmark = pytest.mark.mosquitto

WAIT_S = 60.0
STATION = """\
[station]
id = "sjer"
name = "SJER"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
[[connection]]
id = "lora"
kind = "lorawan"
server = "{server}"
[mqtt]
port = {port}
[[profile]]
id = "004"
[[profile.position]]
id = "d06"
depth_m = 0.06
[[profile.position]]
id = "d16"
depth_m = 0.16
"""
DEVICE = """
[[instrument]]
id = "{position}"
model = "{model}"
serial = "{position}"
connection = "lora"
address = "24e124126a00000{n}"
interval = "30min"
[[instrument.installation]]
position = "004/{position}"
from = 2020-01-01
"""


@pytest.mark.parametrize("server", ["chirpstack", "tts"])
def test_uplinks_hold_the_measured_values(
    server: str,
    mosquitto: Mosquitto,
    sjer: Measured,
    clock: HandClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "sjer.toml"
    text = STATION.format(server=server, port=mosquitto.port)
    text += DEVICE.format(position="d06", model="milesight-em500-smtc", n=1)
    path.write_text(text + DEVICE.format(position="d16", model="decentlab-dl-trs12", n=2), encoding="utf-8")
    station = load_station(path)
    came: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
    ready: queue.Queue[bool] = queue.Queue()
    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _client, _data, message: came.put(message)
    listener.on_connect = lambda client, *_: client.subscribe("#", qos=1)
    listener.on_subscribe = lambda *_: ready.put(True)
    listener.connect("127.0.0.1", mosquitto.port)
    listener.loop_start()
    ready.get(timeout=WAIT_S)
    decoder = Decoder(station.deployments, "lora", "boot")
    simulation = Simulation(station, sjer, clock, tmp_path)
    simulation.start()
    try:
        for number, expected in enumerate(backfill_samples(station, START, START + 4 * HALF_HOUR)):
            clock.set(START + number * HALF_HOUR)
            uplinks = [came.get(timeout=WAIT_S) for _ in range(2)]
            topics = {one.topic for one in uplinks}
            assert topics == (
                {f"application/7/device/24e124126a00000{n}/event/up" for n in (1, 2)} if server == "chirpstack"
                else {"v3/7/devices/d06/up", "v3/7/devices/d16/up"}
            )  # fmt: skip
            counters = [json.loads(one.payload) for one in uplinks]
            assert {
                row.get("uplink_message", row).get("f_cnt" if server == "tts" else "fCnt", 0)
                for row in counters
            } == {number}
            found = decoder.batch([(one.payload, clock.now_us(), 0) for one in uplinks], trusted=True)
            assert found.refusals == []
            assert found.samples
            spans = {(row.serial, row.channel): row for row in expected}
            for row in found.samples:
                spec = station.deployments.channel(row.serial, row.channel)
                assert spec is not None
                known = spans[row.serial, row.channel].raw
                assert known is not None
                assert row.raw == pytest.approx(known, abs=0.5), "whole counts"
                assert row.time_us == START + number * HALF_HOUR
    finally:
        simulation.stop()
        listener.disconnect()
        listener.loop_stop()
