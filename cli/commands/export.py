"""``soilco2 export``: series as a tidy table with a sidecar that explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from soilco2 import __version__
from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    load,
    parse_window,
    spoken_language,
    window_options,
)
from soilco2.cli.progress import progress
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.quality.plans import ToldSettings
    from soilco2.station_config.loader import Station
    from soilco2.station_config.variables import Variables
    from soilco2.storage.reader import Reader, SeriesInfo
    from soilco2.storage.tidy.writer import Exported

_FLAG_WORDS = {"good": 1, "not-evaluated": 2, "suspect": 3, "bad": 4, "missing": 9}


def _flags(text: str | None) -> frozenset[int] | None:
    if text is None:
        return None
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        number = _FLAG_WORDS.get(part.lower(), int(part) if part.isdigit() else None)
        if number is None or number not in _FLAG_WORDS.values():
            raise click.BadParameter(
                Message(
                    "{part!r} is no flag; expected {flag_words}",
                    part=part,
                    flag_words=", ".join((f"{v} ({k})" for k, v in _FLAG_WORDS.items())),
                ),
                param_hint="--flags",
            )
        found.add(number)
    return frozenset(found)


def _depths(texts: Sequence[str]) -> list[tuple[float, float]]:
    found = []
    for text in texts:
        low, _, high = text.partition("..")
        try:
            found.append((float(low), float(high or low)))
        except ValueError:
            raise click.BadParameter(
                Message("{text!r} is no depth; expected metres, such as 0.10, or 0..0.30", text=text),
                param_hint="--depth",
            ) from None
    return found


def _chosen(
    infos: Sequence[SeriesInfo],
    known: Variables,
    variables: Sequence[str],
    profiles: Sequence[str],
    depths: Sequence[str],
) -> list[SeriesInfo]:
    for name in variables:
        known.find(name)
    ranges = _depths(depths)
    here = {info.key.profile for info in infos}
    for profile in profiles:
        if profile not in here:
            fail(
                Message(
                    "profile {profile!r} has no data; there are {here}",
                    profile=profile,
                    here=", ".join(sorted(here)) or Message("none"),
                )
            )
    found = [
        info
        for info in infos
        if (not variables or info.key.variable in variables)
        and (not profiles or info.key.profile in profiles)
        and (
            not ranges
            or (
                info.depth_m is not None
                and any(low - 1e-9 <= info.depth_m <= high + 1e-9 for low, high in ranges)
            )
        )
    ]
    if not found:
        there = sorted({info.key.variable for info in infos})
        fail(
            Message(
                "no series fits; there are {count} series of {known}",
                count=len(infos),
                known=", ".join(there),
            )
            if infos
            else Message("there are no data yet")
        )
    return found


@click.command(
    "export",
    epilog="Example: soilco2 export station.toml --from 2026-06-01 --to 2026-07-01 -o june.csv.gz",
)
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@spoken_language
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File: .csv, .csv.gz or .parquet."
)
@window_options
@click.option("--variable", "variables", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option("--profile", "profiles", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--depth", "depths", multiple=True, metavar="M", help="Only 0.10, or 0..0.30 [m]; repeatable.")
@click.option("--flags", metavar="LIST", help="Only values with these flags, such as good,suspect or 1,2.")
@click.option(
    "--source",
    type=click.Choice(["auto", "journal", "influx"]),
    default="auto",
    help="Where to read a station.",
)
@click.option("--licence", default="", metavar="TEXT", help="Licence of the data, for the sidecar.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@json_option
def command(
    data: tuple[Path, ...],
    out: Path | None,
    since: str | None,
    until: str | None,
    variables: tuple[str, ...],
    profiles: tuple[str, ...],
    depths: tuple[str, ...],
    flags: str | None,
    source: str,
    licence: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write series as a tidy table with a sidecar that explains it.

    DATA is a station file, or tidy tables (CSV, Parquet). Times without a zone are the station's (UTC for
    tables); the end is exclusive. The sidecar <file>.json says instruments, calibrations, configuration and
    what the flags mean.
    """
    from soilco2.storage.open import open_reader
    from soilco2.storage.tidy.writer import write_tidy

    station: Station | None = load(data[0]) if data[0].suffix.lower() == ".toml" else None
    zone = station.file.station.zone if station is not None else ZoneInfo("UTC")
    start_us, end_us = parse_window(since, until, zone)
    wanted = _flags(flags)
    path = out or Path(f"{station.file.station.id if station is not None else data[0].stem}-export.csv")
    reader = open_reader(data[0] if len(data) == 1 else list(data), source=source)  # type: ignore[arg-type]
    try:
        infos = _chosen(reader.series(), reader.variables, variables, profiles, depths)
        with progress(str(path), wanted=not as_json) as show:
            waiting, told, sample_times = _of_journal(reader, start_us, end_us)
            written = write_tidy(
                reader,
                infos,
                path,
                start_us=start_us,
                end_us=end_us,
                flags=wanted,
                station=station,
                told=told,
                sample_times=sample_times,
                licence=licence,
                source={"auto": "journal" if station is not None else "tidy table"}.get(source, source),
                version=__version__,
                waiting=waiting,
                force=force,
                progress=show,
            )
    finally:
        reader.close()
    if waiting:
        echo(
            Message(
                "{waiting} readings that came late wait for judgement; export again when 'soilco2 status' names none",
                waiting=waiting,
            ),
            err=True,
        )
    _say(written, as_json)


def _of_journal(
    reader: Reader, start_us: int | None, end_us: int | None
) -> tuple[int, Sequence[ToldSettings], Callable[[str, str, int, int], list[int]] | None]:
    """Of a journal alone: late readings that wait for judgement, what instruments told, times of samples."""
    from soilco2.storage.journal.reader import JournalReader

    if not isinstance(reader, JournalReader):
        return 0, (), None
    first, last = -(2**62) if start_us is None else start_us, 2**62 if end_us is None else end_us
    return reader.accounting.waiting(first, last), reader.accounting.settings_told(), reader.sample_times


def _say(written: Exported, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "file": str(written.path),
                "sidecar": str(written.sidecar),
                "rows": written.rows,
                "series": {str(key): count for key, count in written.series.items()},
            }
        )
    else:
        echo(
            Message(
                "{path}: {rows} values of {count} series; {sidecar}",
                path=written.path,
                rows=written.rows,
                count=len(written.series),
                sidecar=written.sidecar,
            )
        )
