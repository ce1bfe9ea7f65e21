"""``soilco2 reprocess``."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli import load, parse_time, station_argument, window_options


@click.command()
@station_argument
@window_options
def command(station: Path, since: str | None, until: str | None) -> None:
    """Judge the stored samples of STATION again with the station file as it is now.

    Only observations that change get a new revision, and only they are sent to the databases again. A position
    that was wrong is overwritten as missing.

    \b
    Example:
      soilco2 reprocess yulin.toml --from 2026-03-01 --to 2026-04-01
    """
    from storage.control import submit

    loaded = load(station)
    zone = loaded.directory.zone
    start = parse_time(since, zone) if since else -(2**62)
    end = parse_time(until, zone) if until else 2**62
    changed = submit(loaded, "reprocess", from_us=start, to_us=end)
    click.echo(f"{changed} observations changed")
