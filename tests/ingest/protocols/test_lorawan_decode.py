"""From uplinks to samples: values, times and whose clock they are by, doubles, gaps, what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.protocols.decoded import FOREIGN, Decoded, Gap, Jump
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.lorawan_decode import Decoder
from soilco2.ingest.simulate.lorawan import chirpstack_event, tts_event
from soilco2.station_config.loader import load_station

AT_US = 1_795_917_600_000_000
"""2026-11-29T02:00:00Z: date -u -d 2026-11-29T02:00:00Z +%s."""
SECOND_US = 1_000_000
EUI = "a84041fffe000010"
STATION = """\
[station]
id = "trial"
name = "Trial"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[[connection]]
id = "lora"
kind = "lorawan"
[mqtt]
host = "127.0.0.1"
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[instrument]]
id = "soil10"
model = "{model}"
serial = "S-010"
connection = "lora"
address = "A84041FFFE000010"
interval = "20min"
[[instrument.installation]]
position = "p1/d10"
from = 2025-01-01
"""
GOOD = bytes.fromhex("0CE4010508340910012C00")
"""LSE01: 21.00 %, 23.20 °C, 300 µS/cm, 3.3 V; the layout is that of its manual 2.3."""


class Line:
    """The decoder of a station with one device."""

    def __init__(self, folder: Path, model: str = "dragino-lse01", heard: Heard | None = None) -> None:
        path = folder / f"{model}.toml"
        path.write_text(STATION.format(model=model), encoding="utf-8")
        self.heard = Heard() if heard is None else heard
        self.decoder = Decoder(load_station(path).deployments, "lora", "boot", self.heard)

    def __call__(
        self, *messages: Any, trusted: bool = True, retained: bool = False, now_us: int = 0
    ) -> Decoded:
        rows = [
            (one if isinstance(one, bytes) else json.dumps(one).encode(), now_us or AT_US + 2 * SECOND_US, n)
            for n, one in enumerate(messages)
        ]
        return self.decoder.batch(rows, trusted=trusted, retained=retained)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def uplink(
    counter: int, data: bytes = GOOD, *, port: int = 2, at_us: int = AT_US, session: str = "01aa02bb",
    eui: str = EUI, decoded: object = None,
) -> dict[str, Any]:  # fmt: skip
    return chirpstack_event(eui, "lse01", at_us, session, counter, port, data, decoded)


def said(found: Decoded) -> dict[str, float | None]:
    return {row.channel: row.raw for row in found.samples}


RAW = {"soil_water": 2100.0, "soil_temperature": 2320.0, "bulk_ec": 300.0}


def test_an_uplink_gives_its_readings_with_the_bytes_and_the_clock(line: Line) -> None:
    found = line(uplink(412))
    assert said(found) == RAW
    for row in found.samples:
        assert (row.serial, row.time_us, row.device_us, row.status) == ("S-010", AT_US, AT_US, "clock=server")
        assert row.said == b"values:" + GOOD
        assert row.source == "lora"
    assert found.refusals == []
    link = line.decoder.status()["devices"]["S-010"]
    assert link == {
        "at_us": AT_US,
        "counter": 412,
        "gateways": 1,
        "rssi_dbm": -97,
        "snr_db": 6.5,
        "battery_voltage": 3.3,
    }


def test_the_things_stack_gives_the_same(line: Line) -> None:
    assert said(line(tts_event(EUI, "lse01", AT_US, "s", 412, 2, GOOD))) == RAW


def test_an_uplink_without_a_time_was_measured_when_it_came(line: Line) -> None:
    bare = uplink(1)
    del bare["time"]
    (row, *_) = line(bare).samples
    assert (row.time_us, row.device_us, row.status) == (AT_US + 2 * SECOND_US, None, "")
    assert line(bare | {"fCnt": 2}, trusted=False).samples[0].time_us is None
    found = line(bare | {"fCnt": 3}, retained=True)
    assert found.samples == []
    assert "nobody knows when it came" in found.refusals[0].reason


def test_a_double_is_known_by_device_counter_and_session(line: Line) -> None:
    late = uplink(412, at_us=AT_US + SECOND_US)  # another gateway's copy, another moment
    found = line(uplink(412), late, uplink(412, session="0b0b0b0b"))
    assert len(found.samples) == 6
    assert found.repeats == {"readings": 3}
    assert found.gaps == found.jumps == []


def test_a_double_is_known_after_a_new_start(tmp_path: Path) -> None:
    first = Line(tmp_path)
    first(uplink(412))
    again = Line(tmp_path, heard=Heard(first.heard.take_fresh()))
    found = again(uplink(412), uplink(413))
    assert (len(found.samples), found.repeats["readings"]) == (3, 3)


def test_lost_uplinks_are_told_and_a_rejoin_loses_nothing(line: Line) -> None:
    found = line(uplink(412), uplink(413), uplink(416), uplink(0, session="new"), uplink(1, session="new"))
    assert found.gaps == [Gap(EUI, 414, 415)]
    assert found.jumps == []
    assert len(found.samples) == 15


def test_a_device_that_counts_anew_in_its_session_is_told(line: Line) -> None:
    found = line(uplink(5000), uplink(0), uplink(1), uplink(0, at_us=AT_US + SECOND_US), uplink(90_000))
    assert found.gaps == []
    assert found.jumps == [Jump(EUI, 1, 90_000)]
    assert found.repeats == {"readings": 3}


SMTC = bytes.fromhex("20CE80A30B6B3C01D5008E0B")
"""EM500-SMTC: history of 1795924864 (2026-11-29T04:01:04Z): 316 µS/cm, 21.3 °C, 29.58 %."""


@pytest.mark.parametrize(("text", "seconds"), [("80A30B6B", 1_795_924_864), ("80A30BF6", 4_127_957_888)])
def test_history_keeps_its_own_time_past_2038_too(tmp_path: Path, text: str, seconds: int) -> None:
    line = Line(tmp_path, "milesight-em500-smtc")
    data = bytes.fromhex("0367D500" + "20CE" + text + "3C01D5008E0B")
    found = line(uplink(1, data, port=85), now_us=(seconds + 60) * SECOND_US)
    assert found.refusals == []
    live, *old = found.samples
    assert (live.channel, live.raw, live.time_us) == ("soil_temperature", 213.0, AT_US)
    assert {row.channel: row.raw for row in old} == {
        "soil_water": 2958.0,
        "soil_temperature": 213.0,
        "bulk_ec": 316.0,
    }
    assert {(row.time_us, row.status) for row in old} == {(seconds * SECOND_US, "clock=device")}


def test_a_history_record_by_a_clock_that_was_not_set_is_parked_and_the_rest_is_kept(tmp_path: Path) -> None:
    line = Line(tmp_path, "milesight-em500-smtc")
    found = line(uplink(1, bytes.fromhex("0367D500" + "20CE100000003C01D5008E0B"), port=85))
    assert said(found) == {"soil_temperature": 213.0}
    assert found.refusals[0].readings == 3
    assert "1970-01-01" in found.refusals[0].reason
    ahead = line(uplink(2, bytes.fromhex("20CE80A30BF63C01D5008E0B"), port=85))
    assert "ahead of the station's clock" in ahead.refusals[0].reason


def test_the_log_of_dragino_gives_every_entry(tmp_path: Path) -> None:
    line = Line(tmp_path, "dragino-se01-lb")
    entry = bytes.fromhex("0834FC18012C00")
    times = [AT_US // SECOND_US - 3600, AT_US // SECOND_US - 2400]
    found = line(uplink(7, b"".join(entry + at.to_bytes(4, "big") for at in times), port=3))
    assert [row.time_us for row in found.samples] == [at * SECOND_US for at in times for _ in range(3)]
    assert [row.raw for row in found.samples[:3]] == [2100.0, -1000.0, 300.0]


def test_an_unknown_type_keeps_what_came_before_and_parks_the_rest(tmp_path: Path) -> None:
    line = Line(tmp_path, "milesight-em500-co2")
    message = uplink(1, bytes.fromhex("057D8813077D010206737427"), port=85)
    found = line(message)
    assert said(found) == {"co2": 5000.0}
    (refusal,) = found.refusals
    assert "from 5 on do: 077d0102" in refusal.reason
    assert json.loads(refusal.payload) == message
    assert refusal.readings == 1


def test_half_a_number_is_none(tmp_path: Path) -> None:
    line = Line(tmp_path, "milesight-em500-smtc")
    found = line(uplink(1, bytes.fromhex("0367D500057F3C"), port=85, decoded={"ec": 60, "temperature": 21.3}))
    assert said(found) == {"soil_temperature": 213.0}
    assert "ec is cut off" in found.refusals[0].reason


def test_a_fault_code_is_no_number(tmp_path: Path) -> None:
    line = Line(tmp_path, "sensecap-s2105")
    data = bytes.fromhex("01061000943577" + "01071010 5E0000".replace(" ", "") + "0000")
    rows = {row.channel: (row.raw, row.status) for row in line(uplink(1, data)).samples}
    assert rows == {"soil_temperature": (None, "nan clock=server"), "soil_water": (24080.0, "clock=server")}


def test_raw_counts_are_parked_with_what_to_do(line: Line) -> None:
    found = line(uplink(1, bytes.fromhex("0CE4010508340910012C80")))
    assert found.samples == []
    assert "AT+MOD=0" in found.refusals[0].reason


def test_the_server_is_believed_where_the_bytes_are_not_known(line: Line) -> None:
    # the uplink of shared/cases 17: 12 bytes, which no LSE01 of the manual sends
    decoded = {
        "BatV": 3.374,
        "TempC_DS18B20": "0.00",
        "conduct_SOIL": 48,
        "temp_SOIL": "-1.62",
        "water_SOIL": "5.38",
    }
    found = line(uplink(412, bytes.fromhex("0D2E0111021A003000000010"), decoded=decoded))
    assert said(found) == {"soil_water": 538.0, "soil_temperature": -162.0, "bulk_ec": 48.0}
    assert {(row.status, row.said) for row in found.samples} == {("decoded=server clock=server", None)}
    assert line.decoder.status()["devices"]["S-010"]["battery_voltage"] == 3.374


def test_the_bytes_go_before_what_the_server_decoded(line: Line) -> None:
    found = line(uplink(1, bytes.fromhex("0CE47FFF0834FC18012C00"), decoded={"temp_SOIL": "-9.99"}))
    assert said(found)["soil_temperature"] == -1000.0


def test_a_short_frame_is_not_what_the_server_made_of_it(line: Line) -> None:
    found = line(uplink(1, bytes.fromhex("0CE4"), decoded={"water_SOIL": "0.00", "temp_SOIL": "0.00"}))
    assert found.samples == []
    assert "has 11 bytes, not 2" in found.refusals[0].reason


def test_a_device_that_only_the_server_decodes(tmp_path: Path) -> None:
    line = Line(tmp_path, "lorawan-decoded")
    found = line(uplink(1, b"\x01", decoded={"soil_water": 0.21, "battery_voltage": 3.1, "other": {}}))
    assert said(found) == {"soil_water": 0.21}
    assert line.decoder.status()["devices"]["S-010"]["battery_voltage"] == 3.1


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"fPort": 42}, "S-010: dragino-lse01 sends nothing known on port 42"),
        ({"data": "DOQB?"}, "data: at most 255 bytes in base64"),
        ({"data": "DOQBBQg0CRABLA=="}, "S-010: a payload of dragino-lse01 on port 2 has 11 bytes, not 10"),
        ({"deviceInfo": {"devEui": "a84041"}}, "devEui: 16 hexadecimal digits are expected"),
        ({"time": "2014-11-29T02:00:00Z"}, "is before the station was there"),
        ({"time": "2026-11-30T02:00:00Z"}, "ahead of the station's clock when it came"),
    ],
)
def test_bad_input_is_parked_whole_with_its_reason(line: Line, keys: dict[str, Any], why: str) -> None:
    message = uplink(1) | keys
    found = line(message)
    assert found.samples == []
    (refusal,) = found.refusals
    assert why in refusal.reason
    assert json.loads(refusal.payload) == message


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000, b"x" * 300_000, b'{"deviceInfo":7}']
)
def test_what_is_no_uplink_is_parked(line: Line, payload: bytes) -> None:
    found = line(payload, uplink(1))
    assert len(found.samples) == 3
    assert len(found.refusals) == 1


def test_uplinks_that_say_nothing_of_soil_are_no_readings_and_no_faults(line: Line) -> None:
    nothing = uplink(2)
    del nothing["data"]
    found = line(uplink(1, bytes.fromhex("26010100FF0CE4"), port=5), nothing, uplink(3, b"\x02", port=0))
    assert found == ([], [], [], Counter(), [], Counter(), [])


def test_a_flood_of_foreign_devices_is_counted_and_bounded(line: Line) -> None:
    found = line(*(uplink(n, eui=f"{n % 500:016x}") for n in range(1000)), uplink(1))
    assert len(found.samples) == 3
    assert len(found.refusals) == FOREIGN
    assert found.further == {"foreign": 1000, "in": 1000 - FOREIGN, "rejected": 1000 - FOREIGN}
    status = line.decoder.status()
    assert status["foreign"] == {f"{n:016x}": 2 for n in range(FOREIGN)}
    assert status["foreign_unnamed"] == 1000 - 2 * FOREIGN
    assert found.notes is not None
    assert "no instrument on this connection has this address" in found.notes[0][1]


def test_the_instrument_that_was_there_then_gets_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    later = STATION.format(model="dragino-lse01")[STATION.index("[[instrument]]") :]
    later = later.replace("soil10", "soil10b").replace("S-010", "S-011").replace("2025-01-01", "2026-11-01")
    text = STATION.format(model="dragino-lse01") + "until = 2026-10-01\n" + later
    path.write_text(text.replace("{model}", "dragino-lse01"), encoding="utf-8")
    decoder = Decoder(load_station(path).deployments, "lora", "boot")
    rows = [
        (json.dumps(uplink(n, at_us=at)).encode(), AT_US, 0)
        for n, at in enumerate((AT_US, AT_US - 90 * 86400 * SECOND_US))
    ]
    found = decoder.batch(rows, trusted=True)
    assert [row.serial for row in found.samples] == ["S-011"] * 3 + ["S-010"] * 3
