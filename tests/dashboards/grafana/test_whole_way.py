"""The whole way: a node, the shared broker under TLS, a collector process, InfluxDB, the panel."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.dashboards.grafana.dashboards import dashboards
from soilco2.dashboards.grafana.inventory import Inventory
from soilco2.station_config.loader import load_station
from tests.dashboards.grafana.filled import panels, rendered
from tests.dashboards.grafana.test_broker import Guests, Shared, run, tls
from tests.ingest.running import START_US, TOPIC, Collecting, held, message, sink_of, until
from tests.servers import InfluxBucket

__all__ = ["tls"]

COUNT = 30
LOGIN = """tls = true
ca_file = "{home}/tls/ca.crt"
username = "soilco2-streamlet"
password = {{ file = "{home}/broker/secrets/soilco2-streamlet" }}
"""


@pytest.fixture
def way(tmp_path: Path, tls: Path, influx: InfluxBucket) -> Iterator[tuple[Collecting, Guests]]:
    """A collector on a broker with accounts, and who may publish to it."""
    shutil.copytree(tls, tmp_path / "tls")
    folder = tmp_path / "station"
    folder.mkdir()
    broker = Shared(tmp_path / "run", tmp_path)
    options = {"mqtt": LOGIN.format(home=tmp_path), "sinks": (sink_of(influx),)}
    collector = Collecting(folder, broker.port, **options)
    made = run(tmp_path / "broker", collector.file)
    assert made.exit_code == 0, made.output
    broker.start()
    if broker.port != collector.port:  # taken in between
        collector = Collecting(folder, broker.port, **options)
    guests = Guests(tmp_path, broker)
    collector.start()
    yield collector, guests
    guests.close()
    collector.kill()
    broker.stop()


@pytest.mark.influx
@pytest.mark.mosquitto
def test_what_a_node_publishes_stands_in_the_panel(
    way: tuple[Collecting, Guests], influx: InfluxBucket
) -> None:
    collector, guests = way
    node = guests.client("streamlet.field")
    for number in range(COUNT):
        node.publish(TOPIC, message(number))
    until(lambda: len(held(influx)) == COUNT, collector.said)

    station = load_station(collector.file)
    board = dashboards(Inventory(station), "en", "s")[0].json()
    (panel,) = [one for one in panels(board) if one["title"] == "CO₂ mole fraction"]
    (query,) = [target["query"] for target in panel["targets"] if target["alias"] == "0.05 m"]
    names = {"station": "streamlet", "profile": "p1"}
    asked = rendered(query, START_US, START_US + 3_600_000_000, "1s", **names)
    (series,) = influx.query(asked)
    shown = [(row[0], row[1]) for row in series["values"]]
    assert shown == [(START_US + n * 1_000_000, 400.0 + n) for n in range(COUNT)]
