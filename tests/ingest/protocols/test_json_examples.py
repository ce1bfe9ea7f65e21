"""The worked examples of the page on JSON over MQTT, and messages as these systems publish them.

Sources of the messages, read as published: Tasmota, tasmota.github.io/docs/DS18x20 and the drivers
``xsns_05_ds18x20.ino`` and ``xsns_15_mhz19.ino`` of arendst/Tasmota; Zigbee2MQTT, the page of TS0601_soil, its
issue 30747 (a message of a ZS-304Z) and ``formatDate`` of ``lib/util/utils.ts``; Home Assistant, the integration
``mqtt_statestream`` of home-assistant/core.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_mapping_decode import Decoder, Said
from soilco2.station_config.loader import load_station
from tests.ingest.protocols.test_json_mapping import AT_US, HEAD, INSTRUMENT
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "howto" / "any_json.en.md").read_text(encoding="utf-8")
TOPICS = {
    "Tasmota": "tele/soil1/SENSOR",
    "Zigbee2MQTT": "zigbee2mqtt/soil1",
    "Home Assistant": "homeassistant/sensor/soil_temp_10cm/state",
}
Row = tuple[str, int | None, float]


def blocks(title: str) -> tuple[str, str]:
    """The message and the station file of a section."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    message, table = (re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL) for kind in ("json", "toml"))
    return message[0].strip(), table[0]


def decoder_of(folder: Path, title: str, *, heard: bool = False, **replaced: str) -> Decoder:
    table = blocks(title)[1]
    for old, new in replaced.items():
        table = re.sub(rf"^{old} = .*$", f'{old} = "{new}"', table, flags=re.MULTILINE)
    address = 'address = "soil1"' if title == "Zigbee2MQTT" else ""
    row = INSTRUMENT.format(serial="S1", more=address, position="d10").replace("2026-01-01", "2018-01-01")
    file = folder / "station.toml"
    file.write_text(f"{HEAD}{table}{row}", encoding="utf-8")
    return Decoder(load_station(file).deployments, "any", "boot", Heard() if heard else None)


def read(decoder: Decoder, title: str, payload: str, **how: Any) -> tuple[list[Row], list[str]]:
    said = [Said(payload.encode(), AT_US + 60_000_000, 0, TOPICS[title])]
    found = decoder.batch(said, **{"trusted": True, **how})
    return [(one.channel, one.device_us, one.raw) for one in found.samples], [  # type: ignore[misc]
        str(one.reason) for one in found.refusals
    ]


@pytest.mark.parametrize(
    ("title", "rows"),
    [
        ("Tasmota", [("soil_temperature", AT_US, 12.8), ("co2", AT_US, 1530.0)]),
        ("Zigbee2MQTT", [("soil_temperature", AT_US, 12.8), ("soil_water", AT_US, 0.25)]),
        ("Home Assistant", [("soil_temperature", None, 12.8)]),
    ],
)  # 2026-11-29T10:00+08:00 and 1795917600 s are AT_US: date -u -d @1795917600
def test_an_example_of_the_page(tmp_path: Path, title: str, rows: list[Row]) -> None:
    assert read(decoder_of(tmp_path, title), title, blocks(title)[0]) == (rows, [])


def test_tasmota_says_fahrenheit_and_no_answer(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, "Tasmota")
    gas = '"MHZ19B":{"Model":"B","CarbonDioxide":424,"Temperature":19.0}'
    head = '{"Time":"2025-05-09T11:41:50"'
    at_us = 1_746_762_110_000_000  # date -u -d 2025-05-09T11:41:50+08:00 +%s
    rows, reasons = read(decoder, "Tasmota", f'{head},{gas},"TempUnit":"C"}}')  # a DS18B20 that is not valid
    assert rows == [("co2", at_us, 424.0)]
    assert ["DS18B20.Temperature" in one and "not in the message" in one for one in reasons] == [True]
    probe = '"DS18B20":{"Id":"0316B5B3C7FF","Temperature":53.6}'
    rows, reasons = read(decoder, "Tasmota", f'{head},{probe},{gas},"TempUnit":"F"}}')  # SetOption8 1
    assert rows == [("soil_temperature", at_us, pytest.approx(12.0)), ("co2", at_us, 424.0)]
    assert reasons == []


def test_the_example_flags_the_0_ppm_of_a_mhz19_that_does_not_answer(tmp_path: Path) -> None:
    decoder_of(tmp_path, "Tasmota")
    (limits,) = load_station(tmp_path / "station.toml").file.quality.limits
    assert limits.variable == "co2"
    assert limits.lower is not None
    assert 0 < limits.lower < 400


ZIGBEE = (
    '{"battery_state":"middle","humidity":67,"illuminance":5,"last_seen":%s,"linkquality":131,"soil_calibration":0,'
    '"soil_moisture":42,"soil_sampling":"","soil_warning":false,"temperature":23.2,"water_warning":"none"}'
)


@pytest.mark.parametrize(
    ("form", "said"),
    [("iso", '"2026-01-22T15:53:02+11:00"'), ("iso", '"2026-01-22T04:53:02.000Z"'), ("ms", "1769057582000")],
)  # date -u -d 2026-01-22T15:53:02+11:00 +%s
def test_zigbee2mqtt_says_when_a_device_was_heard(tmp_path: Path, form: str, said: str) -> None:
    rows, reasons = read(
        decoder_of(tmp_path, "Zigbee2MQTT", time_format=form), "Zigbee2MQTT", ZIGBEE.replace("%s", said)
    )
    at_us = 1_769_057_582_000_000
    assert rows == [("soil_temperature", at_us, 23.2), ("soil_water", at_us, 0.42)]
    assert reasons == []


def test_zigbee2mqtt_without_its_cache_sends_what_changed(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, "Zigbee2MQTT")
    payload = '{"last_seen":1795917600000,"linkquality":134,"soil_moisture":25}'
    assert read(decoder, "Zigbee2MQTT", payload) == ([("soil_water", AT_US, 0.25)], [])
    assert read(decoder, "Zigbee2MQTT", '{"last_seen":1795917600000,"linkquality":134}') == ([], [])


@pytest.mark.parametrize("word", ["unavailable", "unknown", "on", ""])
def test_home_assistant_has_words_for_no_number(tmp_path: Path, word: str) -> None:
    rows, reasons = read(decoder_of(tmp_path, "Home Assistant"), "Home Assistant", word)
    assert (rows, len(reasons)) == ([], 1)


def test_what_home_assistant_had_retained_is_parked_once(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, "Home Assistant", heard=True)
    said = [read(decoder, "Home Assistant", "12.8", retained=True) for _ in range(3)]
    assert [rows for rows, _ in said] == [[], [], []]
    assert [len(reasons) for _, reasons in said] == [1, 0, 0]
