"""``soilco2 verify``: does the database hold what the journal holds?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.options import (
    chosen_sinks,
    echo,
    emit_json,
    json_option,
    load,
    parse_window,
    spoken_language,
    station_argument,
    translate,
    window_options,
)
from soilco2.cli.progress import progress
from soilco2.station_config.message import Message, marked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soilco2.quality.records import SeriesKey
    from soilco2.station_config.loader import Station
    from soilco2.storage.influx.verify import Compared
    from soilco2.storage.journal.reader import JournalReader

_GAPS_SHOWN = 20
_GAPS = {
    "missing": marked("  missing {first} … {last}: {count}"),
    "different": marked("  different {first} … {last}: {count}"),
    "extra": marked("  extra {first} … {last}: {count}"),
}
"""A gap, by its kind."""


@click.command("verify", epilog="Example: soilco2 verify station.toml --from 2026-06-01 --to 2026-07-01")
@station_argument
@spoken_language
@window_options
@click.option("--sink", metavar="ID", help="Only this database; all of them when left out.")
@click.option(
    "--journal", "own", is_flag=True, help="Check the journal's and the archives' own files instead."
)
@json_option
def command(
    station: Path,
    since: str | None,
    until: str | None,
    sink: str | None,
    own: bool,
    as_json: bool,
) -> None:
    """Compare journal and database value by value, and name every gap.

    What the forwarder has still to send is counted as waiting, not as missing. The exit code is 1 when the
    database lacks something or holds something else.
    """
    from soilco2.storage.influx.reader import InfluxReader
    from soilco2.storage.journal.archive import open_journal

    known = load(station)
    if own:
        _check_files(known, as_json)
        return
    zone = known.file.station.zone
    start_us, end_us = parse_window(since, until, zone)
    tables = chosen_sinks(known, sink)
    found: dict[str, list[Compared]] = {}
    refused: dict[str, int] = {}
    with open_journal(known) as journal:
        for table in tables:
            reader = InfluxReader(table, known)
            try:
                with progress(table.id, wanted=not as_json) as show:
                    found[table.id] = rows = []
                    for row in _compare(journal, reader, table.id, start_us, end_us):
                        rows.append(row)
                        show("/".join(row.key[1:]))
            finally:
                reader.close()
        for entry in journal.accounting.parked("waiting", 1_000_000):
            if entry.source in found:
                refused[entry.source] = refused.get(entry.source, 0) + 1
    if as_json:
        emit_json(
            {
                "equal": all(row.equal for rows in found.values() for row in rows),
                "sinks": {
                    name: {"parked": refused.get(name, 0), "series": [row.as_dict() for row in rows]}
                    for name, rows in found.items()
                },
            }
        )
    else:
        for name, rows in found.items():
            _show(known, name, rows, refused.get(name, 0))
    if not all(row.equal for rows in found.values() for row in rows):
        raise click.exceptions.Exit(1)


def _check_files(station: Station, as_json: bool) -> None:
    """Every commit against its CRC, the file's structure, every archive against its SHA-256, rollups recounted."""
    from soilco2.storage.errors import JournalDamagedError
    from soilco2.storage.journal.archive import archives_of, check_archive, folder_of, open_journal
    from soilco2.storage.journal.integrity import damage
    from soilco2.storage.journal.reader import JournalReader
    from soilco2.storage.journal.rollup_writer import check_rollups

    structure: list[Message] = []
    batches: list[Message] = []
    last: int | None = None
    try:
        with JournalReader(station.journal_path) as reader:
            structure, batches = reader.integrity.structure(), reader.integrity.verify_batches()
            last = reader.accounting.last_batch()
    except JournalDamagedError as error:
        structure = structure or [damage(error)]
    archives = archives_of(folder_of(station))
    sealed = [text for text in map(check_archive, archives) if text]
    counted: list[str] = []
    if not structure and not sealed:
        try:
            with open_journal(station) as whole:
                counted = list(check_rollups(whole))
        except JournalDamagedError as error:
            counted = [damage(error)]
    wrong = [*structure, *batches, *sealed, *counted]
    if as_json:
        emit_json({"whole": not wrong, "last_batch": last, "archives": len(archives), "wrong": wrong})
    else:
        for text in wrong:
            click.echo(translate(text))
        state = (
            Message("all as they were written") if not wrong else Message("{count} faults", count=len(wrong))
        )
        echo(
            Message(
                "journal up to commit {last}, {count} archives: {state}",
                last="?" if last is None else last,
                count=len(archives),
                state=state,
            )
        )
    if wrong:
        raise click.exceptions.Exit(1)


def _compare(
    journal: JournalReader, reader: Any, sink: str, start_us: int | None, end_us: int | None
) -> Iterator[Compared]:
    from soilco2.storage.influx.verify import compare

    rev = next((cursor.rev for cursor in journal.accounting.cursors() if cursor.sink == sink), 0)

    again = journal.accounting.resend(sink)

    def waiting(key: SeriesKey, begin: int, end: int) -> list[int]:
        times = set(journal.waiting(key, begin, end, rev))
        for low, high in again:
            if low < end and begin < high:
                for piece in journal.read([key], max(low, begin), min(high, end)):
                    times.update(piece.times)
        return sorted(times)

    return compare(journal, reader, journal.series(), start_us, end_us, waiting)


def _show(station: Station, sink: str, rows: list[Compared], refused: int) -> None:
    from soilco2.station_config.times import iso

    for row in rows:
        if row.equal and not row.extra:
            continue
        echo(
            Message(
                "{key}: {journal} in the journal, {missing} missing, {different} different, {extra} only in "
                "the database",
                key="/".join(row.key[1:]),
                journal=row.journal,
                missing=row.missing,
                different=row.different,
                extra=row.extra,
            )
        )
        for gap in row.gaps[:_GAPS_SHOWN]:
            echo(Message(_GAPS[gap.kind], first=iso(gap.first_us), last=iso(gap.last_us), count=gap.count))
        if len(row.gaps) > _GAPS_SHOWN:
            echo(Message("  and {count} more gaps; --json lists them all", count=len(row.gaps) - _GAPS_SHOWN))
    total = sum(row.journal for row in rows)
    missing, different, late = (
        sum(getattr(row, name) for row in rows) for name in ("missing", "different", "waiting")
    )
    echo(
        Message(
            "{sink}: {count} series, {total} values: {missing} missing, {different} different, {late} on "
            "the way",
            sink=sink,
            count=len(rows),
            total=total,
            missing=missing,
            different=different,
            late=late,
        )
    )
    if missing or different:
        echo(
            Message(
                "send them again: soilco2 replay {path} --from … --to … --sink {sink}",
                path=station.path,
                sink=sink,
            )
        )
    if refused:
        echo(
            Message(
                "{refused} entries were refused by the database: soilco2 parked list {path}",
                refused=refused,
                path=station.path,
            )
        )
