"""``soilco2 parked``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soilco2.cli.options import (
    LazyGroup,
    echo,
    emit_json,
    fail,
    json_option,
    load,
    parse_time,
    spoken_language,
    station_argument,
    translate,
    word,
)
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.journal.rows import ParkedRow


@click.group(cls=LazyGroup)
def command() -> None:
    """What could not be used or sent, kept with its reason.

    \b
    Example:
      soilco2 parked list yulin.toml
      soilco2 parked drop yulin.toml 12 --why "test message of the installer"
    """


def _rows(station: Path, everything: bool) -> list[ParkedRow]:
    from soilco2.storage.journal.reader import JournalReader

    with JournalReader(load(station).journal_path) as reader:
        return reader.accounting.parked(None if everything else "waiting")


@command.command("list")
@station_argument
@spoken_language
@click.option("--all", "everything", is_flag=True, help="Those settled as well.")
@json_option
def list_(station: Path, everything: bool, as_json: bool) -> None:
    """List what is parked, newest first.

    \b
    Example:
      soilco2 parked list yulin.toml --json
    """
    rows = _rows(station, everything)
    if as_json:
        emit_json(
            {"parked": [{**row._asdict(), "payload": row.payload.decode(errors="replace")} for row in rows]}
        )
        return
    for row in rows:
        click.echo(f"{row.id}  {word(row.kind)}  {row.source}  {word(row.state)}  {translate(row.reason)}")
    if not rows:
        echo(Message("nothing is parked"))


@command.command()
@station_argument
@spoken_language
@click.argument("number", type=int)
def show(station: Path, number: int) -> None:
    """Show one entry whole, as it came.

    \b
    Example:
      soilco2 parked show yulin.toml 12
    """
    for row in _rows(station, True):
        if row.id == number:
            about = {"kind": word(row.kind), "source": row.source, "state": word(row.state)}
            if row.why:
                echo(Message("{kind} from {source}, {state}: {why}", why=row.why, **about))
            else:
                echo(Message("{kind} from {source}, {state}", **about))
            click.echo(f"{translate(row.reason)}\n")
            click.echo(row.payload.decode(errors="backslashreplace"))
            return
    fail(Message("there is no parked entry {number}; 'soilco2 parked list --all' shows them", number=number))


@command.command()
@station_argument
@spoken_language
@click.argument("number", type=int, required=False)
@click.option("--import", "import_", type=int, metavar="NUMBER", help="All of one import.")
@click.option("--reason", metavar="TEXT", help="All whose reason holds this text.")
@click.option("--before", metavar="TIME", help="All that came before a time.")
@click.option("--why", required=True, help="The reason, kept with the entry.")
def drop(
    station: Path, number: int | None, import_: int | None, reason: str | None, before: str | None, why: str
) -> None:
    """Settle an entry, or all that meet the options, as not wanted; they stay in the journal with the reason.

    A conflict is not dropped, it is decided: 'soilco2 parked decide'.

    \b
    Example:
      soilco2 parked drop yulin.toml 12 --why "test message of the installer"
      soilco2 parked drop yulin.toml --import 3 --why "the table was mended"
      soilco2 parked drop yulin.toml --reason "no such unit" --before 2026-07-01 --why "mended"
    """
    from soilco2.storage.journal.control import submit

    loaded = load(station)
    if (number is not None) == any(option is not None for option in (import_, reason, before)):
        fail(
            Message(
                "the NUMBER of an entry, or --import, --reason and --before for several: one of the two is "
                "expected"
            )
        )
    if number is not None:
        submit(loaded, "parked_settle", number=number, state="dropped", why=why)
        echo(Message("entry {number} dropped", number=number))
        return
    before_us = None if before is None else parse_time(before, loaded.deployments.zone)
    count, left = submit(loaded, "drop_parked", why=why, import_=import_, reason=reason, before_us=before_us)
    echo(Message("{count} entries dropped", count=count))
    if left:
        echo(
            Message(
                "{count} conflicts wait and were not dropped; 'soilco2 parked decide' settles each",
                count=left,
            ),
            err=True,
        )


@command.command()
@station_argument
@spoken_language
@click.argument("number", type=int)
@click.option("--take", metavar="FIRST|SECOND|VALUE", help="The number that holds.")
@click.option("--take-back", is_flag=True, help="Take the decision back: it is open again.")
@click.option("--who", required=True, help="Who decides.")
@click.option("--why", default="", help="The reason, kept for ever.")
def decide(station: Path, number: int, take: str | None, take_back: bool, who: str, why: str) -> None:
    """Decide a conflict: which of the numbers of one series and time holds. Nothing is deleted by it.

    \b
    Example:
      soilco2 parked decide yulin.toml 12 --take SECOND --who "L. Technician" --why "the first was a test"
      soilco2 parked decide yulin.toml 12 --take 916.4 --who "L. Technician"
      soilco2 parked decide yulin.toml 12 --take-back --who "L. Technician"
    """
    if not who.strip():
        fail(Message("--who is empty; a decision keeps who made it"))
    if (take is not None) == take_back or take == "":
        fail(Message("--take FIRST, SECOND or the number itself; or --take-back: one of the two is expected"))
    from soilco2.storage.journal.control import submit

    changed = submit(load(station), "decide", number=number, take=take or "", who=who, why=why)
    if take_back:
        echo(
            Message(
                "entry {number} is open again; {changed} observations changed", number=number, changed=changed
            )
        )
    else:
        echo(
            Message(
                "entry {number} is decided; {changed} observations changed", number=number, changed=changed
            )
        )


@command.command()
@station_argument
@spoken_language
@click.argument("number", type=int)
@click.option("--why", default="tried again", show_default=True, help="The reason, kept with the entry.")
def retry(station: Path, number: int, why: str) -> None:
    """Try an entry again: a message is decoded anew, a point or stretch is sent to its database again.

    What fails again is parked again, with the new reason, under a new number. Exit code 1 when a message still
    cannot be understood.

    \b
    Example:
      soilco2 parked retry yulin.toml 12 --why "the probe is in the station file now"
    """
    from soilco2.storage.journal.control import Submitter

    loaded = load(station)
    row = next((row for row in _rows(station, False) if row.id == number), None)
    if row is None:
        fail(
            Message(
                "parked entry {number} does not wait; 'soilco2 parked list' shows those that do",
                number=number,
            )
        )
    with Submitter(loaded) as door:
        if row.kind in ("point", "stretch"):
            start, end = _window(row)
            door.submit("resend", sink=row.source, from_us=start, to_us=end, why=f"entry {number}: {why}")
            said = Message("entry {number} will be sent to {source} again", number=number, source=row.source)
        elif row.kind == "message":
            said = _decode(loaded, row, door)
        elif row.payload[:1] == b"[" and row.payload != b"[]":  # an earlier version kept the number out
            done = door.submit("import", samples=[json.loads(row.payload)], parked=[], counts=[])
            said = _counts(number, done)
        else:
            fail(
                Message(
                    "entry {number} is a {word}: both numbers are kept; 'soilco2 parked decide' says which holds",
                    number=number,
                    word=word(row.kind),
                )
            )
        door.submit("parked_settle", number=number, state="retried", why=why)
    echo(said)


def _window(row: ParkedRow) -> tuple[int, int]:
    """The times [µs UTC] a point or stretch is of."""
    if row.kind == "stretch":
        body = json.loads(row.payload)
        return int(body["from_us"]), int(body["to_us"])
    if row.time_us is None:
        fail(Message("entry {number} has no time; it cannot be sent again", number=row.id))
    return row.time_us, row.time_us + 1


def _decode(station: Station, row: ParkedRow, door: Submitter) -> Message:
    """Decode a message with the station file as it is now and keep its samples."""
    from soilco2.ingest.drivers.registry import driver_at
    from soilco2.quality.rivals import FILE, TABLE

    if row.source.startswith((FILE, TABLE)):
        fail(
            Message(
                "entry {number} is a line of the table {source}: mend the table and import it again",
                number=row.id,
                source=row.source.partition(":")[2],
            )
        )
    driver = driver_at(station.file.connection, row.source)
    if driver is None:
        fail(
            Message(
                "entry {number} came by {source}, which is no connection of the station file any more",
                number=row.id,
                source=row.source,
            ),
            1,
        )
    found = driver.retry(station, row.source, row.payload, row.arrival_us)
    if not found.samples:
        reasons = [one.reason for one in found.parked] or [row.reason]
        fail(
            Message(
                "entry {number} still cannot be used: {reasons}",
                number=row.id,
                reasons=Message.joined(reasons),
            ),
            1,
        )
    done = door.submit("import", samples=found.samples, parked=[], counts=[])
    return _counts(row.id, done)


def _counts(number: int, done: dict[str, int]) -> Message:
    return Message(
        "entry {number}: {stored} stored, {duplicate} duplicate, {conflict} conflicts",
        number=number,
        stored=done["stored"],
        duplicate=done["duplicate"],
        conflict=done["conflict"],
    )
