"""Series out as a tidy table with a sidecar that says what they are.

A table appears whole or not at all; numbers are written so that reading them gives the same bits.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from soilco2.quality.records import SeriesKey
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message, system
from soilco2.station_config.times import iso
from soilco2.storage.errors import ExportError
from soilco2.storage.files import sha256
from soilco2.storage.reader import Piece, Reader, SeriesInfo
from soilco2.storage.tidy.sidecar import Origin, describe
from soilco2.storage.tidy.text import COLUMNS

if TYPE_CHECKING:
    from soilco2.quality.plans import ToldSettings
    from soilco2.station_config.loader import Station

SCHEMA = "soilco2-tidy-1"
FORMATS = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Parameters
    ----------
    path, sidecar : Path
    rows : int
    series : dict of SeriesKey to int
        Rows of each series.
    """

    path: Path
    sidecar: Path
    rows: int
    series: dict[SeriesKey, int]


def write_tidy(
    reader: Reader,
    infos: Sequence[SeriesInfo],
    path: Path,
    *,
    start_us: int | None = None,
    end_us: int | None = None,
    flags: Collection[int] | None = None,
    station: Station | None = None,
    told: Sequence[ToldSettings] = (),
    sample_times: Callable[[str, str, int, int], list[int]] | None = None,
    licence: str = "",
    source: str = "",
    version: str = "",
    waiting: int = 0,
    force: bool = False,
    progress: Callable[[str], None] = lambda words: None,
) -> Exported:
    """Write series as a tidy table with its sidecar ``<name>.json``.

    Parameters
    ----------
    reader : Reader
    infos : sequence of SeriesInfo
        The series wanted, as `reader` describes them.
    path : Path
        ``.csv``, ``.csv.gz`` or ``.parquet``.
    start_us, end_us : int, optional
        From (inclusive) and to (exclusive) [µs UTC].
    flags : collection of int, optional
        Only values with one of these QARTOD flags.
    station : Station, optional
        Gives instruments, calibrations, configuration, and depths that follow a moving surface.
    told : sequence of ToldSettings
        What instruments told of their settings, for the sidecar.
    sample_times : callable, optional
        Times of a channel's samples in a window, of a journal: the sidecar then says how many values came by import,
        and names instruments that have samples at the times of the table alone.
    licence, source, version : str
        For the sidecar: licence of the data, where they were read, version of this software.
    waiting : int
        For the sidecar: readings of the time that wait for judgement, so that values may still change.
    force : bool
        Replace files that are there.
    progress : callable, optional
        Told how far it is.

    Raises
    ------
    ExportError
        When the file exists, has an unknown ending or cannot be written.
    """
    sidecar = path.with_name(path.name + ".json")
    kind = _ending(path, sidecar, force)
    counts: dict[SeriesKey, int] = {}
    origins: dict[SeriesKey, Origin] = {}

    def pieces() -> Iterator[tuple[SeriesInfo, Piece, list[float | None] | None]]:
        for info in infos:
            depth = _moving_depth(station, info.key)
            counts[info.key] = 0
            for piece in reader.read([info.key], start_us, end_us):
                kept = piece if flags is None else _only(piece, flags)
                counts[info.key] += len(kept.times)
                if station is not None and sample_times is not None:
                    origins.setdefault(info.key, Origin()).add(station, info.key, kept.times, sample_times)
                progress(Message("{count} values", count=sum(counts.values())))
                yield info, kept, None if depth is None else [depth(t) for t in kept.times]

    writers = {".csv": _write_csv, ".csv.gz": _write_gzip, ".parquet": _write_parquet}
    with _new_file(path, path) as (table, finish_table), _new_file(sidecar, path) as (notes, finish_notes):
        columns = columns_of(infos)
        writers[kind](table, pieces(), columns)
        found = describe(infos, counts, station, start_us, end_us, flags, told, origins, reader.variables)
        found["columns"] = list(columns)
        head: dict[str, Any] = {
            "schema": SCHEMA,
            "file": path.name,
            "sha256": sha256(table),
            "rows": sum(counts.values()),
            "created_utc": iso(round(datetime.now(UTC).timestamp()) * 1_000_000),
            "software": {"name": "soilco2", "version": version},
            "source": source,
            "licence": licence or None,
            "waiting_for_judgement": waiting,
        }
        text = json.dumps(head | found, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        notes.write_text(text, encoding="utf-8", newline="\n")
        # a sidecar without its table misleads nobody; a table without its sidecar might
        finish_notes()
        finish_table()
    return Exported(path, sidecar, sum(counts.values()), counts)


def columns_of(infos: Sequence[SeriesInfo]) -> tuple[str, ...]:
    """The columns of a table: with `method` where a series tells one."""
    at = COLUMNS.index("period_s")
    return (*COLUMNS[:at], "method", *COLUMNS[at:]) if any(info.method for info in infos) else COLUMNS


def _ending(path: Path, sidecar: Path, force: bool) -> str:
    """The ending of a table, which may be written there with its sidecar.

    Raises
    ------
    ExportError
        When it may not.
    """
    kind = next((end for end in reversed(FORMATS) if path.name.lower().endswith(end)), None)
    if kind is None:
        raise ExportError(
            Message("{path}: the ending must be one of {endings}", path=path, endings=", ".join(FORMATS))
        )
    for target in (path, sidecar):
        if target.exists() and not force:
            raise ExportError(
                Message(
                    "{path} is there already; choose another name, or replace it with --force", path=target
                )
            )
    if not path.parent.is_dir():
        raise ExportError(Message("the folder {folder} is not there", folder=path.parent))
    return kind


@contextlib.contextmanager
def _new_file(path: Path, asked: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A file beside `path` and the function that makes it `path`; gone again when that was not called.

    A fault names the file that was asked for.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def finish() -> None:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)

    try:
        yield part, finish
    except OSError as error:
        raise ExportError(
            Message("{path} cannot be written: {why}", path=asked, why=system(error))
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _moving_depth(station: Station | None, key: SeriesKey) -> Callable[[int], float | None] | None:
    """Depth by time where the surface of the profile moves; None where the depth stays."""
    if station is None or not any(p.id == key.profile and p.surface for p in station.file.profile):
        return None
    return lambda time_us: station.deployments.depth_at(key.profile, key.position, time_us)


def _only(piece: Piece, flags: Collection[int]) -> Piece:
    kept = [index for index, flag in enumerate(piece.flags) if flag in flags]
    if len(kept) == len(piece.flags):
        return piece

    def chosen(column: Any) -> Any:
        return type(column)(column.typecode, [column[index] for index in kept]) if column else column

    return Piece(
        piece.key, chosen(piece.times), chosen(piece.values), chosen(piece.flags),
        chosen(piece.lower), chosen(piece.upper), piece.method, piece.period_s, piece.stamp,
    )  # fmt: skip


# text


def cell(text: str) -> str:
    """A text as CSV writes it (RFC 4180)."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _number(value: float | None) -> str:
    return "" if value is None or value != value else repr(value)


def _lines(
    info: SeriesInfo, piece: Piece, depths: list[float | None] | None, columns: Sequence[str]
) -> Iterator[str]:
    key = info.key
    front = f",{cell(key.station)},{cell(key.profile)},{cell(key.position)},"
    behind = f",{key.variable},"
    unit = f",{cell(info.unit)},"
    method = f",{cell(piece.method)}" if "method" in columns else ""
    end = f"{method},{_number(_period_s(info, piece))},{piece.stamp or info.stamp}\n"
    bounds = zip(piece.lower, piece.upper, strict=True) if piece.lower else None
    here = _number(info.depth_m)
    for index, (time_us, value, flag) in enumerate(zip(piece.times, piece.values, piece.flags, strict=True)):
        depth = here if depths is None else _number(depths[index])
        number = repr(value) if value == value else ""
        if bounds is None:
            yield f"{iso(time_us)}{front}{depth}{behind}{number}{unit}{flag},,{end}"
        else:
            lower, upper = next(bounds)
            limits = f"{_number(lower)},{_number(upper)}"
            yield f"{iso(time_us)}{front}{depth}{behind}{number}{unit}{flag},{limits}{end}"


_Pieces = Iterator[tuple[SeriesInfo, Piece, list[float | None] | None]]


def _period_s(info: SeriesInfo, piece: Piece) -> float | None:
    return piece.period_s if piece.stamp else info.period_s


def _write_text(file: IO[bytes], pieces: _Pieces, columns: Sequence[str]) -> None:
    file.write((",".join(columns) + "\n").encode())
    for info, piece, depths in pieces:
        file.write("".join(_lines(info, piece, depths, columns)).encode())


def _write_csv(path: Path, pieces: _Pieces, columns: Sequence[str]) -> None:
    with path.open("wb") as file:
        _write_text(file, pieces, columns)


def _write_gzip(path: Path, pieces: _Pieces, columns: Sequence[str]) -> None:
    # without name and time in its head, the same data give the same file
    with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, 0) as packed:
        _write_text(cast(IO[bytes], packed), pieces, columns)


def _write_parquet(path: Path, pieces: _Pieces, columns: Sequence[str]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ExportError(
            Message(
                "Parquet is written by the extra 'analysis': {how_to_add}", how_to_add=how_to_add("analysis")
            )
        ) from None
    text = pa.dictionary(pa.int32(), pa.string())
    numbers = {"depth_m", "value", "lower", "upper", "period_s"}
    kinds = {name: pa.float64() if name in numbers else text for name in columns}
    kinds |= {"time_utc": pa.timestamp("us", tz="UTC"), "flag": pa.int8()}
    schema = pa.schema([pa.field(name, kinds[name]) for name in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for info, piece, depths in pieces:
            count = len(piece.times)
            words = {
                "station": info.key.station, "profile": info.key.profile, "position": info.key.position,
                "variable": info.key.variable, "unit": info.unit, "stamp": piece.stamp or info.stamp,
                "method": piece.method,
            }  # fmt: skip
            values = pa.array(piece.values, from_pandas=True, type=pa.float64())
            empty = pa.nulls(count, pa.float64())
            cells = {name: pa.array([word] * count, text) for name, word in words.items()} | {
                "time_utc": pa.array(piece.times, pa.int64()).cast(kinds["time_utc"]),
                "value": values,
                "flag": pa.array(piece.flags, pa.int8()),
                "depth_m": pa.array([info.depth_m] * count if depths is None else depths, pa.float64()),
                "lower": pa.array(piece.lower, pa.float64(), from_pandas=True) if piece.lower else empty,
                "upper": pa.array(piece.upper, pa.float64(), from_pandas=True) if piece.upper else empty,
                "period_s": pa.array([_period_s(info, piece)] * count, pa.float64()),
            }
            writer.write_table(pa.table([cells[name] for name in columns], schema=schema))
