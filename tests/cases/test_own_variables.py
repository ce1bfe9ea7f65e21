"""Two variables of a station's own, as docs/howto/own_variables.md has them: from a node's message to everything else.

Radon at a depth and the sap flow of a shrub at the site; the third reading of radon is beyond its `upper` of 2e6.
"""

from __future__ import annotations

import csv
import json
import re
import signal
from datetime import date
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from soilco2.dashboards.grafana.dashboards import dashboards
from soilco2.dashboards.grafana.inventory import Inventory
from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.queries import PageStation
from soilco2.documents.formats.markdown import to_markdown
from soilco2.documents.monitoring import monitoring_plan
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from soilco2.quality.records import SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.influx.reader import InfluxReader
from soilco2.storage.journal.reader import JournalReader
from tests.cases.command import soilco2
from tests.ingest.running import START_US, Collecting, sink_of, until
from tests.ingest.station import STATION
from tests.paths import ROOT
from tests.servers import TOKEN, TOKEN_VARIABLE, InfluxBucket, Mosquitto

RADON, SAP = SeriesKey(STATION, "p1", "d1", "radon"), SeriesKey(STATION, "site", "", "sap_flow")
SAID = [(RADON, 1250.0), (SAP, 37.5), (RADON, 1300.0), (SAP, 38.25), (RADON, 3e6), (SAP, 0.0)]
PLACE = """\
channels = ["radon", "sap_flow"]
[[instrument.installation]]
position = "site"
channel = "sap_flow"
from = 2020-01-01T00:00:00Z
[[instrument.installation]]
channel = "radon"
position = "p1/d1"
"""


def blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / "howto" / page).read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", text, re.DOTALL)


def own(file: Path) -> Station:
    """The station of the tests of the stream, its first node with the variables of the page."""
    text = file.read_text(encoding="utf-8")
    old = 'channels = ["co2", "soil_temperature", "soil_water"]\n[[instrument.installation]]\nposition = "p1/d1"\n'
    assert old in text
    described, _, limits = blocks("own_variables.md")
    assert blocks("own_variables.zh.md")[0] == described
    file.write_text(described + limits + text.replace(old, PLACE), encoding="utf-8")
    return load_station(file)


def message(number: int) -> bytes:
    readings = [
        Reading(
            "N1", key.variable, START_US + number * 600_000_000, value, "Bq/m3" if key is RADON else "g/h"
        )
        for key, value in SAID[2 * number : 2 * number + 2]
    ]
    return encode_message(STATION, "n", number, readings)


def rows(path: Path) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        names = ("time_utc", "profile", "position", "variable", "value", "unit", "flag")
        return [tuple(row[name] for name in names) for row in csv.DictReader(file)]


