"""Switched power of a line: what `check` refuses and what it warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.loader import load_station
from tests.station_config.example import YULIN, faults_of, write

GAS = """
[[connection]]
id = "text"
kind = "serial-ascii"
port = "/dev/ttyUSB7"
baudrate = 19200
{power}
[[instrument]]
id = "gas"
model = "vaisala-gmp343"
serial = "V0000001"
connection = "text"
interval = "{interval}"
"""
GPIO = '[connection.power]\ngpio = "/dev/gpiochip0"\noffset = 17\n'


@pytest.mark.parametrize(
    ("power", "interval", "said"),
    [
        (GPIO, "1h", 'despite_drift = ["gas"]'),
        (GPIO + 'despite_drift = ["gas"]\n', "10min", "the power would never be off"),
        (GPIO + 'despite_drift = ["gas", "nobody"]\n', "1h", "no such instrument on text"),
        ("[connection.power]\nrelay = 100\ndespite_drift = ['gas']\n", "1h", "switch this one by gpio"),
        (GPIO + "relay = 100\n", "1h", "one switch is expected"),
        ("[connection.power]\ngpio = '/dev/gpiochip0'\n", "1h", "one switch is expected"),
    ],
)
def test_what_is_refused(power: str, interval: str, said: str, tmp_path: Path) -> None:
    text = YULIN + GAS.format(power=power, interval=interval)
    assert any(said in str(fault) for fault in faults_of(write(tmp_path, text)))


def test_a_probe_that_drifts_is_switched_off_when_told_and_check_says_it(tmp_path: Path) -> None:
    text = YULIN + GAS.format(power=GPIO + 'despite_drift = ["gas"]\n', interval="1h")
    found = [str(row) for row in load_station(write(tmp_path, text)).advice]
    assert any("gas drifts after power-on and is switched off between rounds" in row for row in found)
