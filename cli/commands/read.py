"""``soilco2 read``: what instruments say now, with every byte if wanted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from soilco2.cli.options import echo, emit_json, fail, json_option, spoken_language, translate
from soilco2.cli.reasons import FLAGS, reason
from soilco2.cli.targets import (
    Target,
    address_of,
    bench,
    fitting,
    line_options,
    model_named,
    parts,
    settings_of,
    target_argument,
    target_of,
)  # fmt: skip
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.ingest.commissioning import Read
    from soilco2.quality.records import Observation
    from soilco2.station_config.loader import Station
    from soilco2.station_config.tables.instrument import Instrument


class Row(NamedTuple):
    """One channel as it is shown."""

    instrument: str
    serial: str
    channel: str
    value: float | None
    unit: str
    flag: int | None
    tests: str
    time_us: int | None
    raw: float | None = None
    status: str = ""
    error: str = ""
    pressure_hpa: float | None = None


@click.command("read")
@target_argument
@click.argument("instrument", required=False)
@click.option("--watch", is_flag=True, help="Read again and again until Ctrl-C.")
@click.option(
    "--every",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Seconds between, with --watch.",
)
@click.option("--raw", is_flag=True, help="Show the bytes that went over the line.")
@click.option("--model", metavar="ID", help="Model of the probe on a PORT.")
@click.option(
    "--address", metavar="ADDRESS", help="Its address; left out, the one it leaves the factory with."
)
@line_options
@spoken_language
@json_option
def command(
    target: str,
    instrument: str | None,
    watch: bool,
    every: float,
    raw: bool,
    model: str | None,
    address: str | None,
    connection: str | None,
    settings: str | None,
    catalogue: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Read the instruments of a station once, now; or the one probe on a port.

    Shows value, unit, flag, the reason of the flag and the age of each channel. What is polled is asked now, through
    the collector while it runs; of what is sent the newest reading of the journal is shown. Nothing is stored. A flag
    that needs earlier readings (spike, stuck) is given by the collector alone.

    Exit code 0: every instrument that was asked answered; 1: one did not; 2: wrong use, or the port cannot be opened.

    \b
    Examples:
      soilco2 read yulin.toml
      soilco2 read yulin.toml co2-10 --watch --raw
      soilco2 read /dev/ttyUSB0 --model vaisala-gmp252 --address 240 --line '19200 8N2'
    """
    where = _target(target, model, address, connection, settings, catalogue)
    assert where.station is not None
    wanted = _wanted(where, instrument)
    serials = {row.serial for row in wanted}
    asked = [*wanted, *_beside(where.station, wanted)]
    while True:
        began = time.monotonic()
        heard = list(_reads(where, asked))
        reads = [one for one in heard if one.serial in serials]
        rows = [*_rows(where.station, reads, heard), *_sent(where.station, wanted)]
        if as_json:
            emit_json({"readings": [_json(row) for row in rows], "frames": _frames(reads) if raw else []})
        else:
            _print(rows, reads if raw else [], where.station)
        if not watch:
            raise click.exceptions.Exit(1 if any(one.error for one in reads) else 0)
        time.sleep(max(0.0, began + every - time.monotonic()))


def _target(
    target: str,
    model: str | None,
    address: str | None,
    connection: str | None,
    settings: str | None,
    catalogue: tuple[Path, ...],
) -> Target:
    line = settings_of(settings)
    if not Path(target).is_file() and Path(target).suffix != ".toml":
        known = model_named(model, catalogue)
        where = target_of(target, connection, line or known.line, catalogue)
        row = fitting(where, known)
        at = known.address if address is None else address_of(address)
        return where._replace(station=bench(row, known, at), connections=[row])
    if model is not None or address is not None:
        fail(Message("--model and --address are for a port; the station file says them of its instruments"))
    return target_of(target, connection, line, catalogue)


def _wanted(where: Target, name: str | None) -> list[Instrument]:
    assert where.station is not None
    rows = [row for row in where.station.file.instrument if name in (None, row.id, row.serial)]
    if not rows:
        known = ", ".join(row.id for row in where.station.file.instrument) or "-"
        fail(Message("there is no instrument {name}; there are {known}", name=name or "", known=known))
    now_us = time.time_ns() // 1000
    return [row for row in rows if name is not None or where.station.deployments.active(row.serial, now_us)]


