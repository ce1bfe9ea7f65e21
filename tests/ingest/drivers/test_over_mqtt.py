"""Connections at several brokers: a session for each, shared by the connections there."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.cli.commands.status import take_status
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.control import ask_collector
from tests.ingest.running import Collecting, message, until
from tests.servers import Mosquitto

pytestmark = pytest.mark.mosquitto


def test_each_broker_has_its_session_and_one_that_goes_hurts_no_other(tmp_path: Path) -> None:
    near, far = Mosquitto(tmp_path / "near"), Mosquitto(tmp_path / "far")
    near.start()
    far.start()
    station = tmp_path / "station"
    station.mkdir()
    collector = Collecting(station, near.port)
    text = collector.file.read_text(encoding="utf-8").replace(
        'topic = "shed/data"', 'topic = "shed/data"\nbroker = "far"'
    )
    collector.file.write_text(f'{text}[[broker]]\nid = "far"\nport = {far.port}\n', encoding="utf-8")
    try:
        collector.start()
        until(lambda: collector.said().count("listening to the broker") == 2, collector.said)
        collector.publish([message(1)])
        collector.publish([message(2)], "shed/data")  # at the wrong broker: nobody listens there
        collector.port = far.port
        collector.publish([message(1).replace(b'"N1"', b'"N2"')], "shed/data")
        collector.until_in(1)
        collector.until_in(1, "shed")
        live = ask_collector(collector.journal)
        assert live is not None
        assert live["mqtt"]["client_id"] == "soilco2-streamlet"
        assert live["mqtt far"]["client_id"] == "soilco2-streamlet-far"
        far.kill()
        until(lambda: bool(collector.events("broker_gone")))
        collector.port = near.port
        collector.publish([message(3)])
        collector.until_in(2)
        with collector.reader() as reader:
            told = take_status(load_station(collector.file), reader)
        assert told["mqtt"]["state"] == "connected"
        assert told["brokers"]["far"]["state"] == "not connected"
        assert collector.counters("shed") == {"in": 1, "messages": 1, "stored": 1}
        assert collector.stop() == 0
    finally:
        collector.kill()
        near.kill()
        far.kill()
