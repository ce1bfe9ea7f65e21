"""``soilco2 archive``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    load,
    parse_time,
    spoken_language,
    station_argument,
    translate,
)
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station


@click.command()
@station_argument
@spoken_language
@click.option("--before", metavar="TIME", help="Archive what is older than this.")
@click.option("--keep", "keep_all", is_flag=True, help="Take nothing out of the journal.")
@click.option("--check", is_flag=True, help="Compare every archive with its SHA-256.")
@json_option
def command(station: Path, before: str | None, keep_all: bool, check: bool, as_json: bool) -> None:
    """Archive past readings of STATION into checksummed files; list the archives when nothing else is asked.

    What stands in an archive that was read back, and was confirmed by every database, is taken out of the
    journal; without a database nothing is. Every other command reads archives as if the journal held them.

    \b
    Example:
      soilco2 archive yulin.toml
      soilco2 archive yulin.toml --before 2026-01-01
      soilco2 archive yulin.toml --check
    """
    loaded = load(station)
    made = (
        [] if before is None else _archive(loaded, parse_time(before, loaded.deployments.zone), not keep_all)
    )
    rows = _list(loaded, check)
    if as_json:
        emit_json({"made": made, "archives": rows})
    else:
        for row in made:
            echo(
                Message(
                    "{file}: {samples} samples archived, {pruned} rows pruned",
                    file=row["file"],
                    samples=row["samples"],
                    pruned=row["pruned"],
                )
            )
        for row in () if made else rows:
            state = "" if row["wrong"] is None else translate(row["wrong"] or Message("as it was sealed"))
            click.echo(
                f"{row['from']} … {row['to']}  {row['bytes'] / 2**20:.1f} MiB  {row['file']}  {state}".rstrip()
            )
        if before is not None and not made:
            echo(Message("there is nothing before {before} that is not archived already", before=before))
        elif not rows:
            echo(Message("there is no archive yet"))
    if any(row["wrong"] for row in rows):
        raise click.exceptions.Exit(1)


def _archive(station: Station, before_us: int, prune: bool) -> list[dict[str, Any]]:
    from soilco2.storage.journal.archiving import make_room
    from soilco2.storage.journal.control import Submitter

    if not station.journal_path.is_file():
        fail(
            Message(
                "there is no journal {journal_path} yet: nothing to archive",
                journal_path=station.journal_path,
            )
        )
    made: list[dict[str, Any]] = []
    with Submitter(station) as door:
        for step in make_room(station, door.submit, time.time_ns() // 1000, before_us=before_us, prune=prune):
            samples = step.made.samples if step.made else 0
            made.append({"file": str(step.archive.path), "samples": samples, "pruned": step.pruned})
    return made


def _list(station: Station, check: bool) -> list[dict[str, Any]]:
    from soilco2.station_config.times import iso
    from soilco2.storage.journal.archive import archives_of, check_archive, folder_of

    return [
        {
            "file": str(a.path), "from": iso(a.start_us), "to": iso(a.end_us), "bytes": a.path.stat().st_size,
            "wrong": check_archive(a) if check else None,
        }
        for a in archives_of(folder_of(station))
    ]  # fmt: skip
