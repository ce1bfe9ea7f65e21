"""A collector on a line with switched power: killed between on and off, and asked for one round."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.ingest.collector import Collector
from soilco2.ingest.protocols.modbus import COIL_ON, WRITE_COIL, Request, answer_frame
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.modbus_probes import SimulatedRelay
from soilco2.station_config.connections.power import Power
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.running import PATIENCE_S, until
from tests.ingest.simulate.hand import HandClock
from tests.paths import ROOT

_STATION = """
[station]
id = "solar"
name = "Solar"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
[journal]
path = "journal.sqlite"
[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "bus1"
baudrate = 9600
[connection.power]
relay = 100
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.1
[[instrument]]
id = "probe-1"
model = "sensecap-s-temp-vwc-ec-02"
serial = "S1"
connection = "bus1"
address = 1
interval = "{interval}"
warm_up = "{warm_up}"
[[instrument.installation]]
position = "p1/d10"
from = 2020-01-01
"""


class Far:
    """A relay that keeps its state, and a probe that answers while it has power."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "solar.toml"
        self.relay = SimulatedRelay(Power(relay=100), HandClock())
        self.told: list[bool] = []
        """Every switching that was asked for."""
        self.line = PtyLine(folder / "bus1", self._respond)

    def station(self, interval: str, warm_up: str) -> None:
        self.file.write_text(_STATION.format(interval=interval, warm_up=warm_up), encoding="utf-8")

    def _respond(self, request: Request, _foreign: int) -> list[Piece]:
        if request.address == 100:
            answer = self.relay.answer(request)
            if request.function == WRITE_COIL:
                self.told.append(request.registers == COIL_ON)
            return [(0.0, answer)]
        return [(0.0, answer_frame(request, (1850, 2100, 87)[: request.registers]))] if self.relay.on else []

    def collect(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SOILCO2_CLOCK": "trusted", "SOILCO2_STATE": str(self.folder / "state")}
        words = [sys.executable, "-m", "soilco2", "collect", str(self.file)]
        return subprocess.Popen(
            words, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    one = Far(tmp_path)
    yield one
    one.line.stop()


def test_killed_between_on_and_off_and_started_again(far: Far) -> None:
    far.station("3s", "0s")
    with far.collect() as killed:
        try:
            until(lambda: True in far.told)
        finally:
            killed.kill()
    assert far.relay.on
    before = len(far.told)
    with far.collect() as again:
        try:
            until(lambda: len(far.told) > before)
            assert far.told[before] is False
            until(lambda: True in far.told[before:])  # and rounds go on
            again.terminate()
            assert again.wait(PATIENCE_S) == 0
        finally:
            again.kill()
    assert not far.relay.on


def test_one_round_waits_for_the_warm_up(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that is: the patience with a round begins after it."""
    monkeypatch.setenv("SOILCO2_CLOCK", "trusted")
    far.station("1h", "2s")
    assert Collector(load_station(far.file)).run_once(patience_s=1.5)
    assert far.told == [False, True, False]
    with JournalReader(far.folder / "journal.sqlite") as reader:
        assert {(row.raw, row.status) for row in reader.samples(0, 2**62)} == {
            (1850, ""),
            (2100, ""),
            (87, ""),
        }
