"""What the API answers, as plain dictionaries: no HTTP here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from math import isnan
from time import monotonic
from typing import Any

from soilco2.dashboards.errors import QueryError
from soilco2.dashboards.live.decimation import Decimated, cut, decimate, points_of, raster_row, sums
from soilco2.quality.records import Observation, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.station_config.variables import VARIABLES, Variable
from soilco2.storage.errors import SinkError, StorageError
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rollups import FEW, HOUR_US, LEVELS, TEN_US, Rolled
from soilco2.storage.reader import Reader, SeriesInfo

MOST_SERIES = 64
MOST_POINTS = 5000
MOST_COLUMNS = 2000
AWAY_S = 30.0
"""A database that did not answer is asked again after this [s]."""


def short(key: SeriesKey) -> str:
    """A series' name within its station: profile/position/variable."""
    return f"{key.profile}/{key.position}/{key.variable}"


def too_many_series(count: int) -> QueryError:
    """What is said to a question for no series or for too many."""
    return QueryError(
        Message(
            "between 1 and {most} series can be asked for at once, not {count}", most=MOST_SERIES, count=count
        ),
    )


def unreadable(error: Exception) -> Message:
    """What is said when the journal cannot be read."""
    return Message("the journal cannot be read now ({why})", why=error)


@dataclass(slots=True)
class Away:
    """A database that did not answer is left alone for a while."""

    why: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class PageStation:
    """One station on the page.

    Parameters
    ----------
    station : Station
    open_reader : callable
        Opens a reader on the station's journal; each request closes its own.
    now_us : callable
        The station's clock [µs UTC].
    open_data : callable, optional
        Opens a reader on the database that series are read from; the journal when left out or when the database
        does not answer.
    """

    station: Station
    open_reader: Callable[[], JournalReader]
    now_us: Callable[[], int]
    open_data: Callable[[], Reader] | None = None
    away: Away = field(default_factory=lambda: Away())

    def key(self, name: str) -> SeriesKey:
        """The series of a short name.

        Raises
        ------
        QueryError
            When the name has not three parts.
        """
        parts = name.split("/")
        if len(parts) != 3:
            raise QueryError(
                Message("series {name!r} is not of the form profile/position/variable", name=name),
            )
        return SeriesKey(self.station.file.station.id, *parts)


def revision(page: PageStation) -> str:
    """``journal:rev``: while it is the same, so are the answers."""
    with closing(page.open_reader()) as reader:
        return f"{reader.journal_id}:{reader.last_rev()}"


def _read(page: PageStation, work: Callable[[Reader], dict[str, Any]]) -> dict[str, Any]:
    """The answer of `work` from the database when one is asked for; from the journal when it does not answer."""
    notice = page.away.why
    if page.open_data is not None and monotonic() >= page.away.until:
        try:
            with closing(page.open_data()) as reader:
                found = {**work(reader), "source": "influx", "notice": ""}
        except SinkError as error:
            page.away.why = notice = Message.of(error)
            page.away.until = monotonic() + AWAY_S
        else:
            page.away.why = ""
            return found
    with closing(page.open_reader()) as journal:
        return {**work(journal), "source": "journal", "notice": notice}


def variables(rows: Iterable[Variable] = VARIABLES.values()) -> dict[str, Any]:
    """Variables as the page needs them: those that come with the package unless others are meant."""
    return {
        v.id: {
            "id": v.id,
            "symbol": v.symbol,
            "unit": v.unit,
            "unit_text": v.unit_text,
            "name": {"en": v.name_en, "zh": v.name_zh},
            "resolution": v.resolution,
            "has_depth": v.has_depth,
        }
        for v in rows
    }


def _info(info: SeriesInfo, station: Station, replicates: dict[tuple[str, str], str]) -> dict[str, Any]:
    note = station.deployments.note
    installed = station.deployments.instruments_of(info.key)
    ends = [end for *_, end in installed if end is not None]
    return {
        "series": short(info.key),
        "profile": info.key.profile,
        "position": info.key.position,
        "variable": info.key.variable,
        "depth_m": info.depth_m,
        "replicate": replicates.get((info.key.profile, info.key.position), ""),
        "unit": info.unit,
        "period_s": info.period_s,
        "note": {lang: note(info.key, lang) for lang in ("en", "zh")} if info.note else None,
        "from_ms": installed[-1][2] // 1000 if installed else None,
        "until_ms": max(ends) // 1000 if ends and len(ends) == len(installed) else None,
        "first_ms": None if info.first_us is None else info.first_us // 1000,
        "last_ms": None if info.last_us is None else info.last_us // 1000,
    }


