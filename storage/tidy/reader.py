"""Tidy tables as a source of series: one reader over CSV, gzipped CSV and Parquet files.

Reads whole files into compact arrays (17 bytes a value) with pandas; whatever pandas cannot take at its word
is read again row by row by `soilco2.storage.tidy.rows`, which names line and reason.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message
from soilco2.station_config.units import turner_of
from soilco2.station_config.variables import VARIABLES, Variables
from soilco2.storage.errors import SourceError, TidyFileError
from soilco2.storage.reader import Piece, SeriesInfo
from soilco2.storage.row_extras import STAMPS, Beside, alike, read, said
from soilco2.storage.tidy.rows import FLAGS, Bad, Place, TidyFault, read_tidy_rows
from soilco2.storage.tidy.sidecar import no_sidecar, own_variables, read_sidecar
from soilco2.storage.tidy.text import Layout, find_layout, open_binary, regular

if TYPE_CHECKING:
    import pandas as pd

STATION = "station"
PROFILE = "p1"
"""What a series is named by where the table does not say."""

_CHUNK = 100_000
_ZONED = r"(?:Z|[+-]\d\d:?\d\d)$"
_TEXT = (
    "station",
    "profile",
    "position",
    "depth_m",
    "variable",
    "unit",
    "flag",
    "method",
    "period_s",
    "stamp",
)
_PLACE = ("station", "profile", "position", "depth_m", "variable")


def series_of(place: Place, station: str = STATION, variables: Variables = VARIABLES) -> SeriesKey:
    """The series that a row belongs to, with names for what the table leaves out.

    Without a position it is named after the depth in centimetres (``d10``); without a profile it is
    ``p1``, or ``site`` for what has no depth.
    """
    position = place.position
    if not position and place.depth_m is not None:
        cm = place.depth_m * 100
        position = f"d{cm:g}" if cm >= 0 else f"a{-cm:g}"
    profile = place.profile or (PROFILE if position or variables[place.variable].has_depth else "site")
    return SeriesKey(place.station or station, profile, position, place.variable)


@dataclass(slots=True)
class _Series:
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    flags: array[int] = field(default_factory=lambda: array("b"))
    lower: array[float] = field(default_factory=lambda: array("d"))
    upper: array[float] = field(default_factory=lambda: array("d"))
    told: array[int] = field(default_factory=lambda: array("i"))
    depth_m: float | None = None
    period_s: float | None = None
    stamp: str = "instant"
    note: str = ""
    file: str = ""
    method: str = ""


class _DoubtError(Exception):
    """The quick way does not apply; the slow one knows why."""


class TidyReader:
    """Series of one or more tidy tables.

    Parameters
    ----------
    paths : path or sequence of paths
        ``.csv``, ``.csv.gz`` (or any text), ``.parquet``. A file ``<name>.json`` beside one is its sidecar;
        remarks in it, such as how a modelled series was made, follow the data.
    zone : tzinfo, optional
        Zone of times that name none.
    variables : Variables, optional
        The registry: that of the station that the tables are of, where it is at hand.

    go_on : bool
        Leave out text rows that cannot be used, as long as they are few, and count them in `bad`, by file.

    Raises
    ------
    TidyFileError
        At the first row that cannot be used, with file, line and reason; with `go_on` when they are too many.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        zone: tzinfo | None = None,
        variables: Variables = VARIABLES,
        *,
        go_on: bool = False,
    ) -> None:
        self.variables = variables
        self.bad: dict[str, Bad] = {}
        self._go_on = go_on
        listed = [paths] if isinstance(paths, str | Path) else list(paths)
        self._series: dict[SeriesKey, _Series] = {}
        self._zone = zone
        self._told: dict[tuple[str, float | None, str], int] = {}
        for path in map(Path, listed):
            if not path.is_file():
                raise TidyFileError(str(path), Message("is not there or is no file"))
            notes = read_sidecar(path)
            self.variables = self.variables.with_own(own_variables(path, notes, self.variables))
            before = set(self._series)
            if path.suffix.lower() in (".parquet", ".pq"):
                self._load_parquet(path)
            else:
                self._load_text(path)
            self._read_notes(path, notes, set(self._series) - before)
        for key, series in self._series.items():
            _order(key, series)

    def series(self) -> list[SeriesInfo]:
        """Every series, sorted by profile, depth and variable."""
        found = [
            SeriesInfo(
                key=key,
                unit=self.variables[key.variable].unit,
                depth_m=series.depth_m,
                first_us=series.times[0] if series.times else None,
                last_us=series.times[-1] if series.times else None,
                period_s=series.period_s,
                stamp=series.stamp,
                note=series.note,
                method=series.method,
            )
            for key, series in self._series.items()
        ]
        return sorted(
            found,
            key=lambda i: (
                i.key.station,
                i.key.profile,
                -1e9 if i.depth_m is None else i.depth_m,
                i.key.position,
                self.variables.rank(i.key.variable),
            ),
        )

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        """Pieces of these series with ``start_us <= time < end_us``, series by series, oldest first."""
        for key in keys:
            series = self._series.get(SeriesKey(*key))
            if series is None:
                continue
            low = 0 if start_us is None else bisect_left(series.times, start_us)
            high = len(series.times) if end_us is None else bisect_left(series.times, end_us)
            told = list(self._told)
            for at, end in alike(series.told, low, high):
                cut = slice(at, end)
                yield Piece(
                    SeriesKey(*key), series.times[cut], series.values[cut], series.flags[cut],
                    series.lower[cut], series.upper[cut], *told[series.told[at]],
                )  # fmt: skip

    def close(self) -> None:
        """Let the data go."""
        self._series.clear()

    # loading

    def _load_text(self, path: Path) -> None:
        layout = find_layout(path)
        kept, self._series = self._series, {}
        try:
            self._load_quick(layout)
        except _DoubtError:
            self._series = {}
            self._load_slowly(layout)
        kept, self._series = self._series, kept
        for key, series in kept.items():
            into = self._series.get(key)
            if into is None:
                self._series[key] = series
            else:
                _extend_bounds(into, bool(series.lower))
                _extend_bounds(series, bool(into.lower))
                for name in ("times", "values", "flags", "lower", "upper", "told"):
                    getattr(into, name).extend(getattr(series, name))

    def _load_quick(self, layout: Layout) -> None:
        pd = _pandas(layout.path)
        names = {layout.time_name, "value", *_TEXT, "lower", "upper"}
        used = [name for name in layout.names if name in names]
        numbers = [name for name in ("value", "lower", "upper") if name in used]
        if not (layout.clean and regular(layout)):
            raise _DoubtError(Message("NUL characters, or rows of different widths"))
        try:
            with (
                open_binary(layout.path) as file,
                pd.read_csv(
                    file,
                    sep=layout.delimiter,
                    encoding=layout.encoding,
                    skiprows=layout.first_line - 1,
                    header=None,
                    names=list(layout.names),
                    usecols=used,
                    dtype=dict.fromkeys(set(used) - set(numbers), "str") | dict.fromkeys(numbers, "float64"),
                    keep_default_na=False,
                    na_values={name: ["", "NaN", "nan", "NA"] for name in numbers},
                    chunksize=_CHUNK,
                    index_col=False,
                    skip_blank_lines=True,
                ) as frames,
            ):
                for frame in frames:
                    self._add(frame, layout.time_name, str(layout.path))
        except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise _DoubtError from error

    def _load_parquet(self, path: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise TidyFileError(
                str(path),
                Message("is read by the extra 'analysis': {how_to_add}", how_to_add=how_to_add("analysis")),
            ) from None
        _pandas(path)
        try:
            with pq.ParquetFile(path) as file:
                names = tuple(file.schema_arrow.names)
                time_name = next((n for n in ("time_utc", "time") if n in names), None)
                needed = [n for n in ("variable", "value", "unit") if n not in names]
                if time_name is None or needed:
                    raise TidyFileError(
                        str(path),
                        Message("column {names} is missing", names=", ".join(needed or ["time_utc"])),
                    )
                used = [n for n in names if n in {time_name, "value", *_TEXT, "lower", "upper"}]
                row = 0
                for batch in file.iter_batches(_CHUNK, columns=used):
                    frame = batch.to_pandas()
                    try:
                        self._add(_worded(frame, time_name), time_name, str(path))
                    except _DoubtError as doubt:
                        raise TidyFileError(
                            str(path),
                            Message(
                                "among the rows {first} to {last}: {why}",
                                first=row + 1,
                                last=row + len(frame),
                                why=doubt,
                            ),
                        ) from None
                    row += len(frame)
        except (pa.ArrowException, OSError) as error:
            raise TidyFileError(
                str(path), Message("is no Parquet file that can be read: {why}", why=error)
            ) from error

    def _add(self, frame: pd.DataFrame, time_name: str, file: str) -> None:
        """Put a stretch of rows where they belong.

        Raises
        ------
        _DoubtError
            When a cell is not what the quick way can take.
        """
        import numpy as np

        times = _times(frame[time_name], self._zone)
        metas = [name for name in _TEXT if name in frame]
        words = frame[metas]
        if words.isna().any(axis=None):
            raise _DoubtError(Message("a cell of text is empty where none may be"))
        grouped = frame.groupby(metas, sort=False)
        codes = grouped.ngroup().to_numpy()
        order = np.argsort(codes, kind="stable")
        cuts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        values = frame["value"].to_numpy(dtype="float64")
        if np.isinf(values).any():
            raise _DoubtError(Message("a value is not finite"))
        bounds = "lower" in frame and "upper" in frame
        for begin, end in zip(cuts, [*cuts[1:], len(order)], strict=True):
            rows = order[begin:end]
            meta = {name: str(words[name].iloc[rows[0]]).strip() for name in metas}
            series, turned, flag, told = self._meet(meta, file)
            taken = values[rows] if turned is None else np.array([*map(turned, values[rows].tolist())])
            flags = np.full(len(rows), flag if flag is not None else Flag.NOT_EVALUATED, dtype="int8")
            if flag is None:
                flags[np.isnan(taken)] = Flag.MISSING
            _extend_bounds(series, bounds)
            series.times.frombytes(times[rows].tobytes())
            series.values.frombytes(taken.tobytes())
            series.flags.frombytes(flags.tobytes())
            series.told.extend([told] * len(rows))
            for name in ("lower", "upper") if series.lower or bounds else ():
                limit = frame[name].to_numpy(dtype="float64")[rows] if bounds else taken * np.nan
                limit = np.array([*map(turned, limit.tolist())]) if bounds and turned is not None else limit
                getattr(series, name).frombytes(limit.tobytes())

    def _meet(
        self, meta: dict[str, str], file: str
    ) -> tuple[_Series, Callable[[float], float] | None, int | None, int]:
        try:
            turned = turner_of(meta["unit"], meta["variable"], self.variables)
            depth = float(meta["depth_m"]) if meta.get("depth_m") else None
            period = float(meta["period_s"]) if meta.get("period_s") else None
        except (StationConfigError, ValueError) as error:
            raise _DoubtError(Message.of(error)) from None
        text = meta.get("flag", "")
        flag = FLAGS.get(text.removesuffix(".0")) if text else None
        if text and flag is None:
            raise _DoubtError(Message("flag {flag!r} is none of 1, 2, 3, 4, 9", flag=text))
        if meta.get("stamp", "") not in ("", *STAMPS):
            raise _DoubtError(
                Message("stamp {stamp!r} is none of instant, start, end", stamp=meta["stamp"][:40])
            )
        place = Place(
            meta.get("station", ""),
            meta.get("profile", ""),
            meta.get("position", ""),
            depth,
            meta["variable"],
        )
        series = self._series.setdefault(series_of(place, variables=self.variables), _Series(file=file))
        series.depth_m = depth if depth is not None else series.depth_m
        series.period_s = period if period is not None else series.period_s
        series.stamp = meta.get("stamp") or series.stamp
        series.method = meta.get("method") or series.method
        stamp = meta.get("stamp", "") or ("instant" if period is not None else "")
        return series, turned, flag, self._number_of(meta.get("method", ""), period, stamp)

    def _number_of(self, method: str, period_s: float | None, stamp: str) -> int:
        """A number for what rows say of how and when their values were made."""
        return self._told.setdefault((method, period_s, stamp), len(self._told))

    def _load_slowly(self, layout: Layout) -> None:
        if {"lower", "upper"} <= set(layout.names):
            limits = Message("times of a table with lower and upper must be written as 2026-03-01T00:00:00Z")
        else:
            limits = None
        rows, bad = 0, None
        for row in read_tidy_rows(layout.path, self._zone, layout, self.variables):
            rows += 1
            if isinstance(row, TidyFault):
                bad = self.bad[str(layout.path)] = Bad(bad.first if bad else row, bad.rows + 1 if bad else 1)
                if not self._go_on or bad.too_many(rows):
                    raise TidyFileError(str(layout.path), bad.first.reason, bad.first.line)
                continue
            series = self._series.setdefault(
                series_of(row.place, variables=self.variables), _Series(file=str(layout.path))
            )
            if row.place.depth_m is not None:
                series.depth_m = row.place.depth_m
            beside = read(said(row.beside, row.value)) if row.beside else Beside()
            series.period_s = beside.period_s if beside.period_s is not None else series.period_s
            series.stamp, series.method = beside.stamp or series.stamp, beside.method or series.method
            series.told.append(self._number_of(beside.method, beside.period_s, beside.stamp))
            series.times.append(row.time_us)
            series.values.append(float("nan") if row.value is None else row.value)
            default = Flag.MISSING if row.value is None else Flag.NOT_EVALUATED
            series.flags.append(default if row.flag is None else row.flag)
        if bad is not None and 2 * bad.rows > rows:
            raise TidyFileError(str(layout.path), bad.first.reason, bad.first.line)
        if limits is not None:
            raise TidyFileError(str(layout.path), limits, column=layout.time_name)

    def _read_notes(self, path: Path, found: dict[str, Any], keys: set[SeriesKey]) -> None:
        if not found:
            return
        try:
            notes = {tuple(row["key"]): str(row.get("note", "")) for row in found["series"]}
        except (KeyError, TypeError, AttributeError) as error:
            raise no_sidecar(path, error) from error
        for key in keys:
            self._series[key].note = notes.get(tuple(key), "")


def _pandas(path: Path) -> Any:
    try:
        import pandas
    except ImportError:
        raise TidyFileError(
            str(path),
            Message("is read by the extra 'analysis': {how_to_add}", how_to_add=how_to_add("analysis")),
        ) from None
    return pandas


def _worded(frame: pd.DataFrame, time_name: str) -> pd.DataFrame:
    """A frame of a Parquet file with text where a CSV file has text."""
    for name in frame.columns:
        if name not in (time_name, "value", "lower", "upper"):
            column = frame[name]
            text = column.astype("str")
            frame[name] = text.where(column.notna(), "")
    return frame


def _times(column: pd.Series, zone: tzinfo | None) -> Any:
    """Microseconds UTC of times that all name their zone, or of local times of `zone`.

    Raises
    ------
    _DoubtError
        When one is missing, has no zone, or is written in another way.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        moments = column
    else:
        zoned = False
        if not pd.api.types.is_datetime64_any_dtype(column.dtype):
            column = column.astype("str")
            zoned = bool(column.str.endswith("Z").all() or column.str.contains(_ZONED).all())
        if not zoned and zone is None:
            raise _DoubtError(Message("the times have no zone; write them in UTC"))
        try:
            moments = pd.to_datetime(column, format="ISO8601", utc=zoned)
            if not zoned:
                moments = moments.dt.tz_localize(zone, ambiguous="raise", nonexistent="raise")
        except (ValueError, AttributeError) as error:
            raise _DoubtError(Message.of(error)) from None
    if moments.isna().any():
        raise _DoubtError(Message("a time is missing"))
    return moments.dt.as_unit("us").astype("int64").to_numpy()


def _extend_bounds(series: _Series, wanted: bool) -> None:
    """Give a series limits for the values that came without, once some come with them."""
    if wanted and not series.lower and series.times:
        empty = array("d", [float("nan")]) * len(series.times)
        series.lower, series.upper = empty[:], empty[:]


def _order(key: SeriesKey, series: _Series) -> None:
    """Sort by time; a value that is there twice is kept once.

    Raises
    ------
    SourceError
        When two values of one series have the same time and differ.
    """
    times = series.times
    import numpy as np

    if (np.diff(np.frombuffer(times, dtype="int64")) > 0).all():
        return
    order = np.argsort(np.frombuffer(times, dtype="int64"), kind="stable")
    taken = np.frombuffer(times, dtype="int64")[order]
    values = np.frombuffer(series.values)[order]
    flags = np.frombuffer(series.flags, dtype="int8")[order]
    told = np.frombuffer(series.told, dtype="int32")[order]
    again = np.flatnonzero(np.diff(taken) == 0) + 1
    same = (values[again] == values[again - 1]) | (np.isnan(values[again]) & np.isnan(values[again - 1]))
    same &= flags[again] == flags[again - 1]
    if not same.all():
        at = int(taken[again[~same][0]])
        when = np.datetime64(at, "us")
        raise SourceError(
            Message(
                "{file}: {series} has two different values at {time}Z; keep one of them",
                file=series.file,
                series=key,
                time=when,
            )
        )
    keep = np.ones(len(taken), dtype=bool)
    keep[again] = False
    limits = [np.frombuffer(x)[order][keep] if len(x) else None for x in (series.lower, series.upper)]
    series.times = array("q", taken[keep].tobytes())
    series.values = array("d", values[keep].tobytes())
    series.flags = array("b", flags[keep].tobytes())
    series.told = array("i", told[keep].tobytes())
    for name, limit in zip(("lower", "upper"), limits, strict=True):
        if limit is not None:
            setattr(series, name, array("d", limit.tobytes()))
