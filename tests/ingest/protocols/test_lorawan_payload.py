"""Payloads of LoRaWAN devices as the catalogue lays them out: makers' frames, and ours where makers are wrong."""

from __future__ import annotations

from typing import cast

import pytest

from soilco2.ingest.protocols.lorawan_payload import found_in, payload_of, split
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.connections.lorawan_model import LorawanModel, number_at
from tests.ingest.protocols.lorawan_frames import FRAMES, Frame

MODELS = {name: model for name, model in load_catalogue().items() if isinstance(model, LorawanModel)}


def read(model: LorawanModel, port: int, data: bytes) -> dict[str, float | None]:
    """Readings in the unit of the channel; None where the device says that it has none."""
    parts, _ = split(model, port, data)
    found: dict[str, float | None] = {}
    for part in parts:
        for spec in model.used():
            decode = model.decoder(spec)
            try:
                raw = decode(part.record.id.encode() + b":" + part.data) if decode else float("nan")
            except IndexError:  # not in this record
                continue
            nothing = raw != raw or raw in spec.sentinels
            found[spec.id] = None if nothing else raw * spec.scale + spec.shift
    return found


def _numbers(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _without(values: dict[str, float | None]) -> list[str]:
    return [name for name, value in values.items() if value is None]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: f"{frame.model} {frame.hex}")
def test_a_frame_gives_what_is_right(frame: Frame) -> None:
    model, data = MODELS[frame.model], bytes.fromhex(frame.hex)
    parts, rest = split(model, frame.port, data)
    assert rest is None
    values = read(model, frame.port, data)
    assert {name for name, value in values.items() if value is None} == {
        n for n, v in frame.values.items() if v is None
    }
    numbers = {name: value for name, value in frame.values.items() if value is not None}
    assert {n: v for n, v in values.items() if v is not None} == pytest.approx(numbers, rel=1e-6, abs=1e-9)
    for name, value in frame.health.items():
        row = next(one for one in model.health if one.id == name)
        assert model.payload is not None
        told = [
            number_at(place, part.data, model.payload.order) * row.scale
            for place in row.at for part in parts if part.record.id == place.record
        ]  # fmt: skip
        assert told == pytest.approx([value])


def test_every_model_has_a_frame_and_most_frames_are_a_makers() -> None:
    with_bytes = {name for name, model in MODELS.items() if model.payload is not None}
    assert len(with_bytes) >= 12
    assert {frame.model for frame in FRAMES} == with_bytes
    assert {frame.kind for frame in FRAMES} == {"maker", "capture", "made"}


@pytest.mark.parametrize(
    ("model", "port", "text", "known", "why", "short"),
    [
        ("dragino-lse01", 2, "0CE4", {}, "has 11 bytes, not 2", True),
        ("dragino-lse01", 2, "0CE4010508340910012C", {}, "has 11 bytes, not 10", True),
        ("dragino-lse01", 42, "0CE4010508340910012C00", {}, "sends nothing known on port 42", False),
        ("milesight-em500-smtc", 86, "0367D500", {}, "sends nothing known on port 86", False),
        ("milesight-em500-smtc", 85, "0367D500057F3C", {"soil_temperature": 21.3}, "ec is cut off at byte 7", True),
        ("milesight-em500-smtc", 85, "0367D500FEAA00", {"soil_temperature": 21.3}, "from 5 on do: feaa00", False),
        ("milesight-em500-co2", 85, "057D8813077D010206737427", {"co2": 5000.0}, "from 5 on do: 077d0102", False),
        ("sensecap-s2105", 2, "01061034530000010710105E00", {"soil_temperature": 21.3}, "is cut off", True),
        ("decentlab-dl-trs12", 1, "0310D300020C80", {}, "begins with 02, not with 03", False),
        ("decentlab-dl-trs12", 1, "0210D300030C80", {}, "soil is cut off at byte 7", True),
        ("decentlab-dl-trs12", 1, "0210D300060C80", {}, "no record of flag 2", False),
        ("decentlab-dl-trs12", 1, "0210D300020C80FF", {}, "1 bytes are left over", False),
        ("decentlab-dl-trs12", 1, "0210", {}, "ends before its flags", True),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said_and_what_came_before_is_kept(
    model: str, port: int, text: str, known: dict[str, float], why: str, short: bool
) -> None:
    _, rest = split(MODELS[model], port, bytes.fromhex(text))
    assert rest is not None
    assert why in rest.why
    assert rest.short is short
    values = read(MODELS[model], port, bytes.fromhex(text))
    assert _numbers(values) == pytest.approx(known)


def test_raw_counts_are_no_readings() -> None:
    parts, rest = split(MODELS["dragino-lse01"], 2, bytes.fromhex("0CE4010508340910012C80"))
    assert rest is None
    assert [part.record.id for part in parts] == ["raw"]
    assert parts[0].record.refused is not None
    assert read(MODELS["dragino-lse01"], 2, bytes.fromhex("0CE4010508340910012C80")) == {}


def test_entries_of_a_log_are_read_one_by_one() -> None:
    entry = "0834FC18012C00{time}"  # 21.00 %, -10.00 degC, 300 µS/cm
    text = entry.format(time="6A0B4E00") + entry.format(time="6A0B5080")
    parts, rest = split(MODELS["dragino-se01-lb"], 3, bytes.fromhex(text))
    assert rest is None
    assert [part.record.id for part in parts] == ["log", "log"]
    assert parts[1].data == bytes.fromhex(entry.format(time="6A0B5080"))


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.payload is not None])
def test_what_a_simulated_device_sends_is_what_it_measured(name: str) -> None:
    model = MODELS[name]
    raws: dict[str, float | None] = {spec.id: float(40 + n) for n, spec in enumerate(model.used())}
    port, data = payload_of(model, raws)
    _, rest = split(model, port, data)
    assert rest is None
    values = read(model, port, data)
    for spec in model.used():
        assert values[spec.id] == pytest.approx(cast("float", raws[spec.id]) * spec.scale + spec.shift)


@pytest.mark.parametrize(
    ("decoded", "path", "value"),
    [
        ({"water_SOIL": "5.38"}, "water_SOIL", 5.38),  # Dragino's decoder makes text
        ({"a": {"value": 3}}, "a/value", 3.0),
        ({"messages": [[{"measurementId": "4102", "measurementValue": "-1.6"}]]},
         "messages/*/*/measurementId=4102/measurementValue", -1.6),
        ({"messages": [{"measurementId": 4103, "measurementValue": 24.08}]},
         "messages/*/measurementId=4103/measurementValue", 24.08),
        ({"a": None}, "a", None), ({"a": True}, "a", None), ({"a": "dry"}, "a", None), ([], "a", None), (7, "a", None),
    ],
)  # fmt: skip
def test_a_number_in_what_a_server_decoded_is_found(decoded: object, path: str, value: float | None) -> None:
    assert found_in(decoded, path) == value
