"""Current inputs of an analog module: what the station file says of them, and what becomes of a broken loop."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from soilco2.quality import checks
from soilco2.quality.limits import reading_band
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station, parse_station
from tests.station_config.example import YULIN, faults_of, write

PAGE = Path(__file__).resolve().parents[3] / "docs" / "howto" / "analog_4_20ma.en.md"
MODULE = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
"""As the page has it; a second module like it, with another map."""
SECOND = """
[[instrument]]
id = "second"
model = "waveshare-analog-input-8ch"
serial = "AI8-0002"
connection = "bus1"
address = 41
interval = "60s"
[[instrument.analog]]
channel = "ai1"
variable = "air_temperature"
unit = "degC"
at_4ma = 60
at_20ma = -40
[[instrument.installation]]
position = "site"
from = 2026-03-01
"""


def _station(text: str) -> str:
    """The example station, in which a module stood before its own instruments came."""
    return YULIN + text.replace("from = 2026-03-01", "from = 2020-03-01\nuntil = 2020-04-01")


# the current by hand from the two points on the label: (value - at_4ma) / (at_20ma - at_4ma) · 16 + 4
@pytest.mark.parametrize(
    ("serial", "channel", "micro_amp", "value", "mask"),
    [
        ("AI8-0001", "ai1", 4000, 500.0, 0),
        ("AI8-0001", "ai1", 13920, 872.0, 0),
        ("AI8-0001", "ai1", 20000, 1100.0, 0),
        ("AI8-0001", "ai1", 3590, 484.625, checks.INSTRUMENT_RANGE),
        ("AI8-0001", "ai1", 0, 350.0, checks.INSTRUMENT_RANGE),
        ("AI8-0001", "ai1", 22010, 1175.375, checks.INSTRUMENT_RANGE),
        ("AI8-0001", "ai2", 8000, 5000.0, 0),
        ("AI8-0002", "ai1", 12000, 10.0, 0),
        ("AI8-0002", "ai1", 3500, 63.125, checks.INSTRUMENT_RANGE),
        ("AI8-0002", "ai1", 21900, -51.875, 0),
    ],
)
def test_a_current_becomes_a_value_and_a_fault_is_out_of_range(
    tmp_path: Path, serial: str, channel: str, micro_amp: int, value: float, mask: int
) -> None:
    station = load_station(write(tmp_path, _station(MODULE + SECOND)))
    for one in (station, parse_station(station.text)):  # as it is, and as the journal keeps it
        (found,) = [row for row in one.deployments.channels_of(serial) if row.spec.id == channel]
        assert found.decode is not None
        raw = found.decode(struct.pack(">2H", micro_amp, 0))
        reading = found.a * raw + found.b
        assert reading == pytest.approx(value, abs=1e-9)
        assert reading_band(found.spec, found.a, found.b).outside(reading) == mask


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ('channel = "ai1"\nvariable', 'channel = "ai9"\nvariable', "channel", "no such input; did you mean"),
        (
            'channel = "ai1"\nvariable',
            'channel = "ai2"\nvariable',
            "channel",
            "this input is described twice",
        ),
        ("at_20ma = 1100", "at_20ma = 500", "at_20ma", "another value than that at 4 mA"),
        ('unit = "hPa"', 'unit = "ppm"', "unit", "does not fit air_pressure"),
        ('variable = "co2"', 'variable = "co3"', "variable", "unknown"),
        ("at_4ma = 500\n", "", "at_4ma", ""),
    ],
)
def test_a_fault_in_the_map_is_named(tmp_path: Path, old: str, new: str, key: str, expected: str) -> None:
    assert MODULE.count(old) == 1
    with pytest.raises(StationFileError) as caught:
        load_station(write(tmp_path, _station(MODULE.replace(old, new))))
    assert [row for row in caught.value.faults if row.key.endswith(key) and expected in row.expected]


def test_a_module_that_nobody_describes_is_a_fault(tmp_path: Path) -> None:
    text = re.sub(r"\[\[instrument.analog\]\].*?\n\n", "", MODULE, flags=re.DOTALL)
    faults = faults_of(write(tmp_path, _station(text)))
    assert [row for row in faults if "nothing says what they measure" in row.expected]
    assert [row for row in faults if "no such channel" in row.expected]


def test_a_probe_has_no_inputs(tmp_path: Path) -> None:
    row = "[[instrument.analog]]\nchannel = 'ai1'\nvariable = 'co2'\nunit = 'ppm'\nat_4ma = 0\nat_20ma = 1\n"
    text = YULIN.replace("[[instrument.installation]]", row + "[[instrument.installation]]", 1)
    faults = faults_of(write(tmp_path, text))
    assert [one for one in faults if "has no such input" in one.expected]


def test_both_languages_show_the_same_station() -> None:
    other = PAGE.with_name("analog_4_20ma.zh.md").read_text(encoding="utf-8")
    assert re.findall(r"```toml\n(.*?)```", other, re.DOTALL) == [MODULE]
    assert load_catalogue()["waveshare-analog-input-8ch"].inputs() == tuple(f"ai{n}" for n in range(1, 9))
