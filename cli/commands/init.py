"""``soilco2 init``: a small station file, by questions, from a list, or from what a scan found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from soilco2.cli.options import echo, fail, spoken_language, translate
from soilco2.station_config.message import Message

NEEDED = ("id", "latitude", "longitude", "altitude", "timezone")
"""Options without which a station cannot be written."""


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--id", "id_", metavar="NAME", help="Name of the station in paths and databases, such as yulin."
)
@click.option("--name", metavar="TEXT", help="Its name for people.")
@click.option("--latitude", type=float, help="Degrees north.")
@click.option("--longitude", type=float, help="Degrees east.")
@click.option("--altitude", type=float, help="Metres above the sea.")
@click.option("--timezone", metavar="ZONE", help="Such as Asia/Shanghai.")
@click.option("--port", metavar="PORT", help="Serial port of the probes, or address of their gateway.")
@click.option(
    "--line", "settings", metavar="SETTINGS", help="What all probes of the port talk at, such as '9600 8N1'."
)
@click.option("--interval", default="60s", show_default=True, help="Time between two readings.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    help="List of probes: a CSV with model, serial, address, profile, depth_m; or what scan --json wrote.",
)
@spoken_language
def command(file: Path, id_: str | None, source: Path | None, **options: Any) -> None:
    """Write a small, commented station file that passes check. A file that is there is never overwritten.

    Asks for what no option says, when somebody sits at the terminal. Columns of the list beside model, serial and
    address: profile and depth_m (left out: the probe has no place yet; depth_m empty: at the site), port and line where
    there are several lines, interval, from (since when it is there).

    \b
    Examples:
      soilco2 init yulin.toml
      soilco2 init yulin.toml --id yulin --latitude 38.3 --longitude 109.7 --altitude 1150 \\
          --timezone Asia/Shanghai --port /dev/ttyUSB0 --from probes.csv
    """
    from soilco2.cli.new_station import Facts, ask_probes, probes_of, station_text, wrong
    from soilco2.station_config.errors import StationFileError

    if file.exists():
        fail(Message("{file}: this file is there already and stays as it is; name another one", file=file))
    asked = sys.stdin.isatty()
    given = {"id": id_, **options}
    missing = [name for name in NEEDED if given[name] is None]
    if not asked and (missing or source is None):
        names = ", ".join([f"--{name}" for name in missing] + ([] if source is not None else ["--from"]))
        fail(Message("nobody can be asked here: {names} is needed", names=names))
    try:
        probes = None if source is None else probes_of(source, given["port"], given["settings"])
        facts = Facts.asked(given) if asked else Facts.of(given)
        if probes is None:
            probes = ask_probes(facts)
        text = station_text(facts, probes)
        wrong(text, file)
    except StationFileError as error:
        echo(Message("nothing was written: the station file would have faults"), err=True)
        fail(Message.of(error), 1)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        fail(Message("{file}: this file is there already and stays as it is; name another one", file=file))
    echo(Message("{file} is written with {count} probes", file=file, count=len(probes)))
    click.echo(translate(Message("next: {words}", words=f"soilco2 check {file}; soilco2 read {file}")))
