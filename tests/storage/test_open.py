"""One door to every source: a station's journal, its InfluxDB, a journal's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import SourceError
from soilco2.storage.influx.reader import InfluxReader
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.storage.open import open_reader

STATION = """
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[[profile]]
id = "p1"
position = [{ id = "d10", depth_m = 0.10 }]
"""
DATABASE = '[influxdb]\nurl = "http://127.0.0.1:1"\norg = "o"\nbucket = "b"\ntoken = { env = "SOME_TOKEN" }\n'


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "yulin.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


def test_a_station_is_read_from_its_journal(station: Station) -> None:
    assert station.path is not None
    with pytest.raises(SourceError, match="not there yet; run 'soilco2 collect' or 'soilco2 import'"):
        open_reader(station.path)
    with Writer.open(station) as writer:
        writer.commit([Sample("import/p1/d10", "co2", 1_000_000, 400.0, "", None, 0, 0, "b", "import:t")])
    for data in (station.path, str(station.path), [station.path], station.journal_path):
        reader = open_reader(data)
        assert isinstance(reader, JournalReader)
        assert [str(info.key) for info in reader.series()] == ["yulin/p1/d10/co2"]
        reader.close()


def test_a_station_is_read_from_its_database_when_asked(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert station.path is not None
    with pytest.raises(SourceError, match=r"no table \[influxdb\]"):
        open_reader(station.path, source="influx")
    station.path.write_text(STATION + DATABASE, encoding="utf-8")
    monkeypatch.setenv("SOME_TOKEN", "x")
    reader = open_reader(station.path, source="influx")
    assert isinstance(reader, InfluxReader)
    reader.close()


def test_what_does_not_go_together(station: Station, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("time_utc,variable,value,unit\n", encoding="utf-8")
    assert station.path is not None
    with pytest.raises(SourceError, match="cannot be read together"):
        open_reader([station.path, table])
    with pytest.raises(SourceError, match="no station file"):
        open_reader(table, source="influx")
    with pytest.raises(SourceError, match="neither a station file nor a journal"):
        open_reader(table, source="journal")
    with pytest.raises(SourceError, match="no data were named"):
        open_reader([])
