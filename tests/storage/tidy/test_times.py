"""Day and time of day remembered apart give what reading the whole gives, errors too."""

from __future__ import annotations

import random
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from soilco2.storage.tidy import times
from soilco2.storage.tidy.times import TimeParser, parse_time

DAYS = (
    "2026-03-29",
    "2024-02-29",
    "2026-02-29",
    "0001-01-01",
    "9999-12-31",
    "2026-W13-7",
    "20260329",
    "2026/3/29",
)
CLOCKS = (
    "T00:00:00Z", "T23:59:59.999999Z", " 02:30", "T02:30", "T02:30+08:00", " 02:30:15-0330", "T24:00Z", "T02:30:60Z",
    "T02Z", "T023000Z", "", "T00:00:00z", "T02:30Z ", "T12:00:00,5Z", "T02:30+99:00",
)  # fmt: skip


def said(parse: Callable[[str], int], text: str) -> int | str:
    try:
        return parse(text)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("zone", [None, ZoneInfo("Europe/Berlin")])
@pytest.mark.parametrize("remembered", [100_000, 2])
def test_remembering_parts_changes_no_time(
    monkeypatch: pytest.MonkeyPatch, zone: ZoneInfo | None, remembered: int
) -> None:
    monkeypatch.setattr(times, "_REMEMBERED", remembered)
    texts = [day + clock for day in DAYS for clock in CLOCKS] * 3
    random.Random(1).shuffle(texts)
    parser = TimeParser(zone)
    for text in texts:
        assert said(parser, text) == said(lambda one: parse_time(one, zone), text), text


@pytest.mark.parametrize("remembered", [100_000, 2])
def test_times_read_at_once_are_those_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(times, "_REMEMBERED", remembered)
    rng = random.Random(2)
    sound = [
        f"{day}T{hour:02}:{minute:02}:00{zone}"
        for day in ("2026-03-29", "2024-02-29")
        for hour in range(24)
        for minute in (0, 30)
        for zone in ("Z", "+08:00")
    ]
    parser = TimeParser(None)
    for _ in range(20):
        texts = rng.sample(sound, 40)
        found = parser.at_once(texts)
        assert found in (None, [parse_time(text, None) for text in texts])
        assert found is not None or remembered == 2


@pytest.mark.parametrize(
    "odd", ["2026-03-29 02:30", "0001-01-01T00:00:00+10:00", "29.3.2026", "2026-02-30T02:00:00Z"]
)
def test_a_time_that_needs_a_look_of_its_own_is_not_read_at_once(odd: str) -> None:
    """No zone, beyond what can be stored, another spelling, no such day."""
    parser = TimeParser(ZoneInfo("Europe/Berlin"))
    try:
        assert parser.at_once(["2026-03-29T02:00:00Z", odd]) is None
    except ValueError:
        assert isinstance(said(lambda one: parse_time(one, None), odd), str)
