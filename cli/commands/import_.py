"""``soilco2 import``: a tidy table into the journal, every row stored, known already, in conflict, or rejected."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    fail,
    json_option,
    language,
    load,
    spoken_language,
    station_argument,
    translate,
    word,
)
from soilco2.cli.progress import progress
from soilco2.station_config.message import Message
from soilco2.station_config.times import zone_of

if TYPE_CHECKING:
    from soilco2.cli.progress import Progress
    from soilco2.ingest.drivers.file_driver import FileLayout
    from soilco2.ingest.files.importing import Account
    from soilco2.station_config.loader import Station
    from soilco2.station_config.mapping import Mapping


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


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@click.command(
    "import",
    epilog="Example: soilco2 import station.toml logger.csv --timezone Asia/Shanghai; "
    "soilco2 import station.toml --undo 3",
)
@station_argument
@spoken_language
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--mapping", metavar="MAPPING",
              help="Which column of a logger's file is which series: a mapping file, or the id of a connection of "
              "logger files in the station file.")  # fmt: skip
@click.option("--draft", metavar="MAPPING", type=click.Path(path_type=Path),
              help="Write a first mapping file from the header of a logger's file; import nothing.")  # fmt: skip
@click.option(
    "--timezone", metavar="ZONE", help="Zone of times that name none, such as Asia/Shanghai or UTC+08:00."
)
@click.option("--rank", type=click.Choice(["table", "file"]),
              help="Which number speaks where others are: those of a device's own file go before live messages, "
              "those of a table behind them. Left out: file with --mapping, else table.")  # fmt: skip
@click.option(
    "--list", "listed", is_flag=True, help="List the imports, with number, file and what became of it."
)
@click.option("--undo", type=int, metavar="NUMBER", help="Take an import back.")
@click.option("--redo", type=int, metavar="NUMBER", help="Give an import again that was taken back.")
@click.option("--who", help="Who takes it back or gives it again; the user of this machine by default.")
@click.option("--why", default="", help="The reason, kept for ever.")
@click.option("--take-last-line", is_flag=True,
              help="Take a last line without line end, which may be cut and is held back otherwise.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Import also where a unit looks wrong.")
@click.option("--dry-run", is_flag=True, help="Say what would become of the rows; change nothing.")
@json_option
def command(
    station: Path,
    files: tuple[Path, ...],
    mapping: str | None,
    draft: Path | None,
    timezone: str | None,
    rank: str | None,
    listed: bool,
    undo: int | None,
    redo: int | None,
    who: str | None,
    why: str,
    take_last_line: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring tidy tables (CSV, plain or gzipped) or files of loggers into the journal, or take an import back.

    Every row becomes data, says nothing new, is in conflict with another number, or is rejected and kept with line
    number and reason. Importing a file again stores nothing twice. The exit code is 1 when a row was rejected or is in
    conflict.

    An import that is taken back stays in the journal: what only it delivered counts as missing until it is given again.
    """
    chosen = [bool(files), listed, undo is not None, redo is not None]
    if sum(chosen) != 1:
        fail(
            Message(
                "FILES to import, or --list, or --undo NUMBER, or --redo NUMBER: one of these is expected"
            )
        )
    known = load(station)
    if listed:
        _list(known, as_json)
    elif undo is not None or redo is not None:
        number = undo if undo is not None else redo
        assert number is not None
        _switch(known, number, undo is not None, who or _user(), why, dry_run, as_json)
    elif draft is not None:
        _draft(known, files, draft)
    else:
        usual = "table" if mapping is None else "file"
        asked = _Asked(
            _zone(timezone), rank or usual, take_last_line, yes, dry_run, as_json, _mapping(mapping, known)
        )
        _import(known, files, asked)


class _Asked(NamedTuple):
    """How files are to be imported."""

    zone: tzinfo | None
    rank: str
    take_last_line: bool
    yes: bool
    dry_run: bool
    as_json: bool
    mapping: Mapping | None


def _mapping(name: str | None, known: Station) -> Mapping | None:
    from soilco2.station_config.errors import StationConfigError
    from soilco2.station_config.mapping_file import mapping_of

    if name is None:
        return None
    try:
        return mapping_of(name, known)
    except StationConfigError as error:
        fail(Message.of(error))


