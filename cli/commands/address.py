"""``soilco2 address``: another address for the one probe on a line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soilco2.cli.options import echo, spoken_language, translate
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

if TYPE_CHECKING:
    from soilco2.cli.targets import Target
    from soilco2.station_config.connections.kind import Connection


@click.command("address")
@target_argument
@click.argument("old")
@click.argument("new")
@click.option("--model", metavar="ID", help="Model of the catalogue; of a PORT, soilco2 scan names it.")
@line_options
@spoken_language
def command(
    target: str,
    old: str,
    new: str,
    model: str | None,
    connection: str | None,
    settings: str | None,
    catalogue: tuple[Path, ...],
) -> None:
    """Give the one probe at address OLD the address NEW, and read it back.

    Connect one new probe at a time: all leave the factory at the same address. Nothing is written when two answer, when
    NEW is taken, when the probe is not of the model, or when the catalogue does not say where the model keeps its
    address. While the collector runs, give the station file.

    \b
    Examples:
      soilco2 address /dev/ttyUSB0 1 11 --model cwt-soil-thc-s
      soilco2 address /dev/ttyUSB0 240 21 --model vaisala-gmp252 --line '19200 8N2'
      soilco2 address yulin.toml 11 12 --connection bus2
    """
    before, after = address_of(old), address_of(new)
    where, row, known = probe_at(target, before, model, connection, settings_of(settings), catalogue)
    for part in parts(where, row, "address", old=before, new=after, model=known.id):
        click.echo(translate(part["changed"]))
    again = same_probe(target, known, settings, connection)
    echo(Message("to undo it: {words}", words=f"soilco2 address {target} {new} {old} {again}"))
    _in_the_file(where, row, before, after)


def _in_the_file(where: Target, row: Connection, before: int | str, after: int | str) -> None:
    if where.station is None or where.station.path is None:
        return
    for one in where.station.file.instrument:
        if one.connection == row.id and one.address == before:
            echo(
                Message(
                    "now write address = {after} for {instrument} in {file}",
                    after=repr(after).replace("'", '"'),
                    instrument=one.id,
                    file=where.station.path,
                )
            )