def _beside(station: Station, wanted: list[Instrument]) -> Iterator[Instrument]:
    """Who else is asked because the readings of those wanted are corrected with theirs, such as the barometer."""
    from soilco2.quality.plans import StationPlan

    now_us = time.time_ns() // 1000
    plan, deployments = StationPlan(station.deployments, station.hash), station.deployments
    series = [
        companion.series
        for row in wanted
        for channel in station.models[row.model_key].channel
        if (found := plan.of(row.serial, channel.id).at(now_us)) is not None
        for companion in found.channel.companions
    ]
    serials = {
        serial
        for one in series
        for serial, _, start, end in deployments.instruments_of(one)
        if start <= now_us and (end is None or now_us < end)
    } - {row.serial for row in wanted}
    yield from (row for row in station.file.instrument if row.serial in serials)


def _reads(where: Target, wanted: list[Instrument]) -> Iterator[Read]:
    from soilco2.ingest.commissioning import Read, read_of
    from soilco2.ingest.errors import IngestError
    from soilco2.storage.errors import StorageError

    for connection in where.connections:
        serials = [row.serial for row in wanted if row.connection == connection.id]
        if serials:
            try:
                yield from map(read_of, parts(where, connection, "read", serials=serials))
            except (IngestError, StorageError) as error:
                if where.station is None or where.station.path is None:
                    raise
                now_us = time.time_ns() // 1000  # the other lines of the station are read all the same
                yield from (Read(serial, now_us, (), (), Message.of(error)) for serial in serials)


def _rows(station: Station, reads: list[Read], heard: list[Read]) -> Iterator[Row]:
    """What was read, judged by all that was heard as the collector would, without what came before."""
    names = {row.serial: row.id for row in station.file.instrument}
    seen = _judged(station, heard)
    for one in reads:
        name = names[one.serial]
        if one.error:
            yield Row(name, one.serial, "", None, "", None, "", None, error=one.error)
        for reading in one.readings:
            channel = station.deployments.channel(one.serial, reading.channel)
            if channel is None:
                continue
            found = seen.get((one.serial, reading.channel))
            value = None if reading.raw is None else channel.a * reading.raw + channel.b
            yield Row(
                name,
                one.serial,
                reading.channel,
                found.value if found is not None else value,
                station.variables[channel.variable].unit,
                None if found is None else int(found.flag),
                "" if found is None else found.tests,
                one.time_us,
                reading.raw,
                reading.status,
                pressure_hpa=None if found is None else _pressure(station, found, seen),
            )


def _pressure(
    station: Station, observation: Observation, seen: dict[tuple[str, str], Observation]
) -> float | None:
    """Pressure that a reading was corrected with [hPa]; None where it was not."""
    from soilco2.quality.corrections import PRESSURE, STANDARD_PRESSURE

    names = observation.corrections.split(",")
    if STANDARD_PRESSURE in names:
        return station.deployments.standard_pressure_hpa
    if PRESSURE not in names:
        return None
    measured = (row for row in seen.values() if row.series.variable == "air_pressure")
    return next((row.value for row in measured if row.series.profile == "site"), None)


def _ready(station: Station) -> Station:
    """The station with instruments that are warm: how long one has power is not known, what it says of itself is."""
    rows = tuple(row.model_copy(update={"warm_up": 0.0}) for row in station.file.instrument)
    return replace(station, file=station.file.model_copy(update={"instrument": rows}))


def _judged(station: Station, reads: list[Read]) -> dict[tuple[str, str], Observation]:
    from soilco2.ingest.drivers.sample import Arrival, sample_of
    from soilco2.quality.pipeline import Pipeline
    from soilco2.quality.plans import StationPlan

    now_us = max((one.time_us for one in reads), default=0)  # one moment, so that one can correct another
    came = Arrival(now_us, 0, "", "read")
    samples = [
        sample_of(one.serial, row.channel, now_us, row.raw, row.status, None, came, row.said)
        for one in reads
        for row in one.readings
    ]
    plan = StationPlan(_ready(station).deployments, station.hash)
    made = {row.series: row for row in Pipeline(plan).feed(samples).observations}
    found = {}
    for sample in samples:
        series = station.deployments.series_at(sample.serial, sample.channel, now_us)
        observation = None if series is None else made.get(series)  # type: ignore[call-overload]
        if observation is not None:
            found[sample.serial, sample.channel] = observation
    return found


