"""Warnings: what is allowed, but likely to be a mistake or costly."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.loader import load_station
from tests.station_config.example import MARK, SOIL, YULIN, changed, marked_line, write

THERE = '[[instrument.installation]]\nposition = "p1/d30"\nfrom = 2026-03-01\n'
NODE = 'channels = ["co2", "soil_temperature", "supply_voltage"]\n'
BARO = YULIN[YULIN.index('[[instrument]]\nid = "baro"') : YULIN.index('[[instrument]]\nid = "node-30"')]


def _headed(name: str) -> tuple[str, str]:
    """An instrument's header without and with the mark."""
    return f'[[instrument]]\nid = "{name}"', f'[[instrument]] {MARK}\nid = "{name}"'


def _advice(folder: Path, text: str) -> list[tuple[int | None, str, str]]:
    return [(one.line, one.key, one.expected) for one in load_station(write(folder, text)).advice]


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        (
            changed(
                'kind = "mqtt"', f'kind = "mqtt"\n[[connection]]\nid = "all"\nkind = "mqtt"\ntopic = "soilco2/#" {MARK}'
            ),
            "connection[3].topic",
            "what fits 'soilco2/yulin/data' of air as well goes to air alone",
        ),
        (
            changed("depth_m = 0.30", f"depth_m = 30 {MARK}"),
            "profile[1].position[2].depth_m",
            "d30 is 30 m deep: is it meant so? 30 cm are written 0.3",
        ),
        (
            changed('model = "vaisala-gmp252"', f'model = "vaisala-gmp252" {MARK}'),
            "instrument[1].model",
            "leaves the factory at 19200 8N2 and bus1 runs at 9600 8N1: set the probe before",
        ),
        (
            changed("baudrate = 9600", "baudrate = 9600\nparity = 'E'").replace(
                'model = "cwt-soil-thc-s"', f'model = "cwt-soil-thc-s" {MARK}'
            ),
            "instrument[2].model",
            "leaves the factory at 4800 8N1 and bus1 runs at 9600 8E1",
        ),
        (
            changed("baudrate = 9600", "baudrate = 9600\nstopbits = 2").replace(
                'model = "linovision-iot-s300ap"', f'model = "linovision-iot-s300ap" {MARK}'
            ),
            "instrument[3].model",
            "an extra stop bit does no harm",
        ),
        (
            changed('model = "linovision-iot-s300ap"', f'model = "linovision-iot-s300ap" {MARK}'),
            "instrument[3].model",
            "not confirmed in the catalogue: The factory line 9600 8N1",
        ),
        (
            changed(*_headed("soil-10")).replace(SOIL, ""),
            "instrument[2]",
            "soil-10 is installed nowhere",
        ),
        (
            changed(SOIL, '[[instrument.installation]]\nchannel = "bulk_ec"' + SOIL[27:]).replace(
                *_headed("soil-10")
            ),
            "instrument[2]",
            "soil_water, soil_temperature of soil-10 is read but installed nowhere",
        ),
        (
            changed(BARO, "", changed(NODE + THERE, "")).replace(
                '[[instrument]]\nid = "node-30"', f'[[instrument]] {MARK}\nid = "node-30"'
            ),
            "instrument[3]",
            "list the channels it has",
        ),
        (
            changed(BARO, "").replace(*_headed("co2-10")),
            "instrument[1]",
            "the standard atmosphere at 1150 m, 883 hPa, stands in (factor 1.148)",
        ),
        (
            changed('[[profile.position]]\nid = "d30"', '[[profile.surface]]\nfrom = 2026-04-01\n'
                    f'change_m = -0.10 {MARK}\n[[profile.position]]\nid = "d30"'),
            "profile[1].surface[1].change_m",
            "this bares position p1/d10, which was 0.1 m deep",
        ),
        (YULIN + f'[page]\nhost = "0.0.0.0" {MARK}\n', "page.host", "open to the network without a password"),
        (
            changed("http://127.0.0.1:8086\"", f"http://db.example.org:8086\" {MARK}"),
            "influxdb.url",
            "the token crosses the network in the clear",
        ),
        (
            changed('host = "127.0.0.1"', f'host = "b.org" {MARK}\nusername = "u"\npassword.env = "P"'),
            "mqtt.host",
            "the password crosses the network in the clear",
        ),
        (
            changed('host = "127.0.0.1"', f'host = "127.0.0.1"\npassword = {{ env = "P" }} {MARK}'),
            "mqtt.password",
            "without username",
        ),
    ],
)  # fmt: skip
def test_a_warning_stands_at_its_line(tmp_path: Path, text: str, key: str, expected: str) -> None:
    wanted = marked_line(text)
    hits = [one for one in _advice(tmp_path, text) if expected in one[2]]
    assert [(line, name) for line, name, _ in hits] == [(wanted, key)]


def test_the_factory_stop_bits_of_a_gmp252_on_a_one_stop_bit_line_are_told(tmp_path: Path) -> None:
    alone = (
        YULIN[: YULIN.index('[[instrument]]\nid = "soil-10"')] + YULIN[YULIN.index("[influxdb]") :]
    ).replace("baudrate = 9600", "baudrate = 19200")
    told = " ".join(text for _, _, text in _advice(tmp_path, alone))
    assert "19200 8N2 and bus1 runs at 19200 8N1; this usually works but is not guaranteed" in told


def test_a_line_that_cannot_be_read_in_time_is_told(tmp_path: Path) -> None:
    # At 4800 Bd three registers take 19 bytes of 10 bits, 39.6 ms, two silences of 50 ms and 50 ms to begin
    # the answer: 0.19 s a probe. Six probes every second are 1.14 s of work a second; five are 0.95 s.
    probes = "".join(
        f'[[instrument]]\nid = "s{n}"\nmodel = "cwt-soil-thc-s"\nserial = "S{n}"\nconnection = "bus1"\n'
        f'address = {n}\ninterval = "1s"\ntimeout = "800ms"\n'
        f'[[instrument.installation]]\nposition = "p{n}/d"\nfrom = 2026-03-01\n'
        for n in range(1, 7)
    )
    places = "".join(
        f'[[profile]]\nid = "p{n}"\nposition = [{{ id = "d", depth_m = 0.1 }}]\n' for n in range(1, 7)
    )
    head = YULIN[: YULIN.index("[[profile]]")].replace("9600", "4800")
    told = [text for _, key, text in _advice(tmp_path, head + places + probes) if key == "connection[1]"]
    assert len(told) == 1
    assert "takes 114% of the time there is" in told[0]
    assert "with s6 it no longer fits, and s1 takes the most, 19%" in told[0]
    fewer = probes[: probes.index('[[instrument]]\nid = "s6"')]
    assert not [key for _, key, _ in _advice(tmp_path, head + places + fewer) if key == "connection[1]"]


def test_many_probes_of_a_kind_are_told_of_once(tmp_path: Path) -> None:
    more = "".join(
        f'[[instrument]]\nid = "s{n}"\nmodel = "cwt-soil-thc-s"\nserial = "S{n}"\nconnection = "bus1"\n'
        f'address = {n}\ninterval = "60s"\n'
        for n in range(100, 104)
    )
    advice = _advice(tmp_path, YULIN + more)
    assert sum("leaves the factory at 4800" in text for _, _, text in advice) == 1
    assert sum("accuracy for no named soil" in text for _, _, text in advice) == 1
    assert sum("is installed nowhere" in text for _, _, text in advice) == 4
