"""``soilco2 reprocess``."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import echo, load, parse_window, spoken_language, station_argument, window_options
from soilco2.station_config.message import Message


@click.command()
@station_argument
@spoken_language
@window_options
@click.option("--rollups", is_flag=True, help="Only make the hourly and daily rollups again.")
def command(station: Path, since: str | None, until: str | None, rollups: bool) -> None:
    """Judge the stored samples of STATION again with the station file as it is now.

    Only observations that change get a new revision, and only they are sent to the databases again. A position
    that was wrong is overwritten as missing.

    \b
    Example:
      soilco2 reprocess yulin.toml --from 2026-03-01 --to 2026-04-01
    """
    from soilco2.storage.journal.control import submit

    loaded = load(station)
    start, end = parse_window(since, until, loaded.deployments.zone)
    if rollups:
        submit(loaded, "forget_rollups")
        echo(Message("the rollups are made again; until then the observations are read"))
        return
    changed = submit(
        loaded,
        "reprocess",
        from_us=-(2**62) if start is None else start,
        to_us=2**62 if end is None else end,
    )
    echo(Message("{changed} observations changed", changed=changed))