def _sent(station: Station, wanted: list[Instrument]) -> Iterator[Row]:
    """The newest reading that the journal has of each instrument that sends."""
    from soilco2.station_config.connections.registry import kind_at
    from soilco2.storage.errors import StorageError
    from soilco2.storage.journal.reader import JournalReader

    sending = {
        row.serial: row
        for row in wanted
        if kind_at(station.file.connection, row.connection).contract == "pushed"
    }
    if not sending:
        return
    heard: set[str] = set()
    try:
        with JournalReader(station.journal_path) as reader:
            latest = reader.latest(time.time_ns() // 1000)
    except (StorageError, OSError):
        latest = []
    for one in latest:
        for serial, channel, start, end in station.deployments.instruments_of(one.series):
            there = serial in sending and start <= one.time_us and (end is None or one.time_us < end)
            # what is computed of several channels, such as conductivity at 25 °C, is none of them
            if there and station.deployments.series_at(serial, channel, one.time_us) == one.series:
                heard.add(serial)
                unit = station.variables[one.series.variable].unit
                name = sending[serial].id
                yield Row(
                    name, serial, channel, one.value, unit, int(one.flag), one.tests, one.time_us, one.raw
                )
    for serial in sending.keys() - heard:
        why = Message("nothing has come from it yet: is the collector running, and does it send?")
        yield Row(sending[serial].id, serial, "", None, "", None, "", None, error=why)


def _age(row: Row) -> float | None:
    return None if row.time_us is None else max(0.0, time.time() - row.time_us / 1e6)


def _json(row: Row) -> dict[str, Any]:
    age = _age(row)
    return {
        **row._asdict(),
        "tests": [name for name in row.tests.split(",") if name],
        "age_s": None if age is None else round(age, 1),
    }


def _frames(reads: list[Read]) -> list[dict[str, Any]]:
    return [
        {"serial": one.serial, "frames": [[way, data.hex(" ")] for way, data in one.frames]} for one in reads
    ]


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for length, letter in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {letter}"
    return f"{seconds:.0f} s"


def _corrected(rows: list[Row]) -> dict[tuple[float, bool], list[str]]:
    """Which instruments were corrected with which pressure [hPa], and whether it is the standard one."""
    found: dict[tuple[float, bool], list[str]] = {}
    for row in rows:
        if row.pressure_hpa is not None:
            standard = "standard_pressure" in row.tests.split(",")
            names = found.setdefault((row.pressure_hpa, standard), [])
            if row.instrument not in names:
                names.append(row.instrument)
    return found


def _print(rows: list[Row], reads: list[Read], station: Station) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    headers = (
        Message("device"), Message("channel"), Message("reading"), Message("unit"), Message("flag"),
        Message("reason"), Message("age"),
    )  # fmt: skip
    for header in headers:
        table.add_column(translate(header), overflow="fold")
    for row in rows:
        if row.error:
            continue
        value = "-" if row.value is None else f"{row.value:.6g}"
        flag = Message("placed nowhere") if row.flag is None else FLAGS[row.flag]
        why = translate(reason(row.tests)) or row.status
        table.add_row(row.instrument, row.channel, value, row.unit, translate(flag), why, _span(_age(row)))
    console = Console(highlight=False, width=None if os.isatty(1) else 160)
    if table.row_count:
        console.print(table)
    for (pressure, standard), told in _corrected(rows).items():
        by = (
            Message("the standard pressure at this altitude")
            if standard
            else Message("what the barometer reads")
        )
        echo(
            Message(
                "{instruments}: corrected with {pressure:.1f} hPa, {by}",
                instruments=", ".join(told), pressure=pressure, by=by,
            )
        )  # fmt: skip
    for row in rows:
        if row.error:
            echo(Message("{instrument}: {why}", instrument=row.instrument, why=row.error))
    names = {row.serial: row.id for row in station.file.instrument}
    for one in reads:
        for way, data in one.frames:
            arrow = ">" if way == "out" else "<"
            text = data.decode("ascii", "replace")
            shown = f"  {text!r}" if text.strip() and text.strip().isprintable() else ""
            click.echo(f"{names[one.serial]} {arrow} {data.hex(' ').upper()}{shown}")