@pytest.mark.mosquitto
@pytest.mark.influx
def test_from_a_message_to_everything(
    tmp_path: Path, mosquitto: Mosquitto, influx: InfluxBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    collecting = Collecting(tmp_path, mosquitto.port, sinks=(sink_of(influx),))
    station = own(collecting.file)
    try:
        collecting.start()
        collecting.publish(map(message, range(3)))
        collecting.until_in(6)
        until(lambda: len(influx.query("SELECT radon_flag, sap_flow_flag FROM soil")) > 0, collecting.said)
        reader = InfluxReader(station.file.influxdb[0], station)
        wanted = {RADON: [1250.0, 1300.0, 3e6], SAP: [37.5, 38.25, 0.0]}
        until(lambda: sum(len(p.times) for p in reader.read([*wanted])) == 6, collecting.said)
        keeps_its_unit(collecting)
    finally:
        collecting.kill()

    kept_in_journal(station, wanted)
    for key, values in wanted.items():
        (piece,) = reader.read([key])
        assert list(piece.values) == values
    assert {info.key: info.unit for info in reader.series()} == {RADON: "Bq/m3", SAP: "g/h"}
    reader.close()
    assert InfluxReader(station.file.influxdb[0]).series() == [], (
        "without the station file nothing is made up"
    )
    shown_on_the_page(station)
    exported_and_brought_back(station, tmp_path)
    planned(station)


def keeps_its_unit(collecting: Collecting) -> None:
    """A running collector goes on with the file before when a unit changes; a new one does so too."""
    text = collecting.file.read_text(encoding="utf-8")
    collecting.file.write_text(text.replace('unit = "Bq/m3"', 'unit = "kBq/m3"'), encoding="utf-8")
    why = "is kept in Bq/m3 in this journal and cannot become kBq/m3"
    collecting.signal(signal.SIGHUP)
    until(lambda: why in collecting.said(), collecting.said)
    collecting.publish([message(0)])
    collecting.until_in(8)
    assert collecting.stop() == 0
    collecting.start()
    assert collecting.said().count(why) >= 2
    collecting.publish([message(1)])
    collecting.until_in(10)
    assert collecting.counters()["duplicate"] == 4
    assert collecting.stop() == 0
    collecting.file.write_text(text, encoding="utf-8")


def kept_in_journal(station: Station, wanted: dict[SeriesKey, list[float]]) -> None:
    with JournalReader(station.journal_path) as journal:
        for key, values in wanted.items():
            (piece,) = journal.read([key])
            assert list(piece.values) == values
            assert list(piece.flags) == ([1, 1, 4] if key is RADON else [1, 1, 1])
        bad = [row for row in journal.observations(0, 2**62) if row.flag == 4]
        assert [(row.series, row.tests) for row in bad] == [(RADON, "physical_range,site_suspect")]


def shown_on_the_page(station: Station) -> None:
    page = PageStation(station, lambda: JournalReader(station.journal_path), lambda: START_US + 3_600_000_000)
    with TestClient(create_app([page], version="0", per_s=1e6)) as client:
        found = client.get("/api/v1/stations").json()
        assert "radon" not in found["variables"]
        (one,) = found["stations"]
        assert one["variables"]["radon"]["name"] == {"en": "radon in soil air", "zh": "土壤气氡浓度"}
        assert one["variables"]["radon"]["unit_text"] == "Bq m⁻³"
        assert {"p1/d1/radon", "site//sap_flow"} <= {series["series"] for series in one["series"]}
        newest = {
            row["series"]: (row["value"], row["flag"])
            for row in client.get("/api/v1/latest").json()["latest"]
        }
        assert newest == {"p1/d1/radon": (3e6, 4), "site//sap_flow": (0.0, 1)}


def exported_and_brought_back(station: Station, folder: Path) -> None:
    out = folder / "out.csv"
    soilco2("export", station.path or "", "-o", out)
    sidecar = json.loads(out.with_name("out.csv.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in sidecar["variable"]] == ["radon", "sap_flow"]
    assert sorted({(row[3], row[5]) for row in rows(out)}) == [("radon", "Bq/m3"), ("sap_flow", "g/h")]
    soilco2("export", out, "-o", folder / "copy.csv")  # by its sidecar, without the station file
    assert rows(folder / "copy.csv") == rows(out)
    text = (station.path or folder).read_text(encoding="utf-8")
    other = folder / "other"
    other.mkdir()
    again = other / "station.toml"
    again.write_text(text.replace(str(folder / "journal.sqlite"), "journal.sqlite"), encoding="utf-8")
    soilco2("import", again, out)
    soilco2("export", again, "-o", other / "out.csv")
    assert rows(other / "out.csv") == rows(out)


def planned(station: Station) -> None:
    for lang, names in (
        ("en", ("radon in soil air", "sap flow of the shrub")),
        ("zh", ("土壤气氡浓度", "灌木液流")),
    ):
        written = to_markdown(monitoring_plan(station, lang, date(2026, 11, 1)))
        boards = json.dumps(
            [board.json() for board in dashboards(Inventory(station), lang, "x")], ensure_ascii=False
        )
        for name in names:
            assert name in written
            assert name.lower() in boards.lower()


def test_a_column_of_a_wide_table_may_be_one(tmp_path: Path) -> None:
    station = tmp_path / "station.toml"
    head = (
        '[station]\nid = "t"\nname = "T"\nlatitude = 38\nlongitude = 109\naltitude_m = 9\ntimezone = "UTC"\n'
    )
    place = '[journal]\npath = "journal.sqlite"\n[[profile]]\nid = "p1"\n'
    place += '[[profile.position]]\nid = "d1"\ndepth_m = 0.1\n'
    station.write_text(head + blocks("own_variables.md")[0] + place, encoding="utf-8")
    (tmp_path / "wide.csv").write_text(
        "time,Radon\n2026-03-01T00:00:00Z,1250\n2026-03-01T00:10:00Z,1300\n", encoding="utf-8"
    )
    (tmp_path / "map.toml").write_text(
        'format = "table"\ntime = ["time"]\ntimezone = "UTC"\n[[column]]\ncolumn = "Radon"\n'
        'position = "p1/d1"\nvariable = "radon"\nunit = "Bq m-3"\n',
        encoding="utf-8",
    )
    soilco2("import", station, tmp_path / "wide.csv", "--mapping", tmp_path / "map.toml")
    with JournalReader(tmp_path / "journal.sqlite") as journal:
        (piece,) = journal.read([SeriesKey("t", "p1", "d1", "radon")])
    assert list(piece.values) == [1250.0, 1300.0]
