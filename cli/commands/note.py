"""``soilco2 note``."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from soilco2.cli.options import echo, fail, load, parse_time, spoken_language, station_argument
from soilco2.station_config.message import Message


@click.command()
@station_argument
@spoken_language
@click.argument("text")
@click.option("--who", help="Who says it; the name you are logged in with when left out.")
@click.option("--at", metavar="TIME", help="When it happened; now when left out.")
def command(station: Path, text: str, who: str | None, at: str | None) -> None:
    """Write TEXT into the log of STATION.

    \b
    Example:
      soilco2 note yulin.toml "Wiped the panel, cable 3 chewed by a hare" --who "technician"
    """
    if not text.strip():
        fail(Message("TEXT is empty; a note says what happened"))
    from soilco2.storage.journal.control import submit

    loaded = load(station)
    moment = parse_time(at, loaded.deployments.zone) if at else None
    number = submit(loaded, "note", who=who or getpass.getuser(), text=text, time_us=moment)
    echo(Message("note {number} written", number=number))
