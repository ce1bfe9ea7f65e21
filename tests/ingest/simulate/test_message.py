"""The message of a node: by its schema, and what cannot be one."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.ingest.errors import MessageError
from soilco2.ingest.protocols.soilco2_json import MAX_READINGS, Reading, encode_message, iso_time
from soilco2.station_config.connections.mqtt import usual_topic
from tests.paths import ROOT

SCHEMA = json.loads((ROOT / "docs" / "reference" / "message.schema.json").read_text(encoding="utf-8"))
ONE = Reading("S1", "co2", 1_654_041_600_000_000, 677.81, "ppm")


def test_a_message_in_full() -> None:
    found = json.loads(
        encode_message("sjer", "node-3", 7, [ONE, ONE._replace(value=None, status="no value")])
    )
    jsonschema.validate(found, SCHEMA)
    assert found == {
        "node": "node-3",
        "sequence": 7,
        "station": "sjer",
        "readings": [
            {
                "serial": "S1",
                "channel": "co2",
                "time": "2022-06-01T00:00:00Z",
                "value": 677.81,
                "unit": "ppm",
            },
            {
                "serial": "S1",
                "channel": "co2",
                "time": "2022-06-01T00:00:00Z",
                "value": None,
                "unit": "ppm",
                "status": "no value",
            },
        ],
    }
    assert usual_topic("sjer") == "soilco2/sjer/data"


@given(
    st.lists(
        st.builds(
            Reading,
            st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True),
            st.just("co2"),
            st.none() | st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.text(max_size=32),
            st.text(max_size=200),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_message_is_by_the_schema_and_keeps_its_numbers(readings: list[Reading]) -> None:
    found = json.loads(encode_message("s", "n", 0, readings))
    jsonschema.validate(found, SCHEMA)
    assert [row["value"] for row in found["readings"]] == [row.value for row in readings]


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.5Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_709_164_800_000_000, "2024-02-29T00:00:00Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
    ],
)
def test_times(time_us: int, text: str) -> None:
    assert iso_time(time_us) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(MessageError, match=r"S1/co2: .* is no number"):
        encode_message("s", "n", 0, [ONE._replace(value=value)])


def test_too_few_and_too_many() -> None:
    for count in (0, MAX_READINGS + 1):
        with pytest.raises(MessageError, match=f"holds 1 to {MAX_READINGS} readings, not {count}"):
            encode_message("s", "n", 0, [ONE] * count)
    with pytest.raises(MessageError, match="is no time"):
        iso_time(10**18)
