"""What should have come, what came, what is usable, day by day, and why the rest is missing.

Expected is what the station file says: one value per interval while a channel is installed. Each gap is put down
to what the journal's own events say of its time; what they do not explain stays unexplained.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from soilco2.quality.records import SeriesKey
from soilco2.station_config.base import moment_us
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.deployments import import_channel
from soilco2.station_config.loader import Station
from soilco2.station_config.times import iso
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Event
from soilco2.storage.journal.schema import EventKind

CAUSES = (
    "no value",
    "collector down",
    "journal full",
    "clock",
    "bus",
    "broker",
    "device silent",
    "rejected",
    "unexplained",
)
"""In this order a slot is put down to the first that holds at its time."""

_FOREVER = 2**62
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of expected values that did not come, and why.

    Parameters
    ----------
    start_us, end_us : int
        From (inclusive) and to (exclusive) [µs UTC].
    cause : str
        One of `CAUSES`.
    count : int
        Expected values in it.
    """

    start_us: int
    end_us: int
    cause: str
    count: int


@dataclass(slots=True)
class Day:
    """One series on one local day.

    Parameters
    ----------
    key : SeriesKey
    day : date
        In the station's time zone.
    expected : int
        Slots of the interval while the channel was installed.
    received : int
        Readings that came, with or without a number, from an instrument or by import.
    stored : int
        Values kept with a number.
    usable : int
        Of these, flagged good or not evaluated.
    gaps : list of Gap
        Oldest first.
    """

    key: SeriesKey
    day: date
    expected: int = 0
    received: int = 0
    stored: int = 0
    usable: int = 0
    gaps: list[Gap] = field(default_factory=list)

    def causes(self) -> dict[str, int]:
        """Missing values by cause."""
        found: dict[str, int] = {}
        for gap in self.gaps:
            found[gap.cause] = found.get(gap.cause, 0) + gap.count
        return found

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "series": str(self.key),
            "day": self.day.isoformat(),
            "expected": self.expected,
            "received": self.received,
            "stored": self.stored,
            "usable": self.usable,
            "causes": self.causes(),
            "gaps": [
                {"from": iso(gap.start_us), "to": iso(gap.end_us), "cause": gap.cause, "count": gap.count}
                for gap in self.gaps
            ],
        }


def completeness(
    station: Station, journal: JournalReader, start_us: int, end_us: int, now_us: int
) -> Iterator[Day]:
    """Completeness of every series the station file expects, by series and local day.

    Parameters
    ----------
    station : Station
    journal : JournalReader
    start_us, end_us : int
        From (inclusive) and to (exclusive) [µs UTC].
    now_us : int
        Nothing is expected after this [µs UTC].
    """
    deployments = station.deployments
    reasons = _Reasons(station, journal, start_us, end_us, now_us)
    days = list(local_days(start_us, min(end_us, now_us), deployments.zone))
    for series in deployments.series():
        key = SeriesKey(*series)
        period = deployments.period_s(key)
        if not period:
            continue
        step = round(period * 1e6)
        derived = key in deployments.derived
        spans = [
            (max(since, start_us), min(until or _FOREVER, end_us, now_us))
            for serial, channel, since, until in deployments.instruments_of(key)
            if not derived or (channel_variable(station, serial, channel) == "bulk_ec")
        ]
        for day, begin, end in days:
            here = _clip(spans, begin, end)
            rows, stored, usable = journal.count_values(key, begin, end)
            if not here and not rows:
                continue
            found = Day(key, day)
            found.expected = sum(_slots(a, b, step) for a, b in here)
            found.stored, found.usable = stored, usable
            if derived:
                found.received = rows
            else:
                found.received = _received(station, journal, key, begin, end)
            if found.stored < found.expected:
                came, empty = _came(journal, key, begin, end)
                found.gaps = reasons.explain(key, _holes(came, here, step), step, empty)
            yield found


def _received(station: Station, journal: JournalReader, key: SeriesKey, begin: int, end: int) -> int:
    """Times at which a reading came, from an instrument or by import."""
    places = [
        (serial, channel, max(since, begin), min(until or _FOREVER, end))
        for serial, channel, since, until in station.deployments.instruments_of(key)
    ]
    imports = (*import_channel(key), begin, end)
    if not journal.count_samples(*imports):
        return sum(journal.count_samples(*place) for place in places)
    return len(set().union(*(journal.sample_times(*place) for place in (*places, imports))))


