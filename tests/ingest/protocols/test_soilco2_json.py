"""Messages: what is understood, what is refused and why, and that nothing is uncounted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soilco2.ingest.protocols.decoded import Decoded, Gap, Jump
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_object import KEPT_BYTES, MAX_BYTES
from soilco2.ingest.protocols.mqtt_message import Cut
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from tests.ingest.station import STATION, make_station
from tests.paths import ROOT

NOW = 1_793_500_000_000_000  # 2026-11-01T02:26:40Z
HOUR = 3_600_000_000
SCHEMA = json.loads((ROOT / "docs" / "reference" / "message.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def fresh(tmp_path: Path) -> Decoder:
    return Decoder(make_station(tmp_path).deployments, "field", "boot")


@pytest.fixture(scope="module")
def decoder_of_module(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    return Decoder(make_station(tmp_path_factory.mktemp("station")).deployments, "field", "boot")


def reading(**changes: Any) -> dict[str, Any]:
    row = {"serial": "N1", "channel": "co2", "time": "2026-11-01T02:00:00Z", "value": 812.5, "unit": "ppm"}
    return row | changes


def message(*readings: Any, **changes: Any) -> bytes:
    whole = {"node": "n", "sequence": 0, "station": STATION, "readings": list(readings)}
    return json.dumps(whole | changes).encode()


def decode(decoder: Decoder, *payloads: bytes, trusted: bool = True) -> Decoded:
    return decoder.batch([(payload, NOW, 77) for payload in payloads], trusted=trusted)


def test_a_reading_becomes_the_sample_it_says(fresh: Decoder) -> None:
    out = decode(fresh, message(reading(status="status=0x40")))
    (sample,) = out.samples
    assert sample._asdict() == {
        "serial": "N1",
        "channel": "co2",
        "time_us": 1_793_498_400_000_000,  # date -u -d 2026-11-01T02:00:00Z +%s
        "raw": 812.5,
        "status": "status=0x40",
        "device_us": 1_793_498_400_000_000,
        "arrival_us": NOW,
        "mono_us": 77,
        "boot_id": "boot",
        "source": "field",
        "said": None,  # the message carries the number itself
    }
    assert out.refusals == []


def test_what_the_encoder_writes_is_read_back(fresh: Decoder) -> None:
    rows = [
        Reading("N1", "co2", NOW - 1, 0.1 + 0.2, "ppm"),
        Reading("N1", "soil_water", NOW - HOUR, None, "m3/m3", "no answer"),
        Reading("N1", "soil_temperature", NOW, -0.0, "degC"),
    ]
    payload = encode_message(STATION, "node-1", 5, rows)
    jsonschema.validate(json.loads(payload), SCHEMA)
    out = decode(fresh, payload)
    assert [(s.serial, s.channel, s.time_us, s.raw, s.status) for s in out.samples] == [
        (r.serial, r.channel, r.time_us, r.value, r.status) for r in rows
    ]


def test_zero_is_a_number_and_null_is_none(fresh: Decoder) -> None:
    out = decode(fresh, message(reading(value=0), reading(value=None, channel="soil_water", unit="m3/m3")))
    assert [sample.raw for sample in out.samples] == [0.0, None]
    assert type(out.samples[0].raw) is float


BAD_READINGS = {
    "number as text": (reading(value="812.5"), "a number or null is expected, found '812.5'"),
    "true": (reading(value=True), "a number or null is expected, found True"),
    "list": (reading(value=[1]), "a number or null"),
    "1e400": (reading(value=10**400), "a number or null"),
    "unit": (reading(unit="hPa"), "unit: 'ppm' is expected, found 'hPa'"),
    "unit of another type": (reading(unit={"a": 1}), "unit"),
    "unknown serial": (reading(serial="N9"), "no instrument with this serial"),
    "other connection": (reading(serial="N2"), "another connection"),
    "unknown channel": (reading(channel="ph"), "no channel 'ph'"),
    "channel left out by the station file": (reading(channel="rain"), "no channel 'rain'"),
    "unhashable serial": (reading(serial=["N1"]), "text is expected"),
    "number as serial": (reading(serial=1), "text is expected"),
    "no object": (17, "an object is expected for each, found 17"),
    "none": (None, "an object is expected"),
    "no unit": ({k: v for k, v in reading().items() if k != "unit"}, "no key 'unit'"),
    "1970": (reading(time="1970-01-01T00:00:05Z"), "before the station was there"),
    "before the station": (reading(time="2019-12-30T00:00:00Z"), "before the station was there"),
    "future": (reading(time="2026-11-01T02:32:00Z"), "320 s ahead of the station's clock"),
    "far future": (reading(time="9999-12-31T23:59:59Z"), "ahead of"),
    "local time": (reading(time="2026-11-01T02:00:00"), "UTC such as"),
    "other zone": (reading(time="2026-11-01T02:00:00+08:00"), "UTC such as"),
    "30 February": (reading(time="2026-02-30T00:00:00Z"), "UTC such as"),
    "number as time": (reading(time=1793498400), "UTC such as"),
    "long status": (reading(status="x" * 201), "200 printable characters"),
    "half a surrogate": (reading(status="\ud800"), "200 printable characters"),
    "status is a number": (reading(status=0), "200 printable characters"),
}


@pytest.mark.parametrize("name", BAD_READINGS)
def test_one_bad_reading_does_not_take_the_good_ones_with_it(fresh: Decoder, name: str) -> None:
    bad, words = BAD_READINGS[name]
    out = decode(fresh, message(reading(), bad, reading(channel="soil_water", unit="m3/m3", value=0.1)))
    assert [sample.raw for sample in out.samples] == [812.5, 0.1]
    (refusal,) = out.refusals
    assert words in refusal.reason
    kept = json.loads(refusal.payload)  # a message of its own, to be tried again once the cause is mended
    assert kept["readings"] == [bad]
    assert kept["node"] == "n"


BAD_MESSAGES = {
    "empty": (b"", "not JSON"),
    "broken": (b'{"node": "n", "sequence": 1, "readings": [', "not JSON"),
    "two": (message(reading()) * 2, "not JSON"),
    "NaN": (message(reading()).replace(b"812.5", b"NaN"), "NaN is no number"),
    "Infinity": (message(reading()).replace(b"812.5", b"-Infinity"), "-Infinity is no number"),
    "not UTF-8": (b"\xff\xfe" + message(reading()), "not UTF-8"),
    "UTF-8 with BOM": (b"\xef\xbb\xbf" + message(reading()), "not JSON"),
    "a list": (b"[1]", "an object is expected"),
    "a number": (b"12.5", "an object is expected"),
    "deep": (b"[" * 100_000, "too deeply nested"),
    "long integer": (b"1" * 10_000, "not JSON"),
    "no node": (b'{"sequence": 1, "readings": []}', "no key 'node'"),
    "node is a number": (message(reading(), node=3), "node: a name is expected"),
    "node with a blank": (message(reading(), node="a b"), "node: a name is expected"),
    "sequence is text": (message(reading(), sequence="1"), "sequence"),
    "sequence is true": (message(reading(), sequence=True), "sequence"),
    "sequence below zero": (message(reading(), sequence=-1), "sequence"),
    "other station": (message(reading(), station="elsewhere"), "this is 'streamlet'"),
    "no readings": (message(), "1 to 1000"),
    "too many readings": (message(*[reading()] * 1001), "1 to 1000"),
    "readings is an object": (message(readings={}), "1 to 1000"),
    "1 MB": (message(reading(status="x" * 1_000_000)), "1000"),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_message_that_cannot_be_understood_is_kept_raw(fresh: Decoder, name: str) -> None:
    payload, words = BAD_MESSAGES[name]
    out = decode(fresh, message(reading()), payload, message(reading(value=1.0)))
    assert [sample.raw for sample in out.samples] == [812.5, 1.0]
    (refusal,) = out.refusals
    assert words in refusal.reason
    assert refusal.payload == payload
    assert refusal.arrival_us == NOW


def test_of_a_monstrous_message_the_beginning_is_kept(fresh: Decoder) -> None:
    (refusal,) = decode(fresh, b"x" * (KEPT_BYTES + 5)).refusals
    assert refusal.payload == b"x" * KEPT_BYTES
    assert str(MAX_BYTES) in refusal.reason


def test_of_a_message_that_was_cut_on_the_wire_the_true_size_is_told(fresh: Decoder) -> None:
    beginning = Cut(b"x" * (KEPT_BYTES + 5))
    beginning.whole = 5_000_000
    (refusal,) = decode(fresh, beginning).refusals
    assert refusal.reason == f"the message has 5000000 bytes, at most {MAX_BYTES} are allowed"
    assert type(refusal.payload) is bytes


def test_white_space_around_is_no_fault(fresh: Decoder) -> None:
    assert len(decode(fresh, b"\n " + message(reading()) + b" \r\n").samples) == 1


def test_without_a_trusted_clock_stamps_are_the_devices_own(fresh: Decoder) -> None:
    """The station's clock says 1970: the node's stamp is as good as its own clock, and none is made up."""
    payload = message(reading(), reading(time=None, value=1.0), reading(time="1970-01-01T00:00:00Z"))
    out = fresh.batch([(payload, 5_000_000, 77)], trusted=False)
    assert [sample.time_us for sample in out.samples] == [1_793_498_400_000_000, None]
    assert len(out.refusals) == 1


def test_a_node_without_clock_gets_the_time_of_arrival(fresh: Decoder) -> None:
    (sample,) = decode(fresh, message(reading(time=None))).samples
    assert (sample.time_us, sample.device_us) == (NOW, None)


def test_a_gap_in_the_numbers_of_a_node_is_told(fresh: Decoder) -> None:
    numbers = [3, 4, 4, 7, 5, 0, 1, 3]  # 5 comes late, 0 is a node that lost its memory
    out = decode(fresh, *(message(reading(), sequence=n) for n in numbers))
    assert out.gaps == [Gap("n", 5, 6), Gap("n", 2, 2)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
readings = st.one_of(
    st.fixed_dictionaries(
        {
            "serial": st.sampled_from(["N1", "N2", "N9"]) | json_values,
            "channel": st.sampled_from(["co2", "soil_water"]) | json_values,
            "time": st.sampled_from(["2026-11-01T02:00:00Z", "2026-11-01T02:00:00.5Z", "x"]) | json_values,
            "value": st.floats() | json_values,
            "unit": st.sampled_from(["ppm", "m3/m3"]) | json_values,
        },
        optional={"status": json_values},
    ),
    json_values,
)
messages = st.fixed_dictionaries(
    {"node": st.just("n") | json_values, "sequence": st.integers(0, 9) | json_values},
    optional={
        "readings": st.lists(readings, max_size=4) | json_values,
        "station": json_values,
        "x": json_values,
    },
)


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60) | messages.map(lambda m: json.dumps(m).encode()), max_size=5))
def test_whatever_comes_is_counted_once_and_nothing_is_raised(
    decoder_of_module: Decoder, payloads: list[bytes]
) -> None:
    expected = 0
    for payload in payloads:
        out = decode(decoder_of_module, payload)
        assert all(s.serial == "N1" and s.channel in ("co2", "soil_water") for s in out.samples)
        refused = sum(row.readings for row in out.refusals)
        assert len(out.refusals) <= 1
        assert all(len(row.payload) <= len(payload) for row in out.refusals)
        readings_in = len(json.loads(payload)["readings"]) if out.samples or refused > 1 else 1
        assert len(out.samples) + refused == readings_in
        expected += readings_in
    whole = decode(decoder_of_module, *payloads)
    assert len(whole.samples) + sum(row.readings for row in whole.refusals) == expected


def test_what_a_message_parks_is_no_longer_than_itself(fresh: Decoder) -> None:
    """A key that nobody reads, and a thousand readings that are refused: one entry, with the different reasons."""
    bad = [reading(serial=f"N{n}") for n in range(100, 600)] + [reading(value=None, unit="hPa")] * 499
    payload = message(*bad, reading(), ballast="é" * 10_000)
    (refusal,) = decode(fresh, payload).refusals
    assert len(refusal.payload) <= len(payload)
    assert refusal.readings == 999
    assert refusal.reason.startswith("999 readings: 'N100': the station file has no instrument")
    assert refusal.reason.endswith("further reasons: 496")  # 501 different ones, five are told
    assert json.loads(refusal.payload)["readings"] == bad
    again = decode(fresh, refusal.payload).refusals
    assert [row.readings for row in again] == [999]
    assert again[0].payload == refusal.payload


def test_a_node_whose_numbers_jump_has_lost_no_more_than_it_can_have_sent(fresh: Decoder) -> None:
    """A thousand at once, and ten a second since its last message; further it numbers anew, forwards or back."""
    rows = [(0, 7), (1, 1008), (2, 2010), (1002, 12_000), (1003, 9 * 10**15), (1004, 12_001), (1005, 12_003)]
    out = fresh.batch([(message(reading(), sequence=n), NOW, s * 10**6) for s, n in rows], trusted=True)
    assert out.gaps == [
        Gap("n", 8, 1007),
        Gap("n", 1009, 2009),
        Gap("n", 2011, 11_999),
        Gap("n", 12_002, 12_002),
    ]
    assert out.jumps == [Jump("n", 12_000, 9 * 10**15), Jump("n", 9 * 10**15, 12_001)]


def test_no_depth_of_nesting_stops_the_next_message(fresh: Decoder) -> None:
    """Deep enough to be read and too deep to be written again: refused, and kept as it came."""
    for depth in (*range(100, 900, 50), *range(900, 1010)):
        inner = b"[" * depth + b"]" * depth
        nested = b'{"node":"n","sequence":1,"readings":[{"serial":"nope","x":' + inner + b"}]}"
        out = decode(fresh, nested, message(reading()))
        assert len(out.refusals) == 1, depth
        assert len(out.samples) == 1, depth


# repeats without a clock


def hearing(tmp_path: Path, heard: Heard) -> Decoder:
    return Decoder(make_station(tmp_path).deployments, "field", "boot", heard)


def bare(**changes: Any) -> dict[str, Any]:
    return reading(time=None, **changes)


def test_a_message_without_a_clock_is_known_by_node_and_number(tmp_path: Path) -> None:
    heard = Heard()
    decoder = hearing(tmp_path, heard)
    out = decode(
        decoder, message(bare(), sequence=7), message(bare(), sequence=7), message(bare(), sequence=8)
    )
    assert (len(out.samples), out.repeats.total(), out.refusals) == (2, 1, [])
    out = decode(decoder, message(bare(), sequence=8, node="other"), message(bare(value=1.0), sequence=8))
    assert (len(out.samples), out.repeats.total()) == (2, 0), "another node's, and other readings"
    marks = heard.take_fresh()
    assert len(marks) == 4
    assert heard.take_fresh() == []
    again = hearing(tmp_path, Heard(marks))  # after a restart
    assert decode(again, message(bare(), sequence=7)).repeats.total() == 1


def test_of_a_repeat_what_has_a_time_goes_the_usual_way(tmp_path: Path) -> None:
    decoder = hearing(tmp_path, Heard())
    both = message(reading(), bare(channel="soil_water", value=0.2, unit="m3/m3"))
    assert [len(decode(decoder, both).samples) for _ in range(2)] == [2, 1]


def test_a_node_that_begins_again_says_something_new(tmp_path: Path) -> None:
    heard = Heard()
    decoder = hearing(tmp_path, heard)
    first = decode(decoder, *(message(bare(), sequence=n) for n in range(4)))
    second = decode(decoder, *(message(bare(), sequence=n) for n in range(4)))
    assert (len(first.samples), len(second.samples)) == (4, 4)
    again = hearing(tmp_path, Heard(heard.take_fresh()))
    assert decode(again, message(bare(), sequence=0)).repeats.total() == 1, "the run goes on after a restart"


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soilco2.ingest.protocols.heard.MOST", 3)
    decoder = hearing(tmp_path, Heard())
    decode(decoder, *(message(bare(), sequence=n) for n in range(1, 6)))
    assert decode(decoder, message(bare(), sequence=5)).repeats.total() == 1
    assert decode(decoder, message(bare(), sequence=1)).repeats.total() == 0, "the oldest is forgotten"


def test_a_retained_reading_needs_a_time_of_its_own(tmp_path: Path) -> None:
    decoder = hearing(tmp_path, Heard())
    payload = message(reading(), bare(channel="soil_water", value=0.2, unit="m3/m3"))
    for refused, repeats in ((1, 0), (0, 1)):
        out = decoder.batch([(payload, NOW, 77)], trusted=True, retained=True)
        assert len(out.samples) == 1, "the journal knows whether it had it"
        assert (len(out.refusals), out.repeats.total()) == (refused, repeats)
    for refused, repeats in ((1, 0), (0, 1)):
        out = decoder.batch([(b"{", NOW, 77)], trusted=True, retained=True)
        assert (len(out.refusals), out.repeats.total()) == (refused, repeats)
    out = decoder.batch([(message(reading(), sequence=9), NOW, 77)], trusted=True, retained=True)
    assert out.gaps == [], "what the broker kept is no gap"
