"""``soilco2 parked``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soilco2.cli import emit_json, fail, json_option, load, station_argument

if TYPE_CHECKING:
    from storage.journal_reader import ParkedRow


@click.group()
def command() -> None:
    """What could not be used or sent, kept with its reason.

    \b
    Example:
      soilco2 parked list yulin.toml
      soilco2 parked drop yulin.toml 12 --why "test message of the installer"
    """


def _rows(station: Path, everything: bool) -> list[ParkedRow]:
    from storage.journal_reader import JournalReader

    with JournalReader(load(station).journal_path) as reader:
        return reader.parked(None if everything else "waiting")


@command.command("list")
@station_argument
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
        click.echo(f"{row.id}  {row.kind}  {row.source}  {row.state}  {row.reason}")
    if not rows:
        click.echo("nothing is parked")


@command.command()
@station_argument
@click.argument("number", type=int)
def show(station: Path, number: int) -> None:
    """Show one entry whole, as it came.

    \b
    Example:
      soilco2 parked show yulin.toml 12
    """
    for row in _rows(station, True):
        if row.id == number:
            click.echo(f"{row.kind} from {row.source}, {row.state} {row.why}\n{row.reason}\n")
            click.echo(row.payload.decode(errors="backslashreplace"))
            return
    fail(f"there is no parked entry {number}; 'soilco2 parked list --all' shows them")


@command.command()
@station_argument
@click.argument("number", type=int)
@click.option("--why", required=True, help="The reason, kept with the entry.")
def drop(station: Path, number: int, why: str) -> None:
    """Settle an entry as not wanted; it stays in the journal with the reason.

    \b
    Example:
      soilco2 parked drop yulin.toml 12 --why "test message of the installer"
    """
    from storage.control import submit

    submit(load(station), "parked_settle", number=number, state="dropped", why=why)
    click.echo(f"entry {number} dropped")
