"""A station pays for its own kinds of connection alone: no other module of the room is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from soilco2.station_config.connections.registry import kind_named, kinds
from soilco2.station_config.loader import load_station, parse_station
from tests.ingest.station import write_station

COMMON = {"kind", "registry"}
ASKED = """
import sys
from pathlib import Path
from soilco2.station_config.loader import load_station
load_station(Path(sys.argv[1]))
import soilco2.ingest.collector
place = "soilco2.station_config.connections."
print(*sorted(name.removeprefix(place) for name in sys.modules if name.startswith(place)))
"""


def test_only_the_kinds_of_the_station_are_imported(tmp_path: Path) -> None:
    station = write_station(tmp_path, depths=2, port=1883)
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(station)], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert loaded - COMMON == {"mqtt", "over_mqtt", "tidy_file"}  # what is imported has a model of its own


@pytest.mark.parametrize("name", sorted(kinds()))
def test_a_kind_is_found_by_its_name_alone(name: str) -> None:
    assert kind_named(name) is kinds()[name]


@pytest.mark.parametrize("name", ["", "kind", "registry", "line-rules", "modbus_rtu", "..", "mqtt.x"])
def test_what_is_no_kind_is_none(name: str) -> None:
    assert kind_named(name) is None


def test_the_canonical_text_is_read_back_with_every_key_of_a_connection(tmp_path: Path) -> None:
    station = load_station(write_station(tmp_path, depths=2, port=1883))
    again = parse_station(station.text)
    assert again.text == station.text
    assert again.file.connection == station.file.connection
    assert [row.topic for row in again.file.connection] == [None, "shed/data"]  # type: ignore[attr-defined]
