"""How the station is doing, as plain dictionaries: completeness, instruments, results, events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from soilco2.analysis import vocabulary
from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.live.queries import PageStation, short
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US, iso
from soilco2.storage.errors import ResultsError
from soilco2.storage.journal.completeness import completeness
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Event
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.results.results import Result, list_results, read_results
from soilco2.storage.tidy.writer import cell

MOST_DAYS = 92
"""Days of completeness in one answer at most."""
MOST_EVENTS = 1000
"""Events in one answer at most."""
MOST_RESULTS = 200
"""Rows of one analysis in an answer at most."""


@contextmanager
def _open(page: PageStation) -> Iterator[JournalReader]:
    reader = page.open_reader()
    try:
        yield reader
    finally:
        reader.close()


def quality(page: PageStation, start_us: int, end_us: int) -> dict[str, Any]:
    """Expected, received, stored and usable values by series and local day, missing ones by cause."""
    if end_us - start_us > MOST_DAYS * DAY_US:
        raise QueryError(
            Message("the span is longer than {most} days; ask for a shorter one", most=MOST_DAYS),
        )
    with _open(page) as reader:
        days = [
            {
                "series": short(day.key),
                "day": day.day.isoformat(),
                "expected": day.expected,
                "received": day.received,
                "stored": day.stored,
                "usable": day.usable,
                "causes": day.causes(),
            }
            for day in completeness(page.station, reader, start_us, end_us, page.now_us())
        ]
    return {"days": days}


def instruments(page: PageStation) -> dict[str, Any]:
    """Every instrument: its newest value, counted errors, when its calibration falls due, the supply voltage."""
    station, now_us = page.station, page.now_us()
    deployments = station.deployments
    with _open(page) as reader:
        latest = reader.latest(now_us)
        counters = reader.accounting.counters()
    newest: dict[str, int] = {}
    gives: dict[str, list[str]] = {}
    for one in latest:
        for serial, _, since, until in deployments.instruments_of(one.series):
            if since <= one.time_us and (until is None or one.time_us < until):
                gives.setdefault(serial, []).append(short(one.series))
                newest[serial] = max(newest.get(serial, one.time_us), one.time_us)
    rows = []
    for row in station.file.instrument:
        channels = deployments.channels_of(row.serial)
        due = [deployments.calibration_due(row.serial, c.spec.id, now_us) for c in channels]
        dates = [date for date in due if date is not None]
        stood = [span.end_us for span in deployments.spans if span.serial == row.serial]
        rows.append(
            {
                "id": row.id,
                "model": row.model,
                "serial": row.serial,
                "connection": row.connection,
                "interval_s": row.interval,
                "series": gives.get(row.serial, []),
                "newest_ms": newest[row.serial] // 1000 if row.serial in newest else None,
                "errors": {
                    name.removeprefix("error_"): count
                    for name, count in counters.get(row.serial, {}).items()
                    if name.startswith("error_") and count
                },
                "removed": bool(stood) and all(end is not None and end <= now_us for end in stood),
                "due_ms": min(dates) // 1000 if dates else None,
            }
        )
    volts = [
        {"series": short(o.series), "t": o.time_us // 1000, "value": o.value, "flag": int(o.flag)}
        for o in latest
        if o.series.variable == "supply_voltage"
    ]
    return {"now_ms": now_us // 1000, "instruments": rows, "supply_voltage": volts}


def events(page: PageStation, start_us: int, end_us: int, limit: int) -> dict[str, Any]:
    """Events of a span, newest first."""
    if not 1 <= limit <= MOST_EVENTS:
        raise QueryError(
            Message("limit is {limit}; between 1 and {most} are possible", limit=limit, most=MOST_EVENTS),
        )
    with _open(page) as reader:
        found = reader.events(start_us=start_us, end_us=end_us, limit=limit)
    return {
        "events": [
            {"id": e.id, "t": e.time_us // 1000, "kind": _kind(e), "subject": e.subject, "text": e.text}
            for e in reversed(found)
        ]
    }


def _kind(event: Event) -> str:
    """What happened; where the list of kinds has no name for it, what the part that told it calls it."""
    named = event.data.get("what") if event.kind == EventKind.OTHER else None
    return named.replace("-", "_") if isinstance(named, str) else event.kind


def _both(pair: vocabulary.Pair | None) -> dict[str, str] | None:
    return pair and {"en": pair[0], "zh": pair[1]}


def _row(row: Result) -> dict[str, Any]:
    sound = isinstance(row.details.get("water", 0.0), float | int)  # the file may be anybody's
    bare = replace(row, given=(), details=row.details if sound else {})
    return {
        "what": row.what,
        "name": _both(vocabulary.WHAT.get(row.what)),
        "part": _both((vocabulary.part(bare, "en"), vocabulary.part(bare, "zh"))),
        "target": row.target,
        "driver": row.driver,
        "given": list(row.given),
        "scale": row.scale,
        "mask": row.mask,
        "value": row.value,
        "unit": row.unit,
        "lower": row.lower,
        "upper": row.upper,
        "n": row.n,
        "n_eff": row.n_eff,
        "method": row.method,
        "refused": row.refused,
        "why": row.why,
        "why_zh": vocabulary.reason(row, "zh"),
        "why_code": row.why_code,
    }


def results(page: PageStation, folder: Path | None) -> dict[str, Any]:
    """The newest file of each analysis of this station, and the newest value of each derived series."""
    jobs: dict[str, dict[str, Any]] = {}
    faults = []
    for path in list_results(folder) if folder is not None else ():
        try:
            found = read_results(path)
        except ResultsError as error:
            faults.append(_named(str(error), path))
            continue
        if found.station == page.station.file.station.id:
            jobs[found.job] = {
                "job": found.job,
                "name": _both(vocabulary.JOBS[found.job][0] if found.job in vocabulary.JOBS else None),
                "created": found.created,
                "data_from": found.data_from,
                "data_to": found.data_to,
                "rows": [_row(row) for row in found.rows[:MOST_RESULTS]],
                "left_out": max(0, len(found.rows) - MOST_RESULTS),
                "notes": list(found.notes),
            }
    return {"jobs": list(jobs.values()), "derived": _derived(page), "faults": faults}


def _named(text: str, path: Path) -> str:
    """What is said of a file, its folder left out."""
    if not isinstance(text, Message):
        return text.replace(str(path), path.name)
    values = {name: _named(v, path) if isinstance(v, str) else v for name, v in text.values.items()}
    return Message(text.template, **values)


def _derived(page: PageStation) -> list[dict[str, Any]]:
    found = []
    with _open(page) as reader:
        for info in reader.series():
            if info.key.variable not in page.station.variables or info.last_us is None:
                continue
            for piece in reader.read([info.key], info.last_us, info.last_us + 1):
                if not piece.lower:
                    continue
                value, lower, upper = (
                    x if isfinite(x) else None for x in (piece.values[-1], piece.lower[-1], piece.upper[-1])
                )
                found.append(
                    {
                        "series": short(info.key),
                        "t": piece.times[-1] // 1000,
                        "value": value,
                        "lower": lower,
                        "upper": upper,
                        "unit": info.unit,
                        "why": ", ".join(
                            row.reason
                            for row in reader.derived_between(info.last_us, info.last_us + 1)
                            if row.series == info.key and row.reason
                        ),
                    }
                )
    return found


def table(page: PageStation, names: list[str], start_us: int, end_us: int, most: int) -> Iterator[str]:
    """Lines of a tidy table (CSV), values as they are stored; at most `most` rows.

    Raises
    ------
    QueryError
        Before the first line, when there are more.
    """
    keys = [page.key(name) for name in names]
    with _open(page) as reader:
        infos = {info.key: info for info in reader.series()}
        kept = [key for key in keys if key in infos]
        count, pieces = 0, []
        for piece in reader.read(kept, start_us, end_us):
            count += len(piece.times)
            if count > most:
                raise QueryError(
                    Message(
                        "the view holds more than {most} values; choose a shorter span, or run 'soilco2 export'",
                        most=most,
                    ),
                )
            pieces.append(piece)
    return _lines(pieces, infos)


def _lines(pieces: list[Any], infos: dict[Any, Any]) -> Iterator[str]:
    yield "time_utc,station,profile,position,depth_m,variable,value,unit,flag\r\n"
    for piece in pieces:
        info, key = infos[piece.key], piece.key
        depth = "" if info.depth_m is None else f"{info.depth_m:g}"
        place = ",".join(cell(part) for part in (key.station, key.profile, key.position))
        lines = []
        for time_us, value, flag in zip(piece.times, piece.values, piece.flags, strict=True):
            number = repr(value) if isfinite(value) else ""
            lines.append(
                f"{iso(time_us)},{place},{depth},{cell(key.variable)},{number},{cell(info.unit)},{flag}\r\n"
            )
        yield "".join(lines)
