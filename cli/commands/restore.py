"""``soilco2 restore``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from soilco2.cli.options import echo, emit_json, fail, json_option, load, spoken_language, translate
from soilco2.station_config.message import Message


@click.command()
@click.argument("backup", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("station", required=False, type=click.Path(dir_okay=False, path_type=Path))
@json_option
@spoken_language
def command(backup: Path, station: Path | None, as_json: bool) -> None:
    """Bring a station back from BACKUP: its journal, its archives and, where there are none, its station file and
    what that needs: included files, catalogues, certificates, screens.

    STATION is the station file; left out, it has the name it had, here. A journal that is there is never written
    over. Secrets that are not in the backup are named. Start the collector afterwards: it goes on where the backup
    ends.

    \b
    Example:
      soilco2 restore /media/stick/yulin_20261130T190000 yulin.toml
    """
    from soilco2.storage.journal.backup import as_sentence, read_contents
    from soilco2.storage.journal.backup_settings import put_back
    from soilco2.storage.journal.restore import restore

    contents = read_contents(backup)
    kept = contents["station_file"]
    station = station or (Path(Path(kept).name) if kept else None)
    if station is None:
        fail(Message("the backup holds no station file; name the one that the station shall have"))
    kept_file = backup / Path(kept).name if kept else None
    now_us = time.time_ns() // 1000
    if kept_file is None and not station.exists():
        fail(Message("there is no station file {station}", station=station))
    differ = []
    with as_sentence(station.parent), put_back(contents, backup, station.absolute().parent) as beside:
        if station.exists():
            done, already = restore(load(station), backup, now_us)
            if kept_file is not None and kept_file.read_bytes() != station.read_bytes():
                differ.append((station, kept_file))
        else:
            assert kept_file is not None
            with _draft(station, kept_file) as draft:
                done, already = restore(load(draft), backup, now_us)
                draft.replace(station)
    differ += [(path, backup) for path in beside.differ]
    _warn(station, differ, done.missing)
    if as_json:
        emit_json(
            {**done._asdict(), "folder": str(done.folder), "station_file": str(station), "already": already,
             "settings": [str(path) for path in beside.made]}
        )  # fmt: skip
        return
    for path in beside.made:
        echo(Message("{path} is back", path=path))
    if already:
        echo(
            Message(
                "{station}: its journal came from this backup before, and stays as it has become; start the collector",
                station=station,
            )
        )
    else:
        echo(
            Message(
                "{station}: {samples} samples in the journal and {archives} archives are back; start the collector",
                station=station,
                samples=done.samples,
                archives=done.archives,
            )
        )
    for wrong in done.wrong:
        click.echo(translate(wrong), err=True)


def _warn(station: Path, differ: list[tuple[Path, Path]], missing: list[Message]) -> None:
    """What was there and differs from the backup, and which secrets are still to be supplied."""
    for path, kept in differ:
        if path == station:
            text = Message(
                "{station} was there and is used; it differs from the backup's station file, {kept}",
                station=path,
                kept=kept,
            )
        else:
            text = Message("{path} was there and is used; it differs from the backup's", path=path)
        echo(text, err=True)
    for one in missing:
        echo(Message("before the collector starts, supply the secret {secret}", secret=one), err=True)


@contextmanager
def _draft(station: Path, kept: Path) -> Iterator[Path]:
    """The station file under another name where it shall stand; nothing is left of it when the restore is refused."""
    from soilco2.storage.files import write_whole

    made = [folder for folder in station.absolute().parents if not folder.exists()]
    draft = station.with_name(f".{station.name}.restoring.toml")
    try:
        write_whole(draft, kept.read_bytes())
        yield draft
    except BaseException:
        draft.unlink(missing_ok=True)
        with suppress(OSError):  # one that holds something by now stays, with those above it
            for folder in made:
                folder.rmdir()
        raise
