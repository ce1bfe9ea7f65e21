"""LoRaWAN devices beside a running collector: how they were heard, whose they are, and a second try."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.publish import publish
from soilco2.ingest.health import link_lines
from soilco2.ingest.simulate.lorawan import chirpstack_event
from soilco2.station_config.catalogue.load import BUILT_IN
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.control import ask_collector
from tests.cases.node import Node
from tests.cases.test_17_lorawan_uplinks import STATION
from tests.ingest.running import until
from tests.servers import Mosquitto

pytestmark = pytest.mark.mosquitto

AT_US = 1_795_917_600_000_000
"""2026-11-29T02:00:00Z."""
LSE01 = bytes.fromhex("0CE4010508340910012C00")
"""21.00 %, 23.20 °C, 300 µS/cm, 3.3 V by the manual of the LSE01."""
NEW = """
[[instrument]]
id = "soil20"
model = "dragino-lse01"
serial = "S-020"
connection = "node"
address = "a84041fffe000020"
interval = "20min"
"""


@pytest.fixture
def node(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Node]:
    one = Node(tmp_path, mosquitto.port)
    one.file.write_text(STATION.format(port=mosquitto.port), encoding="utf-8")
    one.start()
    yield one
    one.stop()


def send(node: Node, eui: str, counter: int, data: bytes = LSE01) -> None:
    event = chirpstack_event(eui, "garden", AT_US + counter, "01aa02bb", counter, 2, data)
    publish(node.port, "application/7/device/x/event/up", [json.dumps(event).encode()])


def test_how_a_device_was_heard_stands_in_status_and_goes_to_soil_health(node: Node) -> None:
    send(node, "a84041fffe000010", 7)
    node.until_in(3)
    told = json.loads(node.run("status", "--json"))
    assert told["instruments"]["soil10"]["link"] == {
        "at_us": AT_US + 7, "counter": 7, "gateways": 1, "rssi_dbm": -97, "snr_db": 6.5, "battery_voltage": 3.3,
    }  # fmt: skip
    assert "heard 2026-11-29 02:00:00Z, gateways: 1, -97 dBm, SNR 6.5 dB, battery 3.30 V" in node.run(
        "status"
    )
    live = ask_collector(node.folder / "journal.sqlite")
    assert live is not None
    line = link_lines(load_station(node.file), [live["mqtt"]]).decode()
    assert line == (
        "soil_health,instrument=soil10,station=trial counter=7.0,gateways=1.0,rssi_dbm=-97.0,snr_db=6.5,"
        f"battery_voltage=3.3 {AT_US + 7}"
    )


def test_a_foreign_device_is_named_once_and_comes_in_when_it_is_the_stations(node: Node) -> None:
    for counter in range(3):
        send(node, "a84041fffe000020", counter)
    counters = node.until_in(3)
    assert (counters["foreign"], counters["rejected"], counters.get("stored", 0)) == (3, 3, 0)
    told = json.loads(node.run("status", "--json"))
    assert told["foreign_devices"] == {"node": {"named": {"a84041fffe000020": 3}, "further": 0}}
    assert "not in the station file: a84041fffe000020" in node.run("status")
    assert node.log().count("its further uplinks are counted and not kept") == 1
    (parked,) = node.parked()
    node.file.write_text(node.file.read_text(encoding="utf-8") + NEW, encoding="utf-8")
    before = json.loads(node.run("check", "--json"))["configuration"]
    until(lambda: json.loads(node.run("status", "--json"))["configuration"]["in_force"] == before)
    node.run("parked", "retry", str(parked["id"]), "--why", "it is ours")
    until(lambda: node.counters().get("stored", 0) == 3, node.log)
    assert node.parked() == []


def test_a_mended_catalogue_reads_what_is_kept_anew(node: Node, tmp_path: Path) -> None:
    """The uplink of FF7E: 654.06 °C to a file that forgets the sign, -1.30 °C to one that does not."""
    node.stop()
    wrong = (BUILT_IN / "dragino-lse01.toml").read_text(encoding="utf-8")
    for record in ("values", "log"):
        wrong = re.sub(rf'(record = "{record}", offset = \d), type = "int16"', r'\1, type = "uint16"', wrong)
    model = tmp_path / "probes" / "dragino-lse01.toml"
    model.parent.mkdir()
    model.write_text(wrong, encoding="utf-8")
    node.file.write_text(f'catalogue = ["probes"]\n{STATION.format(port=node.port)}', encoding="utf-8")
    node.start()
    send(node, "a84041fffe000010", 7, bytes.fromhex("0CE401050834FF7E012C00"))
    node.until_in(3)
    assert [row[1] for row in node.observations("soil_temperature")] == pytest.approx([654.06])
    node.stop()
    model.unlink()
    node.run("reprocess")
    assert [(row[1], row[2]) for row in node.observations("soil_temperature")] == [(-1.3, 1)]
