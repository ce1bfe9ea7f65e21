"""Station files with Modbus over the network: what is read from where, and what `check` refuses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from soilco2.station_config.connections.modbus_dtu import as_bytes, as_text
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station
from tests.paths import ROOT
from tests.station_config.example import MARK as M
from tests.station_config.example import YULIN, marked_line, write

SERIAL = 'kind = "modbus-rtu"\nport = "/dev/serial/by-id/usb-FTDI_FT232R"\nbaudrate = 9600\n'
GATEWAY = 'kind = "modbus-tcp"\nhost = "10.0.0.7"\n'
MODEM = 'kind = "modbus-dtu"\nport = 5020\nregistration = "861234567890123"\n'
SECOND = '\n[[connection]]\nid = "far"\nkind = "modbus-dtu"\nport = 5020\nregistration = "{said}"{more}\n'


def station(link: str, more: str = "", *changes: tuple[str, str]) -> str:
    """The example with its bus on another link; tables go to the end."""
    text = YULIN.replace(SERIAL, link) + more
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    ("link", "words", "place"),
    [
        (GATEWAY, "Modbus TCP, 10.0.0.7:502", "10.0.0.7:502"),
        (GATEWAY + 'framing = "rtu"\nport = 8899\n', "Modbus RTU over TCP, 10.0.0.7:8899", "10.0.0.7:8899"),
        (GATEWAY.replace("10.0.0.7", "fd00::7"), "Modbus TCP, [fd00::7]:502", "[fd00::7]:502"),
        (
            MODEM,
            "Modbus RTU, 861234567890123 > 127.0.0.1:5020",
            "861234567890123 > 127.0.0.1:5020",
        ),
    ],
)
def test_models_of_serial_lines_work_on_every_link(link: str, words: str, place: str, tmp_path: Path) -> None:
    loaded = load_station(write(tmp_path, station(link)))
    connection = loaded.file.connection[0]
    assert kind_of(connection).describe(connection, "yulin") == words
    assert kind_of(connection).place(connection) == place


@pytest.mark.parametrize("unit", [0, 1, 247, 255])
def test_a_device_that_is_itself_on_the_network_may_have_unit_0_or_255(unit: int, tmp_path: Path) -> None:
    loaded = load_station(write(tmp_path, station(GATEWAY, "", ("address = 11", f"address = {unit}"))))
    assert loaded.file.instrument[0].address == unit


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        (station(GATEWAY, "", ("address = 11", f"address = 250 {M}")), "instrument[1].address", "1 to 247"),
        (station(MODEM, "", ("address = 11", f"address = 0 {M}")), "instrument[1].address", "1 to 247"),
        (
            station(MODEM.replace('"861234567890123"', f'"?" {M}')),
            "connection[1].registration",
            "2 to 64 bytes; 'soilco2 scan dtu://127.0.0.1:5020' lists",
        ),
        (station(GATEWAY, "", ("address = 12", f"address = 11 {M}")), "instrument[2].address", "co2-10 has"),
        (
            station(GATEWAY, f'\n[[connection]]\nid = "b"\nkind = "modbus-tcp"\nhost = "10.0.0.7" {M}\n'),
            "connection[3].host",
            "this host and port is used already",
        ),
        (
            station(GATEWAY + f'latency = "1min" #{M}\n', "", ('interval = "60s"', f'interval = "60s" {M}')),
            "instrument[1].interval",
            "must fit in the interval",
        ),
        (
            station(MODEM, SECOND.format(said="861234567890123", more=f" {M}")),
            "connection[3].registration",
            "bus1 (line 9) has this registration on the same port, or one that begins like it",
        ),
        (
            station(MODEM, SECOND.format(said="0x38 36 31 32", more=f" {M}")),
            "connection[3].registration",
            "cannot be told apart",
        ),
        (
            station(MODEM, SECOND.format(said="DTU2", more=f'\nhost = "0.0.0.0" {M}')),
            "connection[3].host",
            "a port listens on one address",
        ),
        (station(MODEM + f'heartbeat = "0x5" {M}\n'), "connection[1].heartbeat", "bytes in hex"),
        (station(MODEM + f'heartbeat = "{"x" * 65}" {M}\n'), "connection[1].heartbeat", "64 bytes at most"),
        (station(MODEM + f'host = "localhost" {M}\n'), "connection[1].host", "an address of this machine"),
    ],
)
def test_what_is_refused(text: str, key: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(StationFileError) as caught:
        load_station(write(tmp_path, text))
    fault = caught.value.faults[0]
    assert (fault.key, fault.line) == (key, marked_line(text) if text.count(M) == 1 else fault.line)
    assert expected in fault.expected


def test_two_modems_share_a_port_and_two_ports_a_registration(tmp_path: Path) -> None:
    load_station(write(tmp_path, station(MODEM, SECOND.format(said="DTU2", more=""))))
    other = SECOND.format(said="861234567890123", more="").replace("5020", "5021")
    load_station(write(tmp_path, station(MODEM, other)))


def test_a_port_beyond_loopback_is_warned_of(tmp_path: Path) -> None:
    def told(link: str) -> list[str]:
        return [row.expected for row in load_station(write(tmp_path, station(link))).advice]

    assert not any("no password" in row for row in told(MODEM))
    assert any("a registration is no password" in row for row in told(MODEM + 'host = "0.0.0.0"\n'))


def test_what_a_modem_says_as_text_and_in_hex() -> None:
    assert as_bytes("0x55 AA 01") == b"\x55\xaa\x01"
    assert as_bytes("861234567890123") == b"861234567890123"
    for said in (b"DTU 1", b"\x00\xff", b"0x55", "草".encode(), b"a\nb"):
        assert as_bytes(as_text(said)) == said
        assert as_text(said).isprintable()


def test_a_round_that_takes_too_long_is_warned_of(tmp_path: Path) -> None:
    """A GMP252 is two requests: over a mobile network more than half a second."""
    text = station(
        MODEM + 'latency = "100ms"\n', "", ('interval = "60s"', 'interval = "0.5s"\ntimeout = "100ms"')
    )
    told = [row.expected for row in load_station(write(tmp_path, text)).advice]
    assert any("with co2-10 it no longer fits" in row for row in told)


@pytest.mark.parametrize("port", ["socket://10.0.0.7:4001", "rfc2217://10.0.0.7:4001", "10.0.0.7:4001"])
def test_a_serial_port_in_the_network_is_told_the_way_out(port: str, tmp_path: Path) -> None:
    with pytest.raises(StationFileError) as caught:
        load_station(write(tmp_path, YULIN.replace("/dev/serial/by-id/usb-FTDI_FT232R", port)))
    assert 'kind = "modbus-tcp" with host and port' in caught.value.faults[0].expected


def _toml(page: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "howto" / page).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["modbus_tcp.en.md", "modbus_tcp.zh.md", "dtu.en.md", "dtu.zh.md"])
def test_the_pages_are_station_files(page: str, tmp_path: Path) -> None:
    text = "\n".join(_toml(page))
    first = (
        YULIN[: YULIN.index("[[connection]]")]
        + YULIN[YULIN.index("[[profile]]") : YULIN.index("[[instrument]]")]
    )
    loaded = load_station(write(tmp_path, first + text))
    assert loaded.file.instrument[0].connection == loaded.file.connection[0].id


@pytest.mark.parametrize("page", ["cr1000_modbus.en.md", "cr1000_modbus.zh.md"])
def test_a_float_of_a_logger_in_both_orders(page: str) -> None:
    """1234.5 is 449A5000 by IEEE 754; the page says which register comes first."""
    (text,) = _toml(page)
    for order, said in (("low-first", "5000449A"), ("high-first", "449A5000")):
        model = ModbusModel.model_validate(tomllib.loads(text.replace('"low-first"', f'"{order}"')))
        assert model.decoder(model.channel[0])(bytes.fromhex(said)) == 1234.5
