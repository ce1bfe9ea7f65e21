"""``soilco2 import``: a tidy table into the journal, every row stored, known already, or kept with its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    load,
    spoken_language,
    station_argument,
    translate,
)
from soilco2.cli.progress import progress
from soilco2.station_config.message import Message
from soilco2.station_config.times import zone_of

if TYPE_CHECKING:
    from soilco2.ingest.files.importing import Account
    from soilco2.storage.tidy.text import Layout


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return zone_of(name)
    except ValueError:
        fail(
            Message(
                "--timezone {name}: no such zone; expected such as Asia/Shanghai, Europe/Berlin or UTC+08:00",
                name=name,
            )
        )


@click.command("import", epilog="Example: soilco2 import station.toml logger.csv --timezone Asia/Shanghai")
@station_argument
@spoken_language
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--timezone", metavar="ZONE", help="Zone of times that name none, such as Asia/Shanghai or UTC+08:00."
)
@click.option("--take-last-line", is_flag=True,
              help="Take a last line without line end, which may be cut and is held back otherwise.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Import also where a unit looks wrong.")
@click.option("--dry-run", is_flag=True, help="Say what would become of the rows; change nothing.")
@json_option
def command(
    station: Path,
    files: tuple[Path, ...],
    timezone: str | None,
    take_last_line: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring tidy tables (CSV, plain or gzipped) into the journal.

    Rows that cannot be used are counted and kept with line number and reason; the rest goes on. Importing a
    file again stores and keeps nothing twice. The exit code is 1 when a row was rejected.
    """
    from soilco2.ingest.clock.system import SystemClock
    from soilco2.ingest.drivers.registry import recognise
    from soilco2.ingest.files.importing import import_table
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.tidy.dry_run import Rehearsal
    from soilco2.storage.tidy.samples import Moment

    known = load(station)
    zone = _zone(timezone)
    for path in files:
        if path.suffix.lower() in (".parquet", ".pq"):
            fail(
                Message(
                    "{path}: import takes text; 'soilco2 export {path} -o table.csv' makes a CSV file of it",
                    path=path,
                )
            )
    recognised = [recognise(path) for path in files]
    if take_last_line:
        recognised = [(driver, replace(layout, open_line=None)) for driver, layout in recognised]
    clock = SystemClock()
    moment = Moment(clock.now_us(), clock.mono_us(), clock.boot_id)
    with Rehearsal(known.journal_path) if dry_run else Submitter(known) as target:
        accounts = []
        for driver, layout in recognised:
            with progress(str(layout.path), wanted=not as_json) as show:
                sure = _sure(layout.path, yes or dry_run, ask=not as_json)
                account = import_table(known, layout, driver, zone, moment, target, show, sure=sure)
            if account.declined:
                fail(
                    Message(
                        "{path}: nothing of it was imported. Mend its column unit, or say that the unit is right with "
                        "--yes",
                        path=layout.path,
                    )
                )
            _say_faults(layout.path, account)
            _say_held(layout)
            if account.rejected and not dry_run:
                echo(Message("they are kept: soilco2 parked list {path}", path=known.path), err=True)
            accounts.append((layout.path, account))
    if as_json:
        emit_json({"dry_run": dry_run, "files": [_as_json(path, account) for path, account in accounts]})
    else:
        for path, account in accounts:
            _say(path, account, dry_run)
    if any(account.rejected for _, account in accounts):
        raise click.exceptions.Exit(1)


def _sure(path: Path, yes: bool, *, ask: bool) -> Callable[[list[Message]], bool]:
    """What tells of doubtful units, and asks whether to go on where somebody sits there."""

    def sure(doubted: list[Message]) -> bool:
        for doubt in doubted:
            echo(Message("{path}: {doubt}", path=path, doubt=doubt), err=True)
        if yes or not ask or not sys.stdin.isatty():
            return yes
        return click.confirm(translate(Message("Is the unit right?")), err=True)

    return sure


def _say_held(layout: Layout) -> None:
    if layout.open_line is not None:
        echo(
            Message(
                "{path}:{line}: the last line has no line end and may be cut; it is held back. Import the file again "
                "when more was written to it, or take the line as it is with --take-last-line",
                path=layout.path,
                line=layout.open_line,
            ),
            err=True,
        )


def _say_faults(path: Path, account: Account) -> None:
    for fault in account.shown:
        echo(Message("{path}:{line}: {reason}", path=path, line=fault.line, reason=fault.reason), err=True)
    if account.faults > len(account.shown):
        echo(
            Message(
                "{path}: {faults} more rows cannot be used",
                path=path,
                faults=account.faults - len(account.shown),
            ),
            err=True,
        )
    if account.conflict:
        echo(
            Message(
                "{path}: {conflict} rows differ from what the journal holds for their time",
                path=path,
                conflict=account.conflict,
            ),
            err=True,
        )
    if account.parked_before:
        echo(
            Message(
                "{path}: {parked_before} rows were parked by an earlier import; they count as duplicates",
                path=path,
                parked_before=account.parked_before,
            ),
            err=True,
        )


def _say(path: Path, account: Account, dry_run: bool) -> None:
    rows, stored, duplicate, rejected = account.rows, account.stored, account.duplicate, account.rejected
    if dry_run:
        echo(
            Message(
                "{path}: of {rows} rows {stored} would be stored, {duplicate} are duplicates, {rejected} "
                "would be rejected; nothing was stored (--dry-run)",
                path=path,
                rows=rows,
                stored=stored,
                duplicate=duplicate,
                rejected=rejected,
            )
        )
    else:
        echo(
            Message(
                "{path}: {rows} rows = {stored} stored + {duplicate} duplicate + {rejected} rejected",
                path=path,
                rows=rows,
                stored=stored,
                duplicate=duplicate,
                rejected=rejected,
            )
        )


def _as_json(path: Path, account: Account) -> dict[str, Any]:
    names = ("rows", "stored", "duplicate", "conflict", "rejected")
    return {"file": str(path)} | {name: getattr(account, name) for name in names}
