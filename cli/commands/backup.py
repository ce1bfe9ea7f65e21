"""``soilco2 backup``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from soilco2.cli.options import (
    echo,
    emit_json,
    json_option,
    load,
    spoken_language,
    station_argument,
    translate,
)
from soilco2.station_config.message import Message


@click.command()
@station_argument
@click.argument("dest", type=click.Path(file_okay=False, path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Put the files of secrets into it too, as they are.")
@json_option
@spoken_language
def command(station: Path, dest: Path, with_secrets: bool, as_json: bool) -> None:
    """Write a backup of STATION's journal, archives and station file into a new folder in DEST.

    With the station file go the files it includes, catalogues, certificates and screens. Secrets do not, unless
    --with-secrets is said; those that a restored station must be given are named.

    The collector may be running. The copy is read back before its folder gets its name. Exit code 1: something in
    it is damaged, as it is in the station; the rest can be restored. A DEST that was not there, or lies on the
    journal's own disk, is warned of: a stick that is not mounted looks like that.

    \b
    Example:
      soilco2 backup yulin.toml /media/stick
    """
    from soilco2.storage.journal.backup import make_backup

    loaded = load(station)
    new = not dest.exists()
    made = make_backup(loaded, dest, time.time_ns() // 1000, with_secrets)
    for one in made.missing:
        echo(
            Message("not in the backup, to be supplied to a restored station: {secret}", secret=one), err=True
        )
    _warn(dest, new, dest.stat().st_dev == loaded.journal_path.stat().st_dev)
    if as_json:
        emit_json({**made._asdict(), "folder": str(made.folder)})
    else:
        echo(
            Message(
                "{folder}: {samples} samples in the journal, {archives} archives, {size:.1f} MiB, read back",
                folder=made.folder,
                samples=made.samples,
                archives=made.archives,
                size=made.bytes / 2**20,
            )
        )
        for wrong in made.wrong:
            click.echo(translate(wrong), err=True)
    if made.wrong:
        raise click.exceptions.Exit(1)


def _warn(dest: Path, new: bool, same_disk: bool) -> None:
    """One sentence where the backup may be on the disk that it shall outlive."""
    if new and same_disk:
        echo(
            Message(
                "{dest} was not there and was made, on the same disk as the journal: this backup is lost with it; if "
                "it is the place of another disk, that disk is not mounted",
                dest=dest,
            ),
            err=True,
        )
    elif same_disk:
        echo(
            Message("{dest} lies on the same disk as the journal: this backup is lost with it", dest=dest),
            err=True,
        )
    elif new:
        echo(
            Message(
                "{dest} was not there and was made; if it is the place of another disk, that disk is not mounted",
                dest=dest,
            ),
            err=True,
        )
