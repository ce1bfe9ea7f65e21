"""What `read` shows of instruments that send: their own channels, each as what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soilco2.cli.main import main
from soilco2.ingest.drivers.sample import Arrival, sample_of
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from tests.ingest.station import write_station
from tests.present import system_us


def test_conductivity_at_25_degc_is_no_reading_of_the_channels_it_is_computed_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_station(tmp_path, depths=1, port=1883)
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace('["co2", "soil_temperature", "soil_water"]', '["bulk_ec", "soil_temperature"]'),
        encoding="utf-8",
    )
    station = load_station(file)
    now_us = system_us()  # the command looks for what is new by the system's clock
    came = Arrival(now_us, 0, "boot", "field")
    with Writer.open(station) as writer:
        writer.commit(
            [
                sample_of("N1", name, now_us, raw, "", now_us, came)
                for name, raw in (("bulk_ec", 0.35), ("soil_temperature", 12.34))
            ]
        )
    with pytest.raises(SystemExit) as ended:
        main(["read", str(file), "node-1", "--json"])
    assert ended.value.code in (0, None)
    rows = json.loads(capsys.readouterr().out)["readings"]
    assert sorted((row["channel"], row["value"], row["unit"]) for row in rows) == [
        ("bulk_ec", 0.35, "dS/m"),
        ("soil_temperature", 12.34, "degC"),
    ]
