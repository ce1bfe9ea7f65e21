"""An SDI-12 line in the station file and in the catalogue: what is taken, and what each fault says, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.catalogue.load import BUILT_IN, read_model
from soilco2.station_config.connections.sdi12 import ADAPTERS, Adapter, Sdi12Connection
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station
from tests.ingest.drivers.stranger import blocks
from tests.paths import ROOT
from tests.station_config.example import MARK, changed, faults_of, marked_line, write

SDI = """\
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"

[[connection]]
id = "sdi"
kind = "sdi12"
port = "/dev/ttyUSB0"
adapter = "dr-liu"

[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[profile.position]]
id = "d30"
depth_m = 0.30

[[instrument]]
id = "a"
model = "meter-teros-12"
serial = "T12-1"
connection = "sdi"
address = 1
interval = "60s"
[[instrument.installation]]
position = "p1/d10"
from = 2026-03-01

[[instrument]]
id = "b"
model = "campbell-cs65x"
serial = "2196405"
connection = "sdi"
address = "z"
interval = "60s"
[[instrument.installation]]
position = "p1/d30"
from = 2026-03-01
"""


def test_an_address_may_be_a_digit_or_a_letter(tmp_path: Path) -> None:
    station = load_station(write(tmp_path, SDI))
    assert [row.address for row in station.file.instrument] == [1, "z"]


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ('address = "z"', f"address = 12 {MARK}", "instrument[2].address", "one character"),
        ('address = "z"', f'address = "zz" {MARK}', "instrument[2].address", "one character"),
        ('address = "z"', f'address = "?" {MARK}', "instrument[2].address", "one character"),
        ('address = "z"', f'address = "é" {MARK}', "instrument[2].address", "one character"),
        (
            'address = "z"',
            f'address = "1" {MARK}',
            "instrument[2].address",
            "a has this address on sdi already",
        ),
        ('adapter = "dr-liu"', f'adapter = "dr-lu" {MARK}', "connection[1].adapter", "dr-liu"),
        (
            'interval = "60s"\n[[instrument.installation]]\nposition = "p1/d30"',
            f'interval = "3s" {MARK}\n[[instrument.installation]]\nposition = "p1/d30"',
            "instrument[2].interval",
            "3 requests of 1 s must fit in the interval of 3 s",
        ),
    ],
)
def test_a_fault_names_line_and_way_out(tmp_path: Path, old: str, new: str, key: str, expected: str) -> None:
    text = changed(old, new, SDI)
    (fault,) = faults_of(write(tmp_path, text))
    assert (fault.line, fault.key) == (marked_line(text), key)
    assert expected in fault.expected


def test_a_line_without_adapter_and_mode_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of(write(tmp_path, changed('adapter = "dr-liu"\n', "", SDI)))
    assert fault.key == "connection[1]"
    assert 'dr-liu, envirodiy, rs232-diode, or of another one how it works: mode = "text"' in fault.expected


def test_a_probe_without_address_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of(write(tmp_path, changed('address = "z"\n', "", SDI)))
    assert fault.key == "instrument[2].address"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'adapter = "dr-liu"',
            'mode = "text"',
            "nothing is known of the adapter of sdi, so this is unconfirmed",
        ),
        ('address = "z"', 'address = "0"', "0 is the address every campbell-cs65x has from the factory"),
        (
            'address = "z"\ninterval = "60s"',
            'address = "z"\ninterval = "3500ms"\ntimeout = "20ms"',
            None,
        ),
    ],
)
def test_what_is_allowed_but_doubtful_is_told(
    tmp_path: Path, old: str, new: str, expected: str | None
) -> None:
    plain = {one.expected for one in load_station(write(tmp_path, SDI)).advice}
    told = {one.expected for one in load_station(write(tmp_path, changed(old, new, SDI))).advice} - plain
    assert (expected is None and not told) or any(expected in one for one in told if expected)


def test_more_probes_than_a_line_can_carry_are_told(tmp_path: Path) -> None:
    busy = SDI.replace('interval = "60s"', 'interval = "600ms"\ntimeout = "100ms"')
    told = [one.expected for one in load_station(write(tmp_path, busy)).advice]
    assert any("so rounds will be missed" in one for one in told)


def test_what_is_known_of_an_adapter_holds_unless_the_keys_say_otherwise() -> None:
    def known(**keys: object) -> Adapter:
        return Sdi12Connection.model_validate({"id": "a", "kind": "sdi12", "port": "/dev/x", **keys}).known

    assert known(adapter="dr-liu") == ADAPTERS["dr-liu"]
    older = known(adapter="envirodiy", baudrate=57600)
    assert older == ADAPTERS["envirodiy"]._replace(baudrate=57600)
    transparent = known(mode="transparent")
    assert (transparent.baudrate, transparent.bytesize, transparent.parity) == (1200, 7, "E")
    assert known(mode="text", settle="2s").settle == 2.0


TEROS = (BUILT_IN / "meter-teros-12.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('command = "values", index = 3', 'command = "value", index = 3', "did you mean 'values'?"),
        ('command = "values", index = 3', 'command = "values", index = 4', "command values gives 3 values"),
        ('command = "values", index = 3', 'command = "values", index = 0', "at least 1"),
        ('send = "M"', 'send = "X"', "send"),
        ('concurrent = "C"', 'concurrent = "M"', "concurrent"),
    ],
)
def test_a_fault_in_a_catalogue_file_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = write(tmp_path, changed(old, new, TEROS), "meter-teros-12.toml")
    with pytest.raises(StationFileError) as caught:
        read_model(path)
    (fault,) = caught.value.faults
    assert expected in f"{fault.key} {fault.expected}"


def test_a_model_without_commands_and_a_command_twice_are_faults(tmp_path: Path) -> None:
    a, b = TEROS.index("[[command]]"), TEROS.index("[[channel]]")
    for text, expected in (
        (TEROS[:a] + TEROS[b:], "needs [[command]] tables"),
        (TEROS[:b] + TEROS[a:b] + TEROS[b:], "used twice under [[command]]"),
    ):
        with pytest.raises(StationFileError) as caught:
            read_model(write(tmp_path, text, "meter-teros-12.toml"))
        assert any(expected in fault.expected for fault in caught.value.faults)


def test_the_page_that_tells_how(tmp_path: Path) -> None:
    page = ROOT / "docs" / "howto" / "sdi12.en.md"
    station, probe = blocks("toml", page)
    assert blocks("toml", page.with_name("sdi12.zh.md"))[1] == probe
    assert read_model(write(tmp_path, probe, "my-probe.toml")).id == "my-probe"
    head, rest = (
        SDI[: SDI.index("[[connection]]")],
        SDI[SDI.index("[[profile]]") : SDI.index("[[instrument]]")],
    )
    (row,) = load_station(write(tmp_path, head + rest + station)).file.instrument
    assert (row.serial, row.address) == ("T12-00082937", 1)


def test_every_model_of_the_page_is_in_the_catalogue() -> None:
    named = {path.stem for path in BUILT_IN.glob("*.toml") if 'protocol = "sdi12"' in path.read_text("utf-8")}
    for name in ("sdi12.en.md", "sdi12.zh.md"):
        text = (ROOT / "docs" / "howto" / name).read_text(encoding="utf-8")
        assert all(f"`{model}`" in text for model in named)
        assert all(f"`{adapter}`" in text for adapter in ADAPTERS)
