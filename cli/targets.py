"""What the commands of commissioning are pointed at: a station file and one of its lines, or a port."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from soilco2.cli.options import fail, load
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.station_config.catalogue.probe import Line, ProbeModel
    from soilco2.station_config.connections.kind import Connection
    from soilco2.station_config.loader import Station

F = TypeVar("F", bound=Callable[..., Any])

HERE = "bench/here"
"""Where a probe is said to be that is read on a port, without a station."""


class Target(NamedTuple):
    """Where a command works.

    Parameters
    ----------
    text : str
        As it was given.
    station : Station or None
        None where it is a port.
    connections : list of Connection
        Lines of the station that are asked, or what the port may be.
    catalogue : tuple of Path
        Folders with further models.
    """

    text: str
    station: Station | None
    connections: list[Connection]
    catalogue: tuple[Path, ...]


def target_argument(function: F) -> F:
    """The argument TARGET: a port or a station file."""
    return click.argument("target", metavar="PORT|STATION")(function)


def line_options(function: F) -> F:
    """The options that say which line of a station, or how a port is to be opened."""
    for option in (
        click.option(
            "--catalogue",
            multiple=True,
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help="Folder with probe models of your own, for a PORT.",
        ),
        click.option(
            "--line", "settings", metavar="SETTINGS", help="Line settings of a PORT, such as '9600 8N1'."
        ),
        click.option("--connection", metavar="ID", help="Which line of the STATION."),
    ):
        function = option(function)
    return function


def settings_of(text: str | None) -> Line | None:
    """Line settings as they were given, or exit 2."""
    from soilco2.station_config.catalogue.probe import Line

    try:
        return None if text is None else Line.of(text)
    except ValueError as error:
        fail(Message("--line: {why}", why=error))


def target_of(
    text: str, connection: str | None, settings: Line | None, catalogue: tuple[Path, ...] = ()
) -> Target:
    """The station and its lines, or the port, or exit 2 with what was expected."""
    path = Path(text)
    if path.is_file() or path.suffix == ".toml":
        return _of_station(text, load(path), connection, settings)
    if connection is not None:
        fail(Message("--connection names a line of a station file, and {text} is none", text=text))
    from soilco2.ingest.commissioning import connections_at

    found = connections_at(text, settings)
    if not found:
        fail(
            Message(
                "{text}: neither a station file nor a port; expected such as yulin.toml, "
                "/dev/serial/by-id/usb-… or /dev/ttyUSB0",
                text=text,
            )
        )
    return Target(text, None, found, catalogue)


def _of_station(text: str, station: Station, connection: str | None, settings: Line | None) -> Target:
    from soilco2.station_config.connections.registry import kind_of

    if settings is not None:
        fail(
            Message(
                "--line is for a port; the line settings of a station stand in its file, {text}", text=text
            )
        )
    rows = [row for row in station.file.connection if kind_of(row).contract == "polled"]
    if connection is not None:
        rows = [row for row in station.file.connection if row.id == connection]
        if not rows:
            known = ", ".join(row.id for row in station.file.connection)
            fail(Message("--connection {name}: the station has {known}", name=connection, known=known))
    return Target(text, station, rows, station.file.catalogue)


def model_named(name: str | None, catalogue: tuple[Path, ...]) -> ProbeModel:
    """A model of the catalogue by its id, or exit 2 with the nearest ones."""
    from soilco2.station_config.catalogue.load import load_catalogue
    from soilco2.station_config.parsing.faults import nearest

    if name is None:
        fail(
            Message(
                "a port needs --model: soilco2 scan names the models that may be there, soilco2 catalogue lists all"
            )
        )
    models = load_catalogue(*catalogue)
    if name not in models:
        hint = nearest(name, models)
        fail(Message("--model {name}: there is no such model; {hint}", name=name, hint=hint))
    return models[name]


def fitting(target: Target, model: ProbeModel) -> Connection:
    """The connection of a port that can carry a model, or exit 2."""
    from soilco2.station_config.connections.registry import kind_of

    for row in target.connections:
        if isinstance(model, kind_of(row).models):
            return row
    fail(Message("{model} cannot be read on {text}: it speaks {protocol}", model=model.id, text=target.text,
                 protocol=model.protocol))  # fmt: skip


def bench(connection: Connection, model: ProbeModel, address: int | str | None) -> Station:
    """A station of one probe on a port; its CO₂ is shown as the probe gives it."""
    from soilco2.station_config.loader import parse_station
    from soilco2.station_config.tables.instrument import ON_THE_BENCH

    probe = {
        "id": model.id,
        "model": model.id,
        "serial": ON_THE_BENCH,
        "connection": connection.id,
        "address": address,
        "interval": "60s",
        "compensation": {"pressure": "device", "temperature": "device"},
        "installation": [{"position": where, "from": "2000-01-01"} for where in (HERE, "site")],
    }
    name = {"en": "bench", "zh": "bench"}
    file = {
        "station": {
            "id": "bench", "name": name, "latitude": 0.0, "longitude": 0.0, "altitude_m": 0.0, "timezone": "UTC",
        },
        "connection": [connection.model_dump(mode="json", exclude_defaults=True)],
        "profile": [{"id": "bench", "position": [{"id": "here", "depth_m": 0.1}]}],
        "instrument": [probe],
    }  # fmt: skip
    models = {model.id: model.model_dump(mode="json", exclude_defaults=True)}
    return parse_station(json.dumps({"station_file": file, "models": models}))


def parts(target: Target, connection: Connection, task: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """What a task gives on a line of a station: through its collector where one runs, else here."""
    from soilco2.ingest.commissioning import carry_out
    from soilco2.storage.journal.control import ask

    station = target.station
    assert station is not None
    if station.path is not None:  # a port has no collector that could be asked
        through = ask(station.journal_path, "commission", connection=connection.id, task=task, **arguments)
        if through is not None:
            return through
    return held_by_nobody(carry_out(station, connection.id, None, task, arguments))


def held_by_nobody(found: Iterator[Any]) -> Iterator[Any]:
    """What comes of a port; one that another process has is told with the way out."""
    from soilco2.ingest.errors import PortBusy

    try:
        yield from found
    except PortBusy as error:
        raise PortBusy(
            Message(
                "{why}; where it is a collector, name its station file in place of the port, and the command goes "
                "through it",
                why=error,
            )
        ) from error


def probe_at(
    target: str,
    address: int | str,
    model: str | None,
    connection: str | None,
    line: Line | None,
    catalogue: tuple[Path, ...],
) -> tuple[Target, Connection, ProbeModel]:
    """The station, the line and the model of the probe at an address, or exit 2."""
    if line is None and not Path(target).is_file() and model is not None:
        line = model_named(model, catalogue).line  # what it leaves the factory with
    where = target_of(target, connection, line, catalogue)
    if where.station is None:
        known = model_named(model, catalogue)
        row = fitting(where, known)
        return where._replace(station=bench(row, known, address)), row, known
    ids = {row.id for row in where.connections}
    rows = [
        row
        for row in where.station.file.instrument
        if row.connection in ids and str(row.address) == str(address)
    ]
    names = {row.connection for row in rows}
    if len(names) > 1:
        fail(Message("{address} is an address on {lines}: name one with --connection", address=address,
                     lines=", ".join(sorted(names))))  # fmt: skip
    if not rows and (model is None or len(where.connections) != 1):
        fail(
            Message(
                "no instrument of {target} has the address {address}; for another probe on one of its lines name "
                "--connection and --model",
                target=target,
                address=address,
            )
        )
    name = rows[0].connection if rows else where.connections[0].id
    row = next(one for one in where.connections if one.id == name)
    chosen = model or rows[0].model
    used = where.station.models.get(chosen)
    return where, row, used if used is not None else model_named(chosen, where.catalogue)


def same_probe(target: str, model: ProbeModel, line: str | None, connection: str | None) -> str:
    """The options that name the same probe again."""
    known = f" --connection {connection}" if connection else ""
    settings = f" --line '{line}'" if line else ""
    return f"--model {model.id}{settings}{known}"


def address_of(text: str) -> int | str:
    """An address as it is typed: a number where it is one."""
    return int(text) if text.isascii() and text.isdigit() else text
