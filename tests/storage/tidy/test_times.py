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
