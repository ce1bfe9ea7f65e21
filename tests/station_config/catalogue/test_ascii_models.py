"""Instruments that speak lines of text: the built-in files against lines of makers and stations, faults in a file.

A vector says where it is from: `maker`, printed in the maker's document; `capture`, a line of a real instrument in a
public place; `made`, from the maker's list of fields.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import pytest

from soilco2.ingest.protocols.ascii_lines import Said, judge
from soilco2.station_config.catalogue.load import load_catalogue, read_model
from soilco2.station_config.connections.ascii_model import AsciiModel
from soilco2.station_config.errors import StationFileError

MODELS = load_catalogue()


class Vector(NamedTuple):
    model: str
    source: str
    place: str
    address: str
    line: str
    values: dict[str, float]


VECTORS = [
    Vector(
        "gill-gmx240",
        "maker",
        "Gill 1957-PS-021 issue 3, p. 42",
        "Q",
        "\x02Q,180,000.06,133,000.21,00000.000,000.000,+50.763060:-001.540268:+0001.60,"
        "2017-11-02T15:07:27.6,+05.0,0004,\x0331",
        {"wind_speed": 0.06, "supply_voltage": 5.0},
    ),
    Vector(
        "rotronic-hc2a",
        "maker",
        "Campbell Scientific HC2S3 manual, appendix C",
        "00",
        "{F00rdd 001; 4.45;%RH;000;=; 20.07;°C;000;=;nc;---.-;°C;000; ;001;V1.7-1;0060568338;HC2-S3 ;000;4",
        {"air_humidity": 4.45, "air_temperature": 20.07},
    ),
    Vector(
        "vaisala-wxt530",
        "capture",
        "NOAA NCEI accession 0086548, MET_XTP.txt",
        "P",
        "PR0,Dm=012D,Sn=12.3M,Sm=12.8M,Sx=13.2M,Ta=25.9C,Ua=76.2P,Pa=1010.7H,Rc=1.13M,Ri=0.0M",
        {"wind_speed": 12.8, "air_temperature": 25.9, "air_humidity": 76.2, "air_pressure": 1010.7},
    ),
    Vector(
        "nmea-mda-weather",
        "capture",
        "github.com/adrianmo/go-nmea, mda_test.go",
        "",
        "$WIMDA,3.02,I,1.01,B,23.4,C,,,40.2,,12.1,C,19.3,T,20.1,M,13.1,N,1.1,M*62",
        {"air_pressure": 1.01, "air_temperature": 23.4, "air_humidity": 40.2},
    ),
    Vector(
        "licor-li850",
        "capture",
        "github.com/austin-lab-seattle/des-moines-data-monitor, tests of scripts/field/instrument_identity.py",
        "",
        "<li850><data><celltemp>27.6</celltemp><cellpres>101.3</cellpres><co2>648.2</co2><co2abs>0.13</co2abs>"
        "<h2o>6.8</h2o><h2oabs>0.06</h2oabs><h2odewpoint>1.6</h2odewpoint><ivolt>11.9</ivolt><raw><co2>1</co2>"
        "<co2ref>2</co2ref><h2o>3</h2o><h2oref>4</h2oref></raw><flowrate>0.05</flowrate></data></li850>",
        {"co2": 648.2},
    ),
    Vector(
        "nmea-xdr-barometer",
        "made",
        "NMEA 0183, XDR; its checksum was computed by another program",
        "",
        "$WIXDR,P,1.0135,B,BARO*44",
        {"air_pressure": 1.0135},
    ),
    Vector(
        "vaisala-gmp343",
        "made",
        "M210514EN table 4; the three CO2 values are those of a probe (github.com/paocalzolari/CO2-GMP343)",
        "0",
        "GMP343  0   447.5   459.6   460.2 25.00 1013.0  50.0  21.0 0",
        {"co2": 460.2, "co2_compensated": 459.6, "co2_raw": 447.5, "temperature": 25.0},
    ),
    Vector(
        "vaisala-gmp252-ascii",
        "made",
        "M211897EN, form; the value is that of its default message",
        "5",
        "GMP   5   452.0 1013.3  25.0   0.0   0.0 *6F",
        {"co2": 452.0},
    ),
    Vector(
        "vaisala-gmp251-ascii",
        "made",
        "M211799EN, form",
        "240",
        "GMP 240 51000.0  872.4  18.3  95.0  20.9 *78",
        {"co2": 51000.0},
    ),
    Vector(
        "vaisala-ptb330",
        "made",
        "M210855EN table 12; the value is that of its example of SEND",
        "1",
        "PTB330  1 1013.02 0   *52",
        {"air_pressure": 1013.02},
    ),
]


def taken(model: str, address: str, line: str) -> dict[str, str]:
    known = MODELS[model]
    assert isinstance(known, AsciiModel)
    found = judge(known, address, line, "port")
    assert isinstance(found, Said), found
    return found.words


@pytest.mark.parametrize("vector", VECTORS, ids=lambda row: f"{row.model}, {row.source}")
def test_a_line_gives_the_values_it_states(vector: Vector) -> None:
    model = MODELS[vector.model]
    taken(vector.model, vector.address, vector.line)
    for name, value in vector.values.items():
        spec = model.spec(name)
        assert spec is not None
        decode = model.decoder(spec)
        assert decode is not None
        assert decode(vector.line.encode("latin-1")) == value
        reading = value * spec.scale + spec.shift
        assert (-math.inf if spec.lower is None else spec.lower) <= reading
        assert reading <= (math.inf if spec.upper is None else spec.upper)


def test_every_model_has_a_vector() -> None:
    asked = {row.model for row in VECTORS}
    assert asked == {model.id for model in MODELS.values() if isinstance(model, AsciiModel)}


@pytest.mark.parametrize(
    "vector", [row for row in VECTORS if "checksum" in getattr(MODELS[row.model], "message", "")],
    ids=lambda row: row.model,
)  # fmt: skip
def test_a_digit_that_was_damaged_is_seen(vector: Vector) -> None:
    model = MODELS[vector.model]
    assert isinstance(model, AsciiModel)
    at = next(n for n, one in enumerate(vector.line) if one.isdigit() and n > 6)
    damaged = vector.line[:at] + ("9" if vector.line[at] != "9" else "1") + vector.line[at + 1 :]
    assert not isinstance(judge(model, vector.address, damaged, "port"), Said)


def test_the_gmp343_tells_what_it_computes_for_and_keeps_its_raw_numbers_beside() -> None:
    model = MODELS["vaisala-gmp343"]
    assert [spec.id for spec in model.channel if not spec.auxiliary] == ["co2"]
    assert {row.of: row.setpoint for row in model.compensation} == {
        "pressure": "pressure_setpoint",
        "temperature": "temperature_setpoint",
        "humidity": "humidity_setpoint",
        "oxygen": "oxygen_setpoint",
    }


PROBE = """\
id = "mine"
maker = "me"
name = "mine"
protocol = "ascii"
source = "the manual of the probe"
request = "send {address}"
message = "P={p} {address} {status}"
[[channel]]
id = "p"
variable = "air_pressure"
unit = "hPa"
[[status]]
bits = [ { mask = 1, name = "x", flag = 4 } ]
"""


def test_a_line_keeps_its_meaning_when_the_file_is_mended(tmp_path: Path) -> None:
    """The whole line is kept with a sample, so that another field, a mark for no value or a scale applies anew."""
    said = b"P=1013.2 7 0"

    def raw(text: str) -> float:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        model = read_model(path)
        decode = model.decoder(model.channel[0])
        assert decode is not None
        return decode(said)

    assert raw(PROBE) == 1013.2
    assert raw(PROBE.replace("P={p} {address}", "P={} {p}").replace("send {address}", "send")) == 7
    with pytest.raises(IndexError):
        raw(PROBE.replace("P={p}", "Q={p}"))
    said = b"P=****.* 7 0"
    assert math.isnan(raw(PROBE))


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("P={p}", "P={q}", "message", "no channel, status or setting 'q'"),
        ("P={p} ", "P= ", "channel[1].id", "the message has no field {p}"),
        ("{status}", "0", "status[1].id", "the message has no field {status}"),
        ("P={p}", "{p}", "message", "begins with a text"),
        ("P={p}", "P={p}{}", "message", "text is expected between two fields"),
        ("{address} {status}", "{address} {status} {checksum}", "message", "go together"),
        ('"send {address}"', '"send {p}"', "request", "only {address} can stand here"),
        ('"send {address}"', '"sénd"', "request", "ASCII"),
        ("P={p}", "气压={p}", "message", "one byte"),
        (
            "[[channel]]",
            '[[setting]]\nid = "x"\nmeaning = "x"\n[[channel]]',
            "setting[1].id",
            "is a field of",
        ),
    ],
)
def test_a_fault_in_a_file_of_ones_own_is_named(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    assert PROBE.count(old) == 1
    path = tmp_path / "mine.toml"
    path.write_text(PROBE.replace(old, new), encoding="utf-8")
    with pytest.raises(StationFileError) as caught:
        read_model(path)
    assert [(row.key, expected in row.expected) for row in caught.value.faults if row.key == key] == [
        (key, True)
    ]