def _draft(known: Station, files: tuple[Path, ...], target: Path) -> None:
    from soilco2.ingest.files.draft import draft_of

    if len(files) != 1:
        fail(Message("--draft reads the header of one file; {count} were given", count=len(files)))
    if target.exists():
        fail(Message("{path}: the file is there already; choose another name or take it away", path=target))
    text, guessed, columns = draft_of(files[0], known, language())
    target.write_text(text, encoding="utf-8")
    if not guessed:
        echo(
            Message(
                "{path}: 0 of {columns} columns guessed; take the # away before those that are yours, write "
                "their position and variable, then: soilco2 import {station} {file} --mapping {path} --dry-run",
                path=target, columns=columns, station=known.path, file=files[0],
            )
        )  # fmt: skip
        return
    echo(
        Message(
            "{path}: {guessed} of {columns} columns guessed; read it through, mend it, then: soilco2 import {station} "
            "{file} --mapping {path} --dry-run",
            path=target, guessed=guessed, columns=columns, station=known.path, file=files[0],
        )
    )  # fmt: skip


def _import(known: Station, files: tuple[Path, ...], asked: _Asked) -> None:
    from soilco2.ingest.clock.system import SystemClock
    from soilco2.ingest.drivers.registry import recognise
    from soilco2.ingest.files.importing import import_table
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.tidy.dry_run import Rehearsal
    from soilco2.storage.tidy.samples import Moment

    for path in files:
        if not path.name.isprintable():
            fail(Message("a file has a name that is no text: {name!a}; rename it", name=path.name))
        if path.suffix.lower() in (".parquet", ".pq") and asked.mapping is None:
            fail(
                Message(
                    "{path}: import takes text; 'soilco2 export {path} -o table.csv' makes a CSV file of it",
                    path=path,
                )
            )
    recognised = [recognise(path, asked.mapping) for path in files]
    if asked.take_last_line:
        recognised = [(driver, replace(layout, open_line=None)) for driver, layout in recognised]
    doubtful: list[Path] = []
    clock = SystemClock()
    moment = Moment(clock.now_us(), clock.mono_us(), clock.boot_id)
    with Rehearsal(known) if asked.dry_run else Submitter(known) as target:
        accounts = []
        for driver, layout in recognised:
            with progress(str(layout.path), wanted=not asked.as_json) as show:
                sure = _sure(layout.path, asked, show, doubtful)
                account = import_table(
                    known, layout, driver, asked.zone, moment, target, show, asked.rank, sure
                )
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
            if account.rejected and not asked.dry_run:
                echo(Message("they are kept: soilco2 parked list {path}", path=known.path), err=True)
            accounts.append((layout.path, account))
    if asked.as_json:
        emit_json(
            {"dry_run": asked.dry_run, "files": [_as_json(path, account) for path, account in accounts]}
        )
    else:
        for path, account in accounts:
            _say(path, account, asked.dry_run)
    _say_doubtful(doubtful)
    if any(account.rejected or account.conflict for _, account in accounts):
        raise click.exceptions.Exit(1)


def _list(known: Station, as_json: bool) -> None:
    from soilco2.station_config.times import iso
    from soilco2.storage.journal.reader import JournalReader

    with JournalReader(known.journal_path) as reader:
        rows = reader.accounting.imports()
    if as_json:
        emit_json({"imports": [{**row._asdict(), "time": iso(row.time_us)} for row in rows]})
        return
    for row in rows:
        counts = ", ".join(f"{row.counts[name]} {word(name)}" for name in ENDS if name in row.counts)
        click.echo(
            f"{row.id}  {iso(row.time_us)}  {row.file}  {word(row.state)}  {row.sha256[:12]}  {counts}".rstrip()
        )
    if not rows:
        echo(Message("nothing was imported"))


def _switch(
    known: Station, number: int, undo: bool, who: str, why: str, dry_run: bool, as_json: bool
) -> None:
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.journal.reader import JournalReader

    with JournalReader(known.journal_path) as reader:
        effect = reader.accounting.import_effect(number, undo)
        cut_short = reader.accounting.cut_short(number, undo)
    found: dict[str, Any] = {"import": number, "undone": undo, "dry_run": dry_run, **effect._asdict()}
    if not dry_run:
        found["observations"] = 0
        with Submitter(known) as target:
            left = (
                1 if cut_short else target.submit("switch_import", number=number, undo=undo, who=who, why=why)
            )
            while left:
                changed, left = target.submit("judge_import")
                found["observations"] += changed
    if as_json:
        emit_json(found)
    elif undo and dry_run:
        echo(
            Message(
                "import {number}: {samples} samples would be withdrawn, {stay} stay since another import "
                "delivers them too; nothing was changed (--dry-run)",
                number=number,
                samples=effect.samples,
                stay=effect.stay,
            )
        )
    elif dry_run:
        echo(
            Message(
                "import {number}: {samples} samples would count again; nothing was changed (--dry-run)",
                number=number,
                samples=effect.samples,
            )
        )
    elif undo:
        echo(
            Message(
                "import {number} undone: {samples} samples withdrawn, {stay} stay since another import "
                "delivers them too; observations changed: {observations}; give it again with --redo {number}",
                number=number,
                samples=effect.samples,
                stay=effect.stay,
                observations=found["observations"],
            )
        )
    else:
        echo(
            Message(
                "import {number} given again: {samples} samples count again; observations changed: {observations}",
                number=number,
                samples=effect.samples,
                observations=found["observations"],
            )
        )


