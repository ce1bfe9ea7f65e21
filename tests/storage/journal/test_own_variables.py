"""A number keeps its meaning: the unit of what is kept stays, and what left the station file can still be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import UnitChangedError
from soilco2.storage.journal.own_variables import check_station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.storage.tidy.reader import TidyReader
from soilco2.storage.tidy.writer import write_tidy
from tests.dashboards.live.small import START, small_station

NITRATE = """
[[variable]]
id = "nitrate"
name = "nitrate"
symbol = "NO3"
unit = "mg/kg"
lower = 0
upper = {upper}
resolution = 0.1
"""
KEY = SeriesKey("yulin", "p1", "d1", "nitrate")


def station(folder: Path, more: str = NITRATE.format(upper=500), channel: str = "nitrate") -> Station:
    path = small_station(folder, more=more).path
    assert path is not None
    text = path.read_text(encoding="utf-8").replace('"soil_temperature"', f'"{channel}"')
    path.write_text(text, encoding="utf-8")
    return load_station(path)


def keep(place: Station, value: float, minute: int = 0) -> None:
    at = START + minute * 60_000_000
    with Writer.open(place, now_us=lambda: START + 3_600_000_000) as writer:
        writer.commit([Sample("N1", "nitrate", at, value, "", None, at, at, "boot", "air")])


def test_the_unit_of_what_is_kept_does_not_change(tmp_path: Path) -> None:
    first = station(tmp_path)
    keep(first, 120.0)
    changed = station(tmp_path, NITRATE.format(upper=500).replace("mg/kg", "g/kg"))
    sentence = r"is kept in mg/kg in this journal and cannot become g/kg; write unit = 'mg/kg' again, or give"
    with pytest.raises(StationFileError, match=r"yulin\.toml:\d+: .*unit.*'?g/kg'?.*" + sentence) as caught:
        check_station(changed)
    lines = (changed.path or tmp_path).read_text(encoding="utf-8").splitlines()
    assert lines[(caught.value.faults[0].line or 0) - 1] == 'unit = "g/kg"'
    with pytest.raises(UnitChangedError, match="variable nitrate " + sentence):
        Writer.open(changed)
    with JournalReader(first.journal_path) as reader:
        assert reader.config_hash() == first.hash, "the configuration before stays in force"
    without = station(tmp_path, "", "soil_temperature")
    Writer.open(without).close()
    with pytest.raises(
        UnitChangedError, match="variable nitrate " + sentence
    ):  # not by taking it out and in again either
        Writer.open(changed)


def test_a_unit_may_change_while_nothing_is_kept(tmp_path: Path) -> None:
    Writer.open(station(tmp_path)).close()
    changed = station(tmp_path, NITRATE.format(upper=500).replace("mg/kg", "g/kg"))
    check_station(changed)
    keep(changed, 0.12)


def test_new_limits_judge_what_is_kept(tmp_path: Path) -> None:
    keep(station(tmp_path), 120.0)
    with Writer.open(station(tmp_path, NITRATE.format(upper=100))) as writer:
        assert writer.reprocess(0, 2**62) == 1
    with JournalReader(station(tmp_path).journal_path) as reader:
        (row,) = reader.observations(0, 2**62)
        assert (row.value, row.flag, row.tests) == (120.0, 4, "physical_range")


def test_what_left_the_station_file_is_read_by_what_the_journal_knows(tmp_path: Path) -> None:
    first = station(tmp_path)
    keep(first, 120.0)
    without = station(tmp_path, "", "soil_temperature")
    Writer.open(without).close()
    with JournalReader(first.journal_path) as reader:
        assert "nitrate" not in without.variables
        assert reader.variables["nitrate"] == first.variables["nitrate"]
        (info,) = reader.series()
        assert (info.key, info.unit) == (KEY, "mg/kg")
        table = tmp_path / "out.csv"
        assert write_tidy(reader, [info], table, station=without).rows == 1
    (again,) = TidyReader(table).read([KEY])
    assert list(again.values) == [120.0]