def describe(page: PageStation) -> dict[str, Any]:
    """A station: names, place, profiles, series; from the station file alone while its journal cannot be read.

    A series whose instrument stands there and that never gave a value is among them: silence from the first day on
    is silence too. ``from_ms`` and ``until_ms`` tell since when a series' newest instrument stands there, and until
    when the last one did [ms since 1970 UTC].
    """
    table = page.station.file.station
    fault: Message | None = None
    try:
        with closing(page.open_reader()) as reader:
            infos = [info for info in reader.series() if info.key.variable in page.station.variables]
    except (StorageError, sqlite3.Error) as error:
        fault = Message.of(error) if isinstance(error, StorageError) else unreadable(error)
        infos = []
    known = {info.key for info in infos}
    now_us = page.now_us()
    infos += [i for i in _expected(page.station, None if fault else now_us) if i.key not in known]
    profiles = page.station.file.profile
    replicates = {(p.id, q.id): q.replicate for p in profiles for q in p.position}
    firsts = [info.first_us for info in infos if info.first_us is not None]
    return {
        "id": table.id,
        "name": table.name.model_dump(),
        "latitude": table.latitude,
        "longitude": table.longitude,
        "altitude_m": table.altitude_m,
        "timezone": table.timezone,
        "note": table.note.model_dump() if table.note else None,
        "config": page.station.hash,
        "fault": fault or "",
        "first_ms": min(firsts) // 1000 if firsts else None,
        "variables": variables(row.row for row in page.station.file.variable),
        "profiles": [
            {"id": p.id, "name": p.name.model_dump() if p.name else {"en": p.id, "zh": p.id}}
            for p in profiles
        ],
        "series": [_info(info, page.station, replicates) for info in infos],
    }


def _expected(station: Station, now_us: int | None) -> list[SeriesInfo]:
    """The series that the station file promises: of instruments that stand there at a moment [µs UTC], or ever "
    "did."""
    known = station.deployments
    standing = {
        span.series
        for span in known.spans
        if now_us is not None and span.start_us <= now_us and (span.end_us is None or now_us < span.end_us)
    }
    return [
        SeriesInfo(
            key, station.variables[key.variable].unit, known.depth_at(key.profile, key.position),
            period_s=known.period_s(key), note=known.note(key),
        )
        for key in (SeriesKey(*series) for series in known.series() if now_us is None or series in standing)
        if key.variable in station.variables
    ]  # fmt: skip


def rows_of(reader: JournalReader, observations: Sequence[Observation]) -> list[dict[str, Any]]:
    """Observations as the stream sends them; the newest of each series with what was 24 h before it."""
    newest = {o.series: o for o in sorted(observations, key=lambda o: o.time_us)}
    rows = []
    for o in observations:
        row = {
            "series": short(o.series),
            "t": o.time_us // 1000,
            "v": o.value,
            "f": int(o.flag),
            "tests": o.tests,
        }
        if newest[o.series] is o:
            row["yesterday"] = _at(reader, o.series, o.time_us - DAY_US)
        rows.append(row)
    return rows