def channel_variable(station: Station, serial: str, channel: str) -> str:
    """The variable of a channel; empty when it is unknown."""
    found = station.deployments.channel(serial, channel)
    return "" if found is None else found.variable


def local_days(start_us: int, end_us: int, zone: ZoneInfo) -> Iterator[tuple[date, int, int]]:
    """Local days that touch a window: day, start and end cut to the window [µs UTC]."""
    if end_us <= start_us:
        return
    day = (
        (datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(microseconds=start_us))
        .astimezone(zone)
        .date()
    )
    while True:
        begin = moment_us(day, zone)
        after = moment_us(datetime.combine(day + timedelta(days=1), time(0), zone), zone)
        if begin >= end_us:
            return
        yield day, max(begin, start_us), min(after, end_us)
        day += timedelta(days=1)


def _came(journal: JournalReader, key: SeriesKey, start_us: int, end_us: int) -> tuple[list[int], list[int]]:
    """When a number came, and when the probe answered without one [µs UTC]."""
    came: list[int] = []
    empty: list[int] = []
    for piece in journal.read([key], start_us, end_us):
        for time_us, value in zip(piece.times, piece.values, strict=True):
            (came if value == value else empty).append(time_us)
    return came, empty


def _slots(begin: int, end: int, step: int) -> int:
    """Multiples of `step` in begin <= t < end: when a probe is asked."""
    return max(0, -(-end // step) + begin // -step)


def _clip(spans: Iterable[_Span], begin: int, end: int) -> list[_Span]:
    found = [(max(a, begin), min(b, end)) for a, b in spans]
    return _joined([(a, b) for a, b in found if a < b])


def _joined(spans: Sequence[_Span]) -> list[_Span]:
    """Spans in order, those that touch made one."""
    found: list[_Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _holes(times: Sequence[int], spans: Sequence[_Span], step: int) -> list[_Span]:
    """Stretches of `spans` without a value; a value covers its own slot, half an interval to each side."""
    found: list[_Span] = []
    for begin, end in spans:
        first = begin - begin % -step  # the first slot
        last = first - step
        for at in times[bisect_left(times, begin) : bisect_left(times, end)]:
            if at - last > 1.5 * step:
                found.append((last + step, at))
            last = max(last, at)
        if end - last > step:
            found.append((last + step, end))
    return [(a, b) for a, b in found if a < b]


def _without(spans: Sequence[_Span], cut: Sequence[_Span]) -> tuple[list[_Span], list[_Span]]:
    """The part of `spans` that lies in `cut`, and what is left."""
    inside: list[_Span] = []
    left: list[_Span] = []
    for begin, end in spans:
        at = begin
        for a, b in cut:
            if b <= at or a >= end:
                continue
            if a > at:
                left.append((at, a))
            inside.append((max(a, at), min(b, end)))
            at = min(b, end)
        if at < end:
            left.append((at, end))
    return inside, left


class _Reasons:
    """When what was wrong, by the journal's events."""

    def __init__(
        self, station: Station, journal: JournalReader, start_us: int, end_us: int, now_us: int
    ) -> None:
        self._file = station.file
        self._deployments = station.deployments
        self._end = min(end_us, now_us)
        events = journal.events(end_us=end_us)
        self._connection = {
            row.serial: row.connection for row in station.file.instrument if row.connection is not None
        }
        self._name = {row.serial: row.id for row in station.file.instrument}
        self._broker_of = {row.id: kind_of(row).broker(row) for row in station.file.connection}
        self._down = self._collector(events, journal)
        self._full = self._between(events, {EventKind.LIMIT}, {EventKind.START, EventKind.PRUNED})
        self._clock = self._between(
            events, {EventKind.CLOCK_UNTRUSTED}, {EventKind.CLOCK_SET, EventKind.START}
        )
        self._brokers = self._by_broker(station, events)
        self._ports = self._by_subject(events, {EventKind.PORT_GONE}, {EventKind.PORT_BACK})
        self._silent = self._by_subject(
            events, {EventKind.DEVICE_SILENT, EventKind.DEVICE_FAULT}, {EventKind.DEVICE_BACK}
        )
        self._rejected: dict[str, list[int]] = {}
        for row in journal.accounting.rejected(start_us, end_us):
            self._rejected.setdefault(row[0], []).append(row[1])

    def _collector(self, events: Sequence[Event], journal: JournalReader) -> list[_Span]:
        """When no collector ran: from a stop to the next start; without a stop from the last commit before it."""
        runs = [event for event in events if event.kind in (EventKind.START, EventKind.STOP)]
        if not runs:
            return []
        spans: list[_Span] = []
        stopped: int | None = None
        if runs[0].kind == EventKind.START:
            spans.append((-_FOREVER, runs[0].time_us))
        running = False
        for event in runs:
            if event.kind == EventKind.STOP:
                stopped, running = event.time_us, False
            else:
                if running:  # it was killed: nobody wrote a stop
                    stopped = journal.accounting.last_commit_before(event.time_us)
                if stopped is not None:
                    spans.append((stopped, event.time_us))
                stopped, running = None, True
        if not running and stopped is not None:
            spans.append((stopped, self._end))
        return _joined([(a, b) for a, b in spans if a < b])

    def _between(self, events: Sequence[Event], begins: set[EventKind], ends: set[EventKind]) -> list[_Span]:
        return self._spans([event for event in events if event.kind in begins | ends], begins)

    def _by_broker(self, station: Station, events: Sequence[Event]) -> dict[str | None, list[_Span]]:
        """When each broker was out of reach; what is told of none of the others is told of that of ``[mqtt]``."""
        sessions = {row.session(station.file.station.id): row.id for row in station.file.broker}
        whole = {EventKind.START, EventKind.STOP}
        found: dict[str | None, list[_Span]] = {}
        for name in ("", *sessions.values()):
            mine = [e for e in events if e.kind in whole or sessions.get(e.subject, "") == name]
            found[name] = self._between(mine, {EventKind.BROKER_GONE}, {EventKind.BROKER_BACK, *whole})
        return found

    def _by_subject(
        self, events: Sequence[Event], begins: set[EventKind], ends: set[EventKind]
    ) -> dict[str, list[_Span]]:
        whole = {EventKind.START, EventKind.STOP}
        subjects = {event.subject for event in events if event.kind in begins}
        return {
            subject: self._spans(
                [e for e in events if e.kind in whole or (e.kind in begins | ends and e.subject == subject)],
                begins,
            )
            for subject in subjects
        }

    def _spans(self, events: Sequence[Event], begins: set[EventKind]) -> list[_Span]:
        found: list[_Span] = []
        since: int | None = None
        for event in events:
            if event.kind in begins:
                since = event.time_us if since is None else since
            elif since is not None:
                found.append((since, event.time_us))
                since = None
        if since is not None:
            found.append((since, self._end))
        return _joined([(a, b) for a, b in found if a < b])

    def explain(self, key: SeriesKey, holes: Sequence[_Span], step: int, empty: Sequence[int]) -> list[Gap]:
        """The holes cut into gaps, each with its cause; at the times `empty` the probe had no number to give."""
        serials = {row[0] for row in self._deployments.instruments_of(key)}
        connections = {self._connection[serial] for serial in serials if serial in self._connection}
        names = serials | {self._name[serial] for serial in serials if serial in self._name}
        silent = [span for name in names for span in self._silent.get(name, [])]
        # a device is called silent at its second unanswered slot or later: the one before belongs to it
        silent = [(begin - step, end) for begin, end in silent]
        times = sorted(at for name in connections for at in self._rejected.get(name, []))
        spans = {
            "no value": [(at - step // 2, at + step - step // 2) for at in empty],
            "collector down": self._down,
            "journal full": self._full,
            "clock": self._clock,
            "bus": [s for name in connections for s in self._ports.get(name, [])],
            "broker": [s for name in connections for s in self._brokers.get(self._broker_of.get(name), [])],
            "device silent": silent,
            "rejected": [(at - step // 2, at + step - step // 2) for at in times],
        }
        left = list(holes)
        gaps: list[Gap] = []
        for cause in CAUSES:
            inside = left if cause == "unexplained" else []
            if cause in spans:
                inside, left = _without(left, _joined(spans[cause]))
            gaps += [Gap(a, b, cause, count) for a, b in inside if (count := _slots(a, b, step))]
        return sorted(gaps, key=lambda gap: gap.start_us)
