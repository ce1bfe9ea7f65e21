"""How the station itself is doing: rows of ``soil_health`` for a database, layout in docs/reference/influxdb.md."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from soilco2.ingest.clock.system import kernel_clock
from soilco2.quality.records import Flag
from soilco2.station_config.loader import Station
from soilco2.storage.influx.line_protocol import EVENT, HEALTH, point
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Event


class Health(NamedTuple):
    """The station at a moment.

    Parameters
    ----------
    time_us : int
        [µs UTC]
    days_left : float or None
        Until the journal reaches its limit [d]; None while the rate is not known.
    disk_free : int
        [bytes]
    clock_offset_s : float or None
        By the time service [s]; None without one.
    supply_voltage : float or None
        The newest good one [V].
    answer_age_s : dict of str to float
        Since each instrument was last heard [s], by id.
    due_days : dict of str to float
        Until the first calibration of each instrument falls due [d], by id; negative when it is overdue.
    errors : dict of (str, str) to int
        Exchanges that failed, by instrument's id and kind of error.
    """

    time_us: int
    days_left: float | None
    disk_free: int
    clock_offset_s: float | None
    supply_voltage: float | None
    answer_age_s: dict[str, float]
    due_days: dict[str, float]
    errors: dict[tuple[str, str], int]


@cache
def software_version() -> str:
    """Version of the program."""
    try:
        return version("soilco2")
    except PackageNotFoundError:  # run from its source
        return "unknown"


def disk_free(folder: Path) -> int:
    """Bytes that can still be written there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def last_heard(station: Station) -> dict[str, int]:
    """When each instrument was last heard, by serial number [µs UTC], as the journal knows it."""
    with JournalReader(station.journal_path) as reader:
        return reader.accounting.last_arrivals(row.serial for row in station.file.instrument)


def take_health(
    station: Station,
    reader: JournalReader,
    now_us: int,
    answered: Mapping[str, int],
    errors: Mapping[str, Mapping[str, int]],
) -> Health:
    """Look at the station.

    Parameters
    ----------
    station : Station
    reader : JournalReader
    now_us : int
        [µs UTC]
    answered : mapping of str to int
        When each instrument was last heard, by serial number [µs UTC].
    errors : mapping of str to mapping of str to int
        Errors by serial number and kind.
    """
    deployments = station.deployments
    due: dict[str, float] = {}
    for row in station.file.instrument:
        dates = [
            deployments.calibration_due(row.serial, c.spec.id, now_us)
            for c in deployments.channels_of(row.serial)
        ]
        known = [date for date in dates if date is not None]
        if known:
            due[row.id] = (min(known) - now_us) / 86_400e6
    volts = [
        row.value
        for row in reader.latest(now_us)
        if row.series.variable == "supply_voltage" and row.flag in (Flag.GOOD, Flag.NOT_EVALUATED)
    ]
    ids = {row.serial: row.id for row in station.file.instrument}
    return Health(
        now_us,
        reader.accounting.days_left(station.file.journal.limit_mib * 2**20),
        disk_free(station.journal_path.parent),
        kernel_clock(),
        volts[0] if volts else None,
        {ids[serial]: (now_us - at) / 1e6 for serial, at in answered.items() if serial in ids},
        due,
        {(ids[s], kind): n for s, kinds in errors.items() if s in ids for kind, n in kinds.items()},
    )


def health_lines(station: Station, health: Health, backlog: int, oldest_us: int | None) -> bytes:
    """Rows of ``soil_health`` for one database, with its own backlog."""
    tags = {"station": station.file.station.id}
    at = health.time_us
    whole: dict[str, float | str] = {
        "backlog_samples": float(backlog),
        "oldest_waiting_s": 0.0 if oldest_us is None else max(0.0, (at - oldest_us) / 1e6),
        "disk_free_bytes": float(health.disk_free),
        "version": software_version(),
        "configuration": station.hash,
    }
    optional: dict[str, Any] = {
        "journal_days_left": health.days_left,
        "clock_offset_s": health.clock_offset_s,
        "supply_voltage": health.supply_voltage,
    }
    whole |= {name: value for name, value in optional.items() if value is not None}
    lines = [point(HEALTH, tags, whole, at)]
    devices: dict[str, dict[str, float | str]] = {}
    for instrument, age in health.answer_age_s.items():
        devices.setdefault(instrument, {})["last_answer_age_s"] = age
    for instrument, days in health.due_days.items():
        devices.setdefault(instrument, {})["calibration_due_days"] = days
    lines += [point(HEALTH, {**tags, "instrument": name}, fields, at) for name, fields in devices.items()]
    lines += [
        point(HEALTH, {**tags, "instrument": name, "kind": kind}, {"errors": float(count)}, at)
        for (name, kind), count in health.errors.items()
    ]
    return b"\n".join(lines)


def link_lines(station: Station, sources: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows of ``soil_health`` of devices that are heard by radio, at the time when each was heard last.

    Parameters
    ----------
    station : Station
    sources : iterable of mapping
        What the sources tell: under `sources`, by connection, under `devices`, by serial number, `at_us` [µs UTC] and
        numbers such as `battery_voltage` [V] and `rssi_dbm`.
    """
    ids = {row.serial: row.id for row in station.file.instrument}
    links = {
        serial: link
        for source in sources
        for told in source.get("sources", {}).values()
        for serial, link in told.get("devices", {}).items()
        if serial in ids
    }
    return b"\n".join(
        point(
            HEALTH,
            {"station": station.file.station.id, "instrument": ids[serial]},
            {name: float(value) for name, value in link.items() if name != "at_us"},
            int(link["at_us"]),
        )
        for serial, link in links.items()
    )


def event_lines(station: Station, events: Iterable[Event]) -> bytes:
    """Rows of ``soil_event``: what happened to the station, for marks in its pictures."""
    return b"\n".join(
        point(
            EVENT,
            {"station": station.file.station.id, "kind": event.kind},
            {"subject": event.subject, "text": event.text},
            event.time_us,
        )
        for event in events
    )


def give_back() -> None:
    """Give memory that was needed once, as at the start, back to the system."""
    with suppress(OSError, AttributeError):  # only glibc can
        ctypes.CDLL(None).malloc_trim(0)