def latest(page: PageStation) -> dict[str, Any]:
    """Newest value of each series, and what it was at the same hour of the day before."""
    reader = page.open_reader()
    try:
        found = []
        for observation in reader.latest(page.now_us()):
            if observation.series.variable not in page.station.variables:
                continue
            found.append(
                {
                    "series": short(observation.series),
                    "t": observation.time_us // 1000,
                    "value": observation.value,
                    "flag": int(observation.flag),
                    "tests": observation.tests,
                    "yesterday": _at(reader, observation.series, observation.time_us - DAY_US),
                }
            )
        return {"now_ms": page.now_us() // 1000, "rev": reader.last_rev(), "latest": found}
    finally:
        reader.close()


def _at(reader: JournalReader, key: SeriesKey, time_us: int, within_us: int = 900_000_000) -> float | None:
    best: tuple[int, float] | None = None
    for piece in reader.read([key], time_us - within_us, time_us + within_us + 1):
        for t, value, flag in zip(piece.times, piece.values, piece.flags, strict=True):
            if not isnan(value) and flag <= 2 and (best is None or abs(t - time_us) < best[0]):
                best = (abs(t - time_us), value)
    return None if best is None else best[1]


def series(
    page: PageStation, names: Sequence[str], start_us: int, end_us: int, points: int
) -> dict[str, Any]:
    """Series between two times, thinned so that extremes stay."""
    if not 1 <= len(names) <= MOST_SERIES:
        raise too_many_series(len(names))
    if not 2 <= points <= MOST_POINTS:
        raise QueryError(
            Message("points is {points}; between 2 and {most} are possible", points=points, most=MOST_POINTS),
        )
    keys = [page.key(name) for name in names]

    def one(reader: Reader, rolled: Rolled | None, key: SeriesKey) -> Decimated:
        where = cut(start_us, end_us, points)
        found = rolled.extremes(key, where, start_us, end_us) if rolled is not None else None
        if found is None or found[0] <= points:
            return decimate(reader.read([key], start_us, end_us), start_us, end_us, points)
        return points_of(found[1], where)

    def work(reader: Reader) -> dict[str, Any]:
        out = []
        with _rolled(reader) as rolled:
            for name, key in zip(names, keys, strict=True):
                thinned = one(reader, rolled, key)
                out.append(
                    {
                        "series": name,
                        "t": [t // 1000 for t in thinned.times],
                        "v": thinned.values,
                        "f": thinned.flags,
                        "step_ms": thinned.step_us // 1000,
                    }
                )
        return {"series": out}

    return _read(page, work)


def _rolled(reader: Reader) -> AbstractContextManager[Rolled | None]:
    return Rolled(reader) if isinstance(reader, JournalReader) else nullcontext()


def _column_us(step_us: int, period_us: int) -> int:
    """How wide a raster's columns are, so that rollups fill them: the coarsest that widen them by a third at most."""
    for level in LEVELS:
        wide_us = -(-step_us // level) * level
        suits = 3 * wide_us <= 4 * step_us if level > HOUR_US else step_us > level
        if suits and period_us <= level and (level > TEN_US or FEW * period_us < HOUR_US):
            return wide_us
    return -(-step_us // period_us) * period_us


def raster(
    page: PageStation, profile: str, variable: str, start_us: int, end_us: int, columns: int
) -> dict[str, Any]:
    """Depth × time of one variable in one profile: a mean per probe and column, gaps left empty.

    Columns are whole sampling intervals wide; long ones whole days, six hours, hours, of dense series ten minutes.
    """
    if not 1 <= columns <= MOST_COLUMNS:
        raise QueryError(
            Message(
                "columns is {columns}; between 1 and {most} are possible", columns=columns, most=MOST_COLUMNS
            ),
        )

    def work(reader: Reader) -> dict[str, Any]:
        infos = [i for i in reader.series() if i.key.profile == profile and i.key.variable == variable]
        period_us = min((int(i.period_s * 1e6) for i in infos if i.period_s), default=60_000_000)
        step_us = _column_us(max(period_us, -(-(end_us - start_us) // columns)), period_us)
        first = start_us - start_us % step_us
        count = min(MOST_COLUMNS, max(1, -(-(end_us - first) // step_us)))
        last = min(end_us, first + count * step_us)
        rows = []
        with _rolled(reader) as rolled:
            for info in sorted(infos, key=lambda i: i.depth_m or 0.0):
                made = rolled.means(info.key, first, step_us, last) if rolled is not None else None
                if made is None:
                    made = sums(reader.read([info.key], first, last), first, step_us, count)
                found = raster_row(*made, count)
                rows.append(
                    {
                        "series": short(info.key),
                        "depth_m": info.depth_m,
                        "v": found.values,
                        "f": found.flags,
                    }
                )
        return {"t0": first // 1000, "step": step_us // 1000, "rows": rows}

    return _read(page, work)
