"""``[[variable]]``: what it adds to the registry of its station, and what is refused of it, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.errors import StationConfigError, StationFileError
from soilco2.station_config.loader import Station, load_station, parse_station
from soilco2.station_config.units import conversion, units_of
from soilco2.station_config.variables import VARIABLES
from tests.station_config.example import YULIN, write

RADON = """\
[[variable]]
id = "radon"
name = { en = "radon in soil air", zh = "土壤气氡浓度" }
symbol = "Rn"
unit = "Bq/m3"
unit_text = "Bq m⁻³"
lower = 0
upper = 2e6
resolution = 10
"""
EH = """\
[[variable]]
id = "corrosion"
name = "corrosion potential"
symbol = "Ec"
unit = "mV"
lower = -1500
upper = 1500
resolution = 1
has_depth = false
"""
NODE = """
[[instrument]]
id = "node-own"
model = "soilco2-node"
serial = "OWN-1"
connection = "air"
interval = "10min"
channels = ["radon", "corrosion"]
[[instrument.installation]]
position = "p1/d30"
channel = "radon"
from = 2026-03-01
[[instrument.installation]]
position = "site"
channel = "corrosion"
from = 2026-03-01
"""


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n") + 1


def own(folder: Path, *more: str) -> Station:
    return load_station(write(folder, YULIN + RADON + EH + "".join(more)))


def test_an_own_variable_is_of_its_station_alone(tmp_path: Path) -> None:
    station = own(tmp_path, NODE)
    radon = station.variables["radon"]
    assert (radon.symbol, radon.unit, radon.unit_text, radon.name_zh) == (
        "Rn",
        "Bq/m3",
        "Bq m⁻³",
        "土壤气氡浓度",
    )
    assert list(station.variables)[: len(VARIABLES)] == list(VARIABLES)
    assert "radon" not in VARIABLES
    series = station.deployments.series()
    assert ("yulin", "p1", "d30", "radon") in series
    assert ("yulin", "site", "", "corrosion") in series
    assert station.deployments.channel("import/p1/d30", "radon") is not None
    assert parse_station(station.text).variables == station.variables


def test_its_units_are_its_relatives_of_the_list_or_its_own_spelling(tmp_path: Path) -> None:
    variables = own(tmp_path).variables
    assert conversion("V", "corrosion", variables) == (1000.0, 0.0)
    assert conversion("Bq m⁻³", "radon", variables) == conversion("Bq/m3", "radon", variables) == (1.0, 0.0)
    assert units_of("radon", variables) == ("Bq/m3",)
    with pytest.raises(StationConfigError, match=r"unit 'kBq/m3' does not fit radon; expected one of Bq/m3"):
        conversion("kBq/m3", "radon", variables)
    with pytest.raises(StationConfigError, match=r"variable 'radon' is unknown.*under \[\[variable\]\]"):
        conversion("Bq/m3", "radon")


def test_a_catalogue_file_may_name_it(tmp_path: Path) -> None:
    probe = """\
id = "rad7"
maker = "a maker"
name = "radon monitor"
protocol = "json-mqtt"
source = "its manual"
[[channel]]
id = "rn"
variable = "radon"
unit = "Bq/m3"
"""
    write(tmp_path, probe, "probes/rad7.toml")
    node = (
        NODE.replace("soilco2-node", "rad7")
        .replace('["radon", "corrosion"]', '["rn"]')
        .replace('"radon"', '"rn"')
    )
    node = node[: node.index('[[instrument.installation]]\nposition = "site"')]
    text = 'catalogue = ["probes"]\n' + YULIN
    station = load_station(write(tmp_path, text + RADON + node))
    assert station.deployments.series_at("OWN-1", "rn", 1_800_000_000_000_000) == (
        "yulin",
        "p1",
        "d30",
        "radon",
    )
    with pytest.raises(StationFileError) as caught:
        load_station(write(tmp_path, text + node))
    assert any("rad7.toml:8" in str(fault) and "is unknown" in str(fault) for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("old", "new", "at", "why"),
    [
        ('"radon"', '"co2"', 'id = "co2"\nname = { en = "radon', "soilco2 has this variable (CO₂ mole"),
        ('"radon"', '"corrosion"', 'id = "corrosion"\nname = "corr', "has this id"),
        ('"radon"', '"radon_flag"', 'id = "radon_flag"', "does not end in _flag"),
        ('"radon"', '"station"', 'id = "station"\nname', "another id is expected"),
        ('"radon"', '"Radon-222"', 'id = "Radon-222"', "Radon-222"),
        ("upper = 2e6", "upper = 0", "upper = 0", "above lower = 0"),
        ("resolution = 10", "resolution = 0", "resolution = 0", "resolution"),
        ("resolution = 10", "resolution = 10\ncolour = 3", "colour = 3", "colour"),
        ('unit = "mV"', 'unit = "mV"\nunit_text = "V"', 'unit_text = "V"', "another unit than unit = 'mV'"),
        ("has_depth = false", "has_depth = false\nalso_at_site = true", "also_at_site", "at the site anyway"),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_with_its_line(tmp_path: Path, old: str, new: str, at: str, why: str) -> None:
    text = (YULIN + RADON + EH + NODE).replace(old, new)
    with pytest.raises(StationFileError) as caught:
        load_station(write(tmp_path, text))
    told = [str(fault) for fault in caught.value.faults]
    assert any(f"yulin.toml:{line_of(text, at)}" in one and why in one for one in told), told
    if new not in ('"corrosion"', '"co2"'):  # of two channels that give one thing there is more to say
        assert len(told) == 1, told


def test_limits_of_the_site_may_name_it(tmp_path: Path) -> None:
    station = own(tmp_path, NODE, '[[quality.limits]]\nvariable = "radon"\nsuspect_upper = 2e5\n')
    assert station.file.quality.limits[0].variable == "radon"
