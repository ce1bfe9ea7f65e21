"""A collector with a modem that dials in: what it says of those it does not know, and of a port that is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from soilco2.cli.commands.status import _print_listener
from soilco2.cli.main import cli
from soilco2.cli.options import choose
from soilco2.ingest.collector import Collector
from soilco2.ingest.protocols.modbus import answer_frame, exception_frame
from soilco2.ingest.simulate.far_tcp import Modem
from soilco2.station_config.loader import Station, load_station
from tests.ingest.running import until
from tests.servers import HOST, free_port

STATION = """
[station]
id = "far"
name = "Far"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
[journal]
path = "journal.sqlite"
[[connection]]
id = "north"
kind = "modbus-dtu"
port = {port}
registration = "861234567890123"
latency = "300ms"
[[profile]]
id = "p1"
position = [{{ id = "d1", depth_m = 0.1 }}]
[[instrument]]
id = "soil"
model = "sensecap-s-temp-vwc-ec-02"
serial = "S1"
connection = "north"
address = 1
interval = "2s"
[[instrument.installation]]
position = "p1/d1"
from = 2020-01-01
"""


@pytest.fixture
def station(tmp_path: Path) -> Station:
    path = tmp_path / "far.toml"
    path.write_text(STATION.format(port=free_port()), encoding="utf-8")
    return load_station(path)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setenv("SOILCO2_CLOCK", "trusted")
    with ExitStack() as undo:
        yield undo


def respond(asked: Any, _foreign: int) -> list[tuple[float, bytes]]:
    fits = (asked.start, asked.registers) == (0, 3)
    return [(0.0, answer_frame(asked, (1850, 2100, 87)) if fits else exception_frame(asked, 2))]


def test_a_modem_is_read_and_a_stranger_told(station: Station, stack: ExitStack) -> None:
    place = (HOST, station.file.connection[0].port)  # type: ignore[attr-defined]
    modem = Modem(*place, b"861234567890123", b"", respond)
    stack.callback(modem.stop)
    collector = Collector(station)
    collector._begin()
    stack.callback(collector._end)
    until(lambda: collector.status()["buses"][0]["instruments"]["S1"]["answered"] > 0, collector.status)
    with socket.create_connection(place) as stranger:
        stranger.sendall(b"DTU-9")
        until(lambda: bool(collector.status()["listeners"][0]["unknown"]))
    (listener,) = collector.status()["listeners"]
    assert listener["connections"]["north"]["connected"]
    assert [row["registration"] for row in listener["unknown"]] == ["DTU-9"]


def test_a_modem_that_has_just_dialled_in_is_said_to_be_there(station: Station, stack: ExitStack) -> None:
    """Before its next round, which may be half an hour away."""
    assert station.path is not None
    text = station.path.read_text(encoding="utf-8").replace('interval = "2s"', 'interval = "1d"')
    station.path.write_text(text, encoding="utf-8")
    collector = Collector(load_station(station.path))
    collector._begin()
    stack.callback(collector._end)
    (bus,) = collector.status()["buses"]
    assert "has not dialled in" in str(bus["error"])
    assert bus["instruments"]["S1"]["state"] == "not reached"
    modem = Modem(HOST, station.file.connection[0].port, b"861234567890123", b"", respond)  # type: ignore[attr-defined]
    stack.callback(modem.stop)
    until(lambda: collector.status()["listeners"][0]["connections"]["north"]["connected"])
    (bus,) = collector.status()["buses"]
    assert (bus["state"], str(bus["error"])) == ("dialled in", "")
    assert bus["instruments"]["S1"]["state"] == "not read yet"


def test_a_port_that_is_taken_is_one_sentence_and_exit_3(
    station: Station, stack: ExitStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soilco2.cli.commands.collect.start_log", lambda _form: None)
    monkeypatch.setattr("soilco2.cli.commands.collect._listen", lambda _collector: None)
    place = (HOST, station.file.connection[0].port)  # type: ignore[attr-defined]
    with socket.create_server(place):
        done = CliRunner().invoke(cli, ["collect", str(station.path), "--once"])
    assert done.exit_code == 3
    said = [row.getMessage() for row in caplog.records if "another process" in row.getMessage()]
    assert said == [
        f"north: {HOST}:{place[1]}: another process listens on this port; stop it, or choose another port"
    ]


def test_what_a_port_says_in_chinese(capsys: pytest.CaptureFixture[str], stack: ExitStack) -> None:
    choose("zh")
    stack.callback(choose, None)
    _print_listener(
        {
            "port": "127.0.0.1:5020",
            "error": "",
            "connections": {"north": {"connected": True}, "south": {"connected": False}},
            "unknown": [{"registration": "DTU-9", "from": HOST, "count": 2, "last_us": 0}],
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "监听 127.0.0.1:5020：2 个中已连接 1 个",
        "  未知：DTU-9，来自 127.0.0.1，2 次，最近 1970-01-01 00:00:00Z",
    ]
