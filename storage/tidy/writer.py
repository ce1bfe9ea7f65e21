"""Series out as a tidy table with a sidecar that says what they are.

A table appears whole or not at all; numbers are written so that reading them gives the same bits.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.compensation import computed_for
from soilco2.station_config.deployments import import_channel
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message, system
from soilco2.station_config.times import iso
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.errors import ExportError
from soilco2.storage.reader import Piece, Reader, SeriesInfo
from soilco2.storage.tidy.text import COLUMNS

if TYPE_CHECKING:
    from soilco2.quality.plans import ToldSettings
    from soilco2.station_config.catalogue.probe import ProbeModel
    from soilco2.station_config.loader import Station

SCHEMA = "soilco2-tidy-1"
FORMATS = (".csv", ".csv.gz", ".parquet")
FLAG_LEGEND = {flag.value: flag.name.lower().replace("_", " ") for flag in Flag}


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
        found = describe(infos, counts, station, start_us, end_us, flags, told, origins)
        found["columns"] = list(columns)
        head: dict[str, Any] = {
            "schema": SCHEMA,
            "file": path.name,
            "sha256": _sha256(table),
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


class Origin:
    """What the values of a series came from.

    Attributes
    ----------
    imported : int
        Values at whose time an import, and no instrument, has a sample.
    seen : set of (str, str)
        Serial number and channel of instruments that have samples at the times of values.
    """

    def __init__(self) -> None:
        self.imported = 0
        self.seen: set[tuple[str, str]] = set()

    def add(
        self,
        station: Station,
        key: SeriesKey,
        times: Sequence[int],
        sample_times: Callable[[str, str, int, int], list[int]],
    ) -> None:
        """Look at the times of some values [µs UTC], in order."""
        if not times:
            return
        first, end = times[0], times[-1] + 1
        left = set(times).intersection(sample_times(*import_channel(key), first, end))
        for serial, channel, since, until in station.deployments.instruments_of(key):
            there = sample_times(
                serial, channel, max(since, first), end if until is None else min(until, end)
            )
            if not there:
                continue
            self.seen.add((serial, channel))
            left.difference_update(there)
        self.imported += len(left)


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


# the sidecar


def describe(
    infos: Sequence[SeriesInfo],
    counts: dict[SeriesKey, int],
    station: Station | None,
    start_us: int | None,
    end_us: int | None,
    flags: Collection[int] | None,
    told: Sequence[ToldSettings] = (),
    origins: Mapping[SeriesKey, Origin] | None = None,
) -> dict[str, Any]:
    """What a sidecar says of the data themselves; with `origins` also what they came from."""
    origins = origins or {}
    found: dict[str, Any] = {
        "time": {
            "from": None if start_us is None else iso(start_us),
            "to": None if end_us is None else iso(end_us),
            "zone": "UTC",
            "meaning": "from is part of the data, to is not",
        },
        "flags": {
            "scheme": "QARTOD",
            "meaning": {str(value): name for value, name in FLAG_LEGEND.items()},
            "kept": None if flags is None else sorted(int(flag) for flag in flags),
        },
        "depth": "m below the surface, positive downward; at the time of the value where the surface moves",
        "columns": list(COLUMNS),
        "series": [_series(info, counts[info.key], station, origins.get(info.key)) for info in infos],
    }
    if station is not None:
        table = station.file.station
        found["configuration"] = station.hash
        found["station"] = {
            "id": table.id,
            "name": table.name.model_dump(),
            "latitude": table.latitude,
            "longitude": table.longitude,
            "altitude_m": table.altitude_m,
            "timezone": table.timezone,
        }
        serials = {row["serial"] for series in found["series"] for row in series["installations"]}
        found["instruments"] = [_instrument(station, serial, told) for serial in sorted(serials)]
    return found


def _series(info: SeriesInfo, rows: int, station: Station | None, origin: Origin | None) -> dict[str, Any]:
    known = VARIABLES[info.key.variable]
    found: dict[str, Any] = {
        "key": list(info.key),
        "rows": rows,
        "unit": info.unit,
        "symbol": known.symbol,
        "name": {"en": known.name_en, "zh": known.name_zh},
        "cf_standard_name": known.cf_standard_name or None,
        "depth_m": info.depth_m,
        "period_s": info.period_s,
        "stamp": info.stamp,
        "note": info.note,
    }
    if station is not None:
        rows_of = station.deployments.instruments_of(info.key)
        found["installations"] = [
            {
                "serial": serial,
                "channel": channel,
                "from": iso(since),
                "until": None if until is None else iso(until),
            }
            for serial, channel, since, until in rows_of
            if origin is None or (serial, channel) in origin.seen
        ]
        if origin is not None:
            found["imported"] = origin.imported
    return found


def _computed_for(model: ProbeModel, serial: str, told: Sequence[ToldSettings]) -> list[dict[str, Any]]:
    """What a probe computed its CO2 reading for by its own word, from when on."""
    found: list[dict[str, Any]] = []
    for row in told:
        said = computed_for(model.compensation, row.values)
        if row.serial == serial and said and (not found or found[-1]["computed_for"] != said):
            found.append({"from": iso(row.from_us), "computed_for": said})
    return found


def _instrument(station: Station, serial: str, told: Sequence[ToldSettings] = ()) -> dict[str, Any]:
    deployments = station.deployments
    instrument = next((row for row in station.file.instrument if row.serial == serial), None)
    if instrument is None:
        return {"serial": serial, "model": "imported table"}
    model = station.models[instrument.model]
    compensation = instrument.compensation
    corrections: dict[str, dict[str, Any]] = {}
    for channel in deployments.channels_of(serial):
        spec = channel.spec
        if spec.variable == "co2":
            corrections["co2"] = {
                "pressure": (compensation and compensation.pressure) or spec.pressure,
                "temperature": (compensation and compensation.temperature) or spec.temperature,
                "meaning": "device: the probe compensates; none: corrected here to the measured state",
                "told": _computed_for(model, serial, told),
            }
    if deployments.ec_coefficient(serial) is not None:
        corrections["ec"] = {
            "probe_coefficient_per_k": deployments.ec_coefficient(serial),
            "coefficient_per_k": station.file.quality.ec_coefficient,
        }
    return {
        "serial": serial,
        "id": instrument.id,
        "model": instrument.model,
        "maker": model.maker,
        "interval_s": instrument.interval,
        "modelled": {name: words.en for name, words in instrument.modelled.items()},
        "corrections": corrections,
        "calibrations": [
            {
                "channel": row.channel,
                "valid_from": iso(moment_us(row.valid_from, deployments.zone)),
                "valid_until": None
                if row.valid_until is None
                else iso(moment_us(row.valid_until, deployments.zone)),
                "gain": row.gain,
                "offset": row.offset,
                "certificate": row.certificate,
            }
            for row in instrument.calibration
        ],
    }
