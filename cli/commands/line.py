"""``soilco2 line``: another speed, parity or stop bits for the one probe at an address."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import echo, fail, spoken_language, translate
from soilco2.cli.targets import (
    address_of,
    line_options,
    parts,
    probe_at,
    same_probe,
    settings_of,
    target_argument,
)
from soilco2.station_config.message import Message


@click.command("line")
@target_argument
@click.argument("address")
@click.argument("wanted", metavar="SETTINGS")
@click.option("--model", metavar="ID", help="Model of the catalogue; of a PORT, soilco2 scan names it.")
@line_options
@spoken_language
def command(
    target: str,
    address: str,
    wanted: str,
    model: str | None,
    connection: str | None,
    settings: str | None,
    catalogue: tuple[Path, ...],
) -> None:
    """Set the one probe at ADDRESS to SETTINGS, such as '9600 8N1', and read it back.

    All probes of a line talk at one speed: set each to it before it goes on the bus. --line says what it talks at now;
    left out, what its model leaves the factory with. Nothing is written when two answer, when the probe is not of
    the model, or when the catalogue does not say where the model keeps its speed.

    \b
    Examples:
      soilco2 line /dev/ttyUSB0 1 '9600 8N1' --model cwt-soil-thc-s
      soilco2 line /dev/ttyUSB0 240 '9600 8N1' --model vaisala-gmp252 --line '19200 8N2'
    """
    now = settings_of(settings)
    later = settings_of(wanted)
    at = address_of(address)
    where, row, known = probe_at(target, at, model, connection, now, catalogue)
    before = now or known.line
    if later is None or (where.station is not None and where.station.path is None and before is None):
        fail(
            Message("--line is needed: the catalogue does not say what {model} talks at now", model=known.id)
        )
    for part in parts(where, row, "line", address=at, settings=str(later), model=known.id):
        click.echo(translate(part["changed"]))
    if where.station is not None and where.station.path is not None:
        echo(
            Message(
                "the others of {connection} talk as before: set every probe of the line, then the line in {file}",
                connection=row.id,
                file=where.station.path,
            )
        )
    elif before is not None:
        again = same_probe(target, known, str(later), connection)
        echo(Message("to undo it: {words}", words=f"soilco2 line {target} {address} '{before}' {again}"))
