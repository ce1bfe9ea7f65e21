"""``soilco2 replay``: a window of the journal to the database again."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli import emit_json, fail, json_option, load, parse_time, station_argument, window_options


@click.command(
    "replay", epilog="Example: soilco2 replay station.toml --from 2026-06-10 --to 2026-06-12T06:00"
)
@station_argument
@window_options
@click.option("--sink", metavar="ID", help="The database that lacks the window, for the station's log.")
@json_option
def command(station: Path, since: str | None, until: str | None, sink: str | None, as_json: bool) -> None:
    """Send a window of the journal to the database again.

    A value that the database has already is written over with itself. The running collector sends them; without
    one they go out when it runs next.
    """
    from soilco2.commands.verify import chosen_sinks
    from storage.control import submit
    from storage.tidy_write import iso

    known = load(station)
    zone = known.file.station.zone
    if since is None or until is None:
        fail("--from and --to say which window is sent again; both are needed")
    start_us, end_us = parse_time(since, zone), parse_time(until, zone)
    if end_us <= start_us:
        fail(f"--to {until} is not after --from {since}")
    chosen_sinks(known, sink)
    if not known.journal_path.exists():
        fail(f"there is no journal {known.journal_path} yet: nothing to send")
    count = submit(known, "replay", sink=sink or "", from_us=start_us, to_us=end_us)
    if as_json:
        emit_json({"observations": count, "from": iso(start_us), "to": iso(end_us)})
    else:
        click.echo(f"{count} observations from {iso(start_us)} to {iso(end_us)} will be sent again")
