"""JSON of any layout: what a mapping makes of it, and what a bad value costs."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.drivers.mqtt_json import DRIVER
from soilco2.ingest.protocols.json_mapping_decode import MOST_ELEMENTS, Decoder, Said
from soilco2.ingest.protocols.json_object import RefusedError
from soilco2.ingest.protocols.json_values import parse_json
from soilco2.station_config.json_path import path_of, places
from soilco2.station_config.loader import load_station

HEAD = """
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[mqtt]
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[profile.position]]
id = "d30"
depth_m = 0.30
"""
INSTRUMENT = """
[[instrument]]
id = "soil-{serial}"
model = "soilco2-node"
serial = "{serial}"
connection = "any"
interval = "10min"
{more}
channels = ["soil_temperature", "soil_water", "co2"]
[[instrument.installation]]
position = "p1/{position}"
from = 2026-01-01
"""
AT_US = 1_795_917_600_000_000
"""2026-11-29T02:00:00Z."""


def decoder_of(folder: Path, connection: str, *instruments: str) -> Decoder:
    file = folder / "station.toml"
    rows = instruments or (INSTRUMENT.format(serial="S1", more="", position="d10"),)
    file.write_text(HEAD + f'[[connection]]\nid = "any"\n{connection}' + "".join(rows), encoding="utf-8")
    return Decoder(load_station(file).deployments, "any", "boot")


def rows_of(decoder: Decoder, payload: str, topic: str = "t", **how: bool) -> list[tuple[Any, ...]]:
    found = decoder.batch([Said(payload.encode(), AT_US, 0, topic)], **{"trusted": True, **how})
    return [(one.serial, one.channel, one.time_us, one.raw, one.status) for one in found.samples]


PLAIN = """kind = "mqtt-json"
topic = "t"
time = "at"
time_format = "s"
[[connection.reading]]
path = "t"
serial = "S1"
channel = "soil_temperature"
[[connection.reading]]
path = "w"
serial = "S1"
channel = "soil_water"
unit = "%"
"""


@pytest.mark.parametrize(
    "bad", ["nan", "NaN", "-nan", "null", "Infinity", "1e999", '"n/a"', "true", '"21.5"', "[1]"]
)
def test_a_value_that_is_none_costs_its_own_reading(tmp_path: Path, bad: str) -> None:
    decoder = decoder_of(tmp_path, PLAIN)
    payload = '{"at":1795917600,"t":%s,"w":25}' % bad  # noqa: UP031
    found = decoder.batch([Said(payload.encode(), AT_US, 0)], trusted=True)
    assert [(one.channel, one.raw) for one in found.samples] == [("soil_water", 0.25)]
    assert [(one.readings, one.payload) for one in found.refusals] == [(1, payload.encode())]
    assert "soil_temperature" in found.refusals[0].reason


def test_a_missing_value_is_parked_unless_it_is_optional(tmp_path: Path) -> None:
    payload = [Said(b'{"at":1795917600,"w":25}', AT_US, 0)]
    found = decoder_of(tmp_path, PLAIN).batch(payload, trusted=True)
    assert (len(found.samples), [one.readings for one in found.refusals]) == (1, [1])
    table = PLAIN.replace('path = "t"', 'path = "t"\noptional = true')
    found = decoder_of(tmp_path, table).batch(payload, trusted=True)
    assert (len(found.samples), found.refusals) == (1, [])


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("s", "1795917600"), ("s", "1795917600.0"), ("ms", "1795917600000"), ("us", "1795917600000000"),
        ("iso", '"2026-11-29T02:00:00Z"'), ("iso", '"2026-11-29T10:00:00+08:00"'), ("iso", '"2026-11-29T10:00:00"'),
        ("iso", '"2026-11-29 10:00:00.000000"'),
    ],
)  # fmt: skip
def test_times_as_the_station_file_says_them(tmp_path: Path, form: str, said: str) -> None:
    table = PLAIN.replace('"s"', f'"{form}"\ntimezone = "UTC+08:00"')
    rows = rows_of(decoder_of(tmp_path, table), '{"at":%s,"t":1,"w":25}' % said)  # noqa: UP031
    assert [row[2] for row in rows] == [AT_US, AT_US]


@pytest.mark.parametrize(
    ("form", "said", "why"),
    [
        ("ms", "1795917600", "before the station"), ("s", "1795917600000", "no time since 1970"),
        ("s", "true", "number"),
        ("iso", '"2026-11-29T10:00:00"', "names no zone"), ("iso", '"2026-02-30T00:00:00Z"', "expected"),
        ("iso", '"2026-11-30T02:00:00Z"', "ahead"), ("iso", "null", "expected"),
        ("s", '"1795917600"', "numbers_as_text"),
    ],
)  # fmt: skip
def test_times_that_are_none_are_parked(tmp_path: Path, form: str, said: str, why: str) -> None:
    decoder = decoder_of(tmp_path, PLAIN.replace('"s"', f'"{form}"'))
    payload = ('{"at":%s,"t":1,"w":25}' % said).encode()  # noqa: UP031
    found = decoder.batch([Said(payload, AT_US, 0)], trusted=True)
    assert found.samples == []
    assert [one.readings for one in found.refusals] == [2]
    assert why in found.refusals[0].reason


def test_without_a_time_it_was_measured_when_it_came(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, PLAIN.replace('time = "at"\n', ""))
    assert [row[2] for row in rows_of(decoder, '{"t":1,"w":25}')] == [AT_US, AT_US]
    assert [row[2] for row in rows_of(decoder, '{"t":1,"w":25}', trusted=False)] == [None, None]
    assert rows_of(decoder, '{"t":1,"w":25}', retained=True) == []


def test_a_device_is_known_by_its_topic_and_a_parked_message_keeps_it(tmp_path: Path) -> None:
    table = PLAIN.replace('topic = "t"', 'topic = "soil/+"\ndevice_level = 2').replace('serial = "S1"\n', "")
    some = [
        INSTRUMENT.format(serial=f"S{n}", more=f'address = "probe {n}"', position=position)
        for n, position in ((1, "d10"), (2, "d30"))
    ]
    decoder = decoder_of(tmp_path, table, *some)
    good = '{"at":1795917600,"t":1,"w":25}'
    assert {row[0] for row in rows_of(decoder, good, "soil/probe 2")} == {"S2"}
    bad = Said(b'{"at":1795917600,"t":nan,"w":25}', AT_US, 0, "soil/probe 1")
    refusal = decoder.batch([bad], trusted=True).refusals[0]
    again = decoder.batch([Said(refusal.payload.replace(b"nan", b"2"), AT_US, 0)], trusted=True)
    assert [(one.serial, one.raw) for one in again.samples] == [("S1", 2.0), ("S1", 0.25)]


def test_devices_of_others_are_counted_and_the_first_message_of_each_is_parked(tmp_path: Path) -> None:
    decoder = decoder_of(
        tmp_path, PLAIN.replace('"s"', '"s"\ndevice = "id"').replace("path =", 'device = "A"\npath =')
    )
    decoder._heard = object()  # type: ignore[assignment]
    said = [Said(b'{"id":"B","t":1}', AT_US, 0)] * 3
    found = decoder.batch(said, trusted=True)
    assert len(found.refusals) == 1
    assert found.further == {"foreign": 3, "in": 2, "rejected": 2}
    assert decoder.status() == {"foreign": {"B": 3}}


def test_a_fault_code_says_that_a_value_is_none_whatever_it_says(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, PLAIN.replace('"s"', '"s"\nerror_code = "e"'))
    rows = rows_of(decoder, '{"at":1795917600,"t":-9999.0,"w":25,"e":134}')
    assert [row[3:] for row in rows] == [(None, "error_code=134"), (None, "error_code=134")]
    assert [row[3] for row in rows_of(decoder, '{"at":1795917600,"t":1,"w":25,"e":0}')] == [1.0, 0.25]
    assert rows_of(decoder, '{"at":1795917600,"t":1,"w":25}') == []  # a code that is not told is no good news


@pytest.mark.parametrize(
    "text", ["", ".", "a.", "a..b", "a[", "a[x]", "a[0]b", "[]", "a'b", "$a", "x" * 201, "a" + ".a" * 16]
)
def test_a_path_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="path such as"):
        path_of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", [1]), ("$.a.b", [1]), ("a['b']", [1]), ('["a"]["b"]', [1]), ("l[0]", [2]), ("l[-1]", [3]), ("l[5]", []),
        ("l[*]", [2, 3]), ("l.*", [2, 3]), ("a.b.c", []), ("l.b", []), ("$", [{"a": {"b": 1}, "l": [2, 3]}]),
        ("a[0]", []),
    ],
)  # fmt: skip
def test_places(text: str, expected: list[Any]) -> None:
    assert list(places(path_of(text), {"a": {"b": 1}, "l": [2, 3]})) == expected


def test_text_is_left_alone_where_words_for_no_number_are_mended() -> None:
    assert parse_json(b'{"a \\"nan": "inf, nan", "b": [nan]}')['a "nan'] == "inf, nan"
    with pytest.raises(RefusedError, match="not JSON"):
        parse_json(b'{"banana": banana}')


EACH = """kind = "mqtt-json"
topic = "t"
each = "data[*]"
time = "at"
time_format = "s"
[[connection.reading]]
path = "v"
where = { name = "soil", port = 1 }
serial = "S1"
channel = "soil_temperature"
unit_path = "unit"
[[connection.reading]]
path = "v"
where = { name = "gas" }
serial = "S1"
channel = "co2"
"""


def element(at_s: int, value: Any, name: str = "soil", port: Any = 1, **more: Any) -> dict[str, Any]:
    return {"at": 1795917600 + at_s, "name": name, "port": port, "v": value, "unit": "°C", **more}


def of_elements(decoder: Decoder, *elements: Any) -> Any:
    payload = json.dumps({"data": elements}).encode()
    return decoder.batch([Said(payload, AT_US, 0)], trusted=True)


def test_each_element_is_a_reading_with_its_own_time_and_a_bad_one_costs_itself(tmp_path: Path) -> None:
    elements = [element(-120, 1.5), element(-60, math.nan), 7, element(0, 2.5), element(0, 400.0, "gas")]
    found = of_elements(decoder_of(tmp_path, EACH), *elements)
    assert [(one.channel, one.time_us, one.raw) for one in found.samples] == [
        ("soil_temperature", AT_US - 120_000_000, 1.5),
        ("soil_temperature", AT_US, 2.5),
        ("co2", AT_US, 400.0),
    ]
    assert [(one.readings, one.time_us) for one in found.refusals] == [(1, AT_US - 60_000_000)]
    assert "a number is expected" in found.refusals[0].reason


def test_a_list_without_elements_is_no_fault_and_one_that_is_not_there_is(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, EACH)
    assert of_elements(decoder) == ([], [], [], Counter(), [], Counter(), [])
    for payload in (b'{"rows":[]}', b'{"data":null}', b'{"data":5}'):
        found = decoder.batch([Said(payload, AT_US, 0)], trusted=True)
        assert "each: nothing stands at data[*]" in found.refusals[0].reason


def test_a_list_of_more_elements_than_are_looked_at_is_parked_as_a_whole(tmp_path: Path) -> None:
    table = EACH.replace("data[*]", "$[*]")
    decoder = decoder_of(tmp_path, table)
    found = decoder.batch([Said(b"[%s7]" % (b"7," * MOST_ELEMENTS), AT_US, 0)], trusted=True)
    assert (found.samples, len(found.refusals)) == ([], 1)
    assert str(MOST_ELEMENTS + 1) in found.refusals[0].reason


@pytest.mark.parametrize("port", [True, "1", None, 2])
def test_a_row_is_for_the_elements_that_say_all_that_it_wants(tmp_path: Path, port: Any) -> None:
    decoder = decoder_of(tmp_path, EACH)
    found = of_elements(decoder, element(0, 1.5), element(0, 9.0, port=port), element(0, 9.0, "soil2"))
    assert [one.raw for one in found.samples] == [1.5]
    assert found.refusals == []


@pytest.mark.parametrize(
    ("unit", "raw"),
    [("°C", 53.6), ("C", 53.6), ("°F", 12.0), ("F", 12.0), ("K", 53.6 - 273.15)],
    # 53.6 °F are (53.6 - 32) · 5/9 = 12 °C
)
def test_a_message_says_its_unit(tmp_path: Path, unit: str, raw: float) -> None:
    found = of_elements(decoder_of(tmp_path, EACH), element(0, 53.6, unit=unit))
    assert [one.raw for one in found.samples] == [pytest.approx(raw, abs=1e-9)]


@pytest.mark.parametrize("unit", ["ppm", "", None, 1, "x" * 10_000, ["C"]])
def test_a_unit_that_is_none_of_the_variable_is_parked_and_no_number_is_made_of_it(
    tmp_path: Path, unit: Any
) -> None:
    decoder = decoder_of(tmp_path, EACH)
    found = of_elements(decoder, element(0, 53.6, unit=unit), element(0, 400.0, "gas"))
    assert [one.channel for one in found.samples] == ["co2"]
    assert "unit: 'degC' is expected" in found.refusals[0].reason
    assert len(found.refusals[0].reason) < 300


def test_a_message_without_the_unit_is_parked(tmp_path: Path) -> None:
    bare = element(0, 53.6)
    del bare["unit"]
    found = of_elements(decoder_of(tmp_path, EACH), bare)
    assert found.samples == []
    assert "unit: 'degC' is expected, found none" in found.refusals[0].reason


def test_what_was_parked_is_taken_once_the_mapping_fits(tmp_path: Path) -> None:
    table = PLAIN.replace('topic = "t"', 'topic = "soil/+"\ndevice_level = 2').replace('serial = "S1"\n', "")
    row = INSTRUMENT.format(serial="S1", more='address = "a"', position="d10")
    bad = Said(b'{"at":1795917600,"t":"21.5","w":25}', AT_US, 0, "soil/a")
    (refusal,) = decoder_of(tmp_path, table, row).batch([bad], trusted=True).refusals
    still = DRIVER.retry(load_station(tmp_path / "station.toml"), "any", refusal.payload, AT_US)
    assert [one.channel for one in still.samples] == ["soil_water"]  # it was kept before, and is known
    assert len(still.parked) == 1
    decoder_of(tmp_path, table.replace('"s"', '"s"\nnumbers_as_text = true'), row)
    batch = DRIVER.retry(load_station(tmp_path / "station.toml"), "any", refusal.payload, AT_US)
    assert {(one.serial, one.channel, one.time_us, one.raw) for one in batch.samples} == {
        ("S1", "soil_temperature", AT_US, 21.5), ("S1", "soil_water", AT_US, 0.25),
    }  # fmt: skip
    assert batch.parked == []