def _sure(path: Path, asked: _Asked, show: Progress, doubtful: list[Path]) -> Callable[[list[Message]], bool]:
    """What tells of doubtful units, and asks whether to go on where somebody sits there.

    A dry run goes on, and finds in `doubtful` the files that would need ``--yes``.
    """

    def sure(doubted: list[Message]) -> bool:
        for doubt in doubted:
            echo(Message("{path}: {doubt}", path=path, doubt=doubt), err=True)
        if asked.dry_run and not asked.yes:
            doubtful.append(path)
        if asked.yes or asked.dry_run or asked.as_json or not sys.stdin.isatty():
            return asked.yes or asked.dry_run
        with show.hidden():
            return _confirmed(Message("Is the unit right? [y/N]"))

    return sure


def _say_doubtful(paths: list[Path]) -> None:
    """After a dry run: which files the import would not take, with the exit code it would have."""
    for path in paths:
        echo(
            Message(
                "{path}: nothing of it would be imported without --yes: a unit looks wrong. Mend its column unit, or "
                "say that the unit is right with --yes",
                path=path,
            ),
            err=True,
        )
    if paths:
        raise click.exceptions.Exit(2)


def _confirmed(question: Message) -> bool:
    """Whether somebody says yes, in either language; no is meant by an empty answer."""
    while True:
        said = click.prompt(translate(question), default="", show_default=False, err=True).strip().lower()
        if said in ("y", "yes", "是"):
            return True
        if said in ("", "n", "no", "否"):
            return False


def _say_held(layout: FileLayout) -> None:
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
    for said in account.told:
        echo(Message("{path}: {said}", path=path, said=said), err=True)
    for fault in account.shown:
        echo(Message("{path}:{line}: {reason}", path=path, line=fault.line, reason=fault.reason), err=True)
    if account.rejected > len(account.shown):
        echo(
            Message(
                "{path}: further rows that cannot be used: {faults}",
                path=path,
                faults=account.rejected - len(account.shown),
            ),
            err=True,
        )
    for line, sentence in account.named:
        echo(Message("{path}:{line}: {reason}", path=path, line=line, reason=sentence), err=True)
    if account.conflict > len(account.named):
        echo(
            Message(
                "{path}: further rows in conflict: {conflict}",
                path=path,
                conflict=account.conflict - len(account.named),
            ),
            err=True,
        )
    if account.bad:
        echo(Message("{path}: values judged bad: {bad}", path=path, bad=account.bad), err=True)
    if account.back:
        echo(
            Message(
                "{path}:{back_line}: time runs back here; rows at which it does: {back}",
                path=path,
                back_line=account.back_line,
                back=account.back,
            ),
            err=True,
        )
    if account.parked_before:
        echo(
            Message(
                "{path}: rows parked by an earlier import, which count as duplicates: {parked_before}",
                path=path,
                parked_before=account.parked_before,
            ),
            err=True,
        )


def _say(path: Path, account: Account, dry_run: bool) -> None:
    rows, stored, duplicate = account.rows, account.stored, account.duplicate
    conflict, rejected = account.conflict, account.rejected
    if dry_run:
        echo(
            Message(
                "{path}: of {rows} rows {stored} would be stored, {duplicate} duplicate, {conflict} in "
                "conflict, {rejected} would be rejected; nothing was stored (--dry-run)",
                path=path,
                rows=rows,
                stored=stored,
                duplicate=duplicate,
                conflict=conflict,
                rejected=rejected,
            )
        )
    else:
        echo(
            Message(
                "{path}: {rows} rows = {stored} stored + {duplicate} duplicate + {conflict} conflict + "
                "{rejected} rejected (import {number})",
                path=path,
                rows=rows,
                stored=stored,
                duplicate=duplicate,
                conflict=conflict,
                rejected=rejected,
                number=account.number,
            )
        )


ENDS = ("stored", "duplicate", "conflict", "rejected", "bad")
"""What can become of a row."""


def _as_json(path: Path, account: Account) -> dict[str, Any]:
    names = ("rows", *ENDS, "back", "number")
    return {"file": str(path)} | {name: getattr(account, name) for name in names}
