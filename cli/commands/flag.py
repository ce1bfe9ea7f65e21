"""``soilco2 flag``."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import (
    echo,
    fail,
    load,
    parse_window,
    spoken_language,
    station_argument,
    window_options,
)
from soilco2.station_config.message import Message


@click.command()
@station_argument
@spoken_language
@click.argument("series", required=False)
@window_options
@click.option("--flag", "flag_", type=click.Choice(["1", "2", "3", "4", "9"]), default="4", show_default=True,
              help="QARTOD flag: 3 suspect, 4 bad.")  # fmt: skip
@click.option("--who", required=True, help="Who says so.")
@click.option("--why", required=True, help="The reason, kept for ever.")
@click.option("--revoke", type=int, metavar="NUMBER", help="Take the flag with this number back.")
def command(
    station: Path, series: str | None, since: str | None, until: str | None, flag_: str, who: str, why: str,
    revoke: int | None) -> None:  # fmt: skip
    """Flag a stretch of SERIES (profile/position/variable) by hand, or take a flag back.

    The layer of manual flags is kept apart from the tests: the worst wins, nothing is erased, and every database
    hears of it.

    \b
    Example:
      soilco2 flag yulin.toml p1/d10/co2 --from 2026-05-01 --to 2026-05-03 --who "L. Technician" --why "tube flooded"
      soilco2 flag yulin.toml --revoke 17 --who "L. Technician" --why "wrong probe"
    """
    for option, text in (("--who", who), ("--why", why)):
        if not text.strip():
            fail(Message("{option} is empty; a flag keeps who set it and why", option=option))
    from soilco2.storage.journal.control import submit

    loaded = load(station)
    if revoke is not None:
        changed = submit(loaded, "revoke", event=revoke, who=who, why=why)
        echo(
            Message(
                "flag {revoke} taken back; {changed} observations changed", revoke=revoke, changed=changed
            )
        )
        return
    if series is None or since is None or until is None:
        fail(Message("SERIES, --from and --to say what is flagged; or --revoke NUMBER takes a flag back"))
    parts = series.split("/")
    if len(parts) != 3:
        fail(
            Message(
                "{series!r} is no series; expected profile/position/variable, such as p1/d10/co2 or "
                "site//rain",
                series=series,
            )
        )
    zone = loaded.deployments.zone
    start, end = parse_window(since, until, zone)
    key = [loaded.file.station.id, *parts]
    number = submit(
        loaded, "flag", series=key, from_us=start, until_us=end, flag=int(flag_), who=who, why=why
    )
    echo(Message("flag {number} set; take it back with --revoke {number}", number=number))
