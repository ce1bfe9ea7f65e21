"""Planned against achieved, on a journal with a gap, a silent clock and two thermometers at one depth.

Every expected number is counted by hand from what `_fill` writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from soilco2.documents.achieved import YEAR_US, Achieved, default_window, untrusted
from soilco2.documents.document import Grid, Paragraph, Points, Section
from soilco2.documents.errors import PlanError
from soilco2.documents.quality import quality_plan
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station
from soilco2.storage.journal.archive import open_journal, write_archive
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer
from tests.documents.stations import FULL, station

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_782_835_200_000_000  # 2026-07-01T00:00 in Shanghai: date -u -d 2026-06-30T16:00 +%s
TEXT = FULL.replace('path = "/var/lib/dune/journal.sqlite"\n', "")


@pytest.fixture
def yulin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    return station(tmp_path, TEXT)


def _fill(yulin: Station) -> None:
    """A day. Line bus1 is gone from 06:00 to 09:00; the thermometers at 30 cm differ by 0.2 and −0.4 in turn."""
    clock = [START]
    writer = Writer.open(yulin, now_us=lambda: clock[0])
    events = [
        (EventKind.START, "", START), (EventKind.CLOCK_UNTRUSTED, "boot", START + 2 * HOUR),
        (EventKind.CLOCK_SET, "boot", START + 3 * HOUR), (EventKind.PORT_GONE, "bus1", START + 6 * HOUR),
        (EventKind.PORT_BACK, "bus1", START + 9 * HOUR),
    ]  # fmt: skip
    for kind, subject, at in events:
        clock[0] = at
        writer.commit(events=[NewEvent(kind, subject, "", {}, at)])
    samples = []
    for number, at in enumerate(range(START, START + DAY, MINUTE)):
        if START + 6 * HOUR <= at < START + 9 * HOUR:
            continue
        # THC probes send tenths of a degree; 25 °C at a, 25.2 and 24.6 at b in turn, moving so that no line is flat
        base = 250 + number % 7
        other = base + (2 if number % 2 else -4)
        samples += [
            Sample("THC0002", "soil_temperature", at, base, "", None, at, at, "boot", "bus1"),
            Sample("THC0003", "soil_temperature", at, other, "", None, at, at, "boot", "bus1"),
        ]
    clock[0] = START + DAY
    writer.commit(samples)
    writer.close()


def _part(yulin: Station, lang: str = "en", until: int = START + DAY) -> Iterator[Section]:
    with open_journal(yulin) as reader:
        achieved = Achieved(yulin, reader, START, until, until)
        plan = quality_plan(yulin, lang, date(2026, 7, 2), achieved.write)
    chapter = next(s.number for s in plan.sections if s.title.startswith(("Second part", "第二部分")))
    return (section for section in plan.sections if section.number.startswith(f"{chapter}"))


def _said(section: Section) -> str:
    words: list[str] = []
    for block in section.blocks:
        if isinstance(block, Points):
            words += block.items
        elif isinstance(block, Paragraph):
            words.append(block.text)
    return "\n".join(words)


def _grid(section: Section) -> Grid:
    (found,) = [block for block in section.blocks if isinstance(block, Grid)]
    return found


def test_completeness_with_causes(yulin: Station) -> None:
    _fill(yulin)
    _, completeness, flags, overdue, clock, uncertainty = _part(yulin)
    rows = {row[0]: row[1:] for row in _grid(completeness).rows}
    # 1440 minutes, of them 180 without the line: 1260 / 1440 = 87.5 %, over the 85 % that the file asks for
    assert rows["p1/d30a\nsoil temperature"] == ("1440", "1260", "1260", "87.5 %", "yes", "bus 180")
    silent = rows["p1/d30a\nvolumetric water content"]
    # nothing came at all; the clock's hour, 02:00 to 03:00, goes before the line's three
    assert silent[:5] == ("1440", "0", "0", "0.0 %", "no")
    assert "bus 180" in silent[5]
    assert "clock 60" in silent[5]
    assert "2 of " in _said(completeness)

    for table in (
        _grid(completeness),
        _grid(flags),
    ):  # a year of minutes, 525 600, in 8.5 points and a cell's margins
        assert 17 / 2.54 * 72 * min(table.widths[1:4]) / sum(table.widths) >= 6 * 4.8 + 10.8
    counted = {row[0]: row[1:] for row in _grid(flags).rows}
    assert counted["p1/d30a\nsoil temperature"][:5] == ("1260", "0", "0", "0", "0")

    # the certificate is good to January 2027; nothing is overdue in July 2026
    assert "No calibration that was made here is overdue" in _said(overdue)
    assert "Not trusted 1 time(s), 1 h in all." in _said(clock)
    # differences 0.4 and −0.2 in turn: sqrt((0.16 + 0.04) / 2 / 2) = 0.2236, mean 0.1
    assert "0.224 °C" in _said(uncertainty)
    assert "1260 pairs; mean difference 0.1 °C" in _said(uncertainty)
    assert "No uncertainty for" in _said(uncertainty)


def test_what_is_overdue_is_named_with_its_days(yulin: Station, tmp_path: Path) -> None:
    text = TEXT.replace("due = 2027-01-15", "due = 2026-06-21").replace("valid_until = 2027-02-20\n", "")
    old = station(tmp_path, text)
    _fill(old)
    *_, overdue, _, _ = _part(old, "zh")
    # from 2026-06-21T00:00 to 2026-07-02T00:00: 11 days
    assert _grid(overdue).rows[0][1:] == ("NIM-2026-0415", "2026-06-21", "11")


def test_a_journal_without_a_collector_says_nothing_of_a_clock(yulin: Station) -> None:
    with Writer.open(yulin, now_us=lambda: START + DAY) as writer:
        at = START + HOUR
        writer.commit([Sample("THC0002", "soil_temperature", at, 250, "", None, at, at, "boot", "file")])
    *_, clock, _ = _part(yulin)
    assert "No collector ran on this journal" in _said(clock)


def test_an_empty_window_is_refused_with_the_way_out(yulin: Station) -> None:
    _fill(yulin)
    early = START - 900 * DAY
    with open_journal(yulin) as reader, pytest.raises(PlanError, match="choose another with --from and --to"):
        Achieved(yulin, reader, early, early + DAY, START)


def test_the_journal_of_another_station_is_refused(yulin: Station, tmp_path: Path) -> None:
    _fill(yulin)
    journal = yulin.journal_path
    other = station(
        tmp_path,
        TEXT.replace('id = "yulin"', 'id = "other"', 1).replace(
            "[journal]", f'[journal]\npath = "{journal}"'
        ),
    )
    with open_journal(other) as reader, pytest.raises(PlanError, match="journal of yulin"):
        Achieved(other, reader, START, START + DAY, START + DAY)


def test_the_window_is_the_last_year_or_the_year_up_to_the_newest_value(yulin: Station) -> None:
    _fill(yulin)
    last = START + DAY - MINUTE
    with open_journal(yulin) as reader:
        assert default_window(reader, START + 2 * DAY) == (START, START + 2 * DAY)
        assert default_window(reader, last + 2 * YEAR_US) == (START, START + DAY)


def test_time_under_an_untrusted_clock() -> None:
    class At:
        def __init__(self, kind: EventKind, time_us: int) -> None:
            self.kind, self.time_us = kind, time_us

    events = [
        At(EventKind.START, 0), At(EventKind.CLOCK_UNTRUSTED, 10), At(EventKind.CLOCK_UNTRUSTED, 12),
        At(EventKind.CLOCK_SET, 15), At(EventKind.CLOCK_UNTRUSTED, 20), At(EventKind.START, 50),
        At(EventKind.CLOCK_UNTRUSTED, 90),
    ]  # fmt: skip
    assert untrusted(events, 100) == [5, 30, 10]  # type: ignore[arg-type]


def test_what_is_in_an_archive_only_counts_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    yulin = station(tmp_path, TEXT.replace('archive_folder = "/var/lib/dune/archive"\n', ""))
    _fill(yulin)
    assert write_archive(yulin, START, START + 12 * HOUR) is not None
    with closing(sqlite3.connect(yulin.journal_path)) as database, database:
        database.execute("DELETE FROM observation WHERE time_us < ?", (START + 12 * HOUR,))
    _, completeness, flags, *_, uncertainty = _part(yulin)
    assert "1260 pairs; mean difference 0.1 °C" in _said(uncertainty)
    rows = {row[0]: row[1:] for row in _grid(completeness).rows}
    assert rows["p1/d30a\nsoil temperature"][:3] == ("1440", "1260", "1260")
    counted = {row[0]: row[1:] for row in _grid(flags).rows}
    assert counted["p1/d30a\nsoil temperature"][0] == "1260"
