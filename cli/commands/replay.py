"""``soilco2 replay``: a window of the journal to the database again."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import (
    chosen_outlets,
    echo,
    emit_json,
    fail,
    json_option,
    load,
    parse_window,
    spoken_language,
    station_argument,
    window_options,
)
from soilco2.station_config.message import Message


@click.command(
    "replay", epilog="Example: soilco2 replay station.toml --from 2026-06-10 --to 2026-06-12T06:00"
)
@station_argument
@spoken_language
@window_options
@click.option("--sink", metavar="ID", help="Only this database; every one when left out.")
@json_option
def command(
    station: Path,
    since: str | None,
    until: str | None,
    sink: str | None,
    as_json: bool,
) -> None:
    """Send a window of the journal to the database again.

    A value that the database has already is written over with itself. The running collector sends them; without
    one they go out when it runs next.
    """
    from soilco2.station_config.times import iso
    from soilco2.storage.journal.archive import open_journal
    from soilco2.storage.journal.control import submit

    known = load(station)
    zone = known.file.station.zone
    if since is None or until is None:
        fail(Message("--from and --to say which window is sent again; both are needed"))
    start_us, end_us = parse_window(since, until, zone)
    names = chosen_outlets(known, sink)
    if not known.journal_path.exists():
        fail(
            Message(
                "there is no journal {journal_path} yet: nothing to send", journal_path=known.journal_path
            )
        )
    with open_journal(known) as reader:
        keys = [info.key for info in reader.series()]
        count = sum(len(piece.times) for piece in reader.read(keys, start_us, end_us))
    for name in names:
        submit(known, "resend", sink=name, from_us=start_us, to_us=end_us)
    if as_json:
        emit_json({"observations": count, "sinks": names, "from": iso(start_us), "to": iso(end_us)})
    else:
        start, end, where = iso(start_us), iso(end_us), ", ".join(names)
        echo(
            Message(
                "{count} observations from {start} to {end} will be sent to {where} again",
                count=count,
                start=start,
                end=end,
                where=where,
            )
        )
