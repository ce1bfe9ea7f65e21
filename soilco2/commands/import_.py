"""``soilco2 import``: a tidy table into the journal, every row stored, known already, or kept with its reason."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from soilco2.cli import emit_json, fail, json_option, load, station_argument
from soilco2.progress import progress

if TYPE_CHECKING:
    from station_config.loader import Station
    from storage.control import Submitter
    from storage.tidy_import import Moment
    from storage.tidy_rows import TidyFault

_SHOWN = 5


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fail(f"--timezone {name}: no such zone; expected such as Asia/Shanghai, Europe/Berlin or Etc/GMT-8")


@click.command("import", epilog="Example: soilco2 import station.toml logger.csv --timezone Asia/Shanghai")
@station_argument
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--timezone", metavar="ZONE", help="Zone of times that name none, such as Asia/Shanghai.")
@click.option("--dry-run", is_flag=True, help="Read everything, store nothing.")
@json_option
def command(
    station: Path, files: tuple[Path, ...], timezone: str | None, dry_run: bool, as_json: bool
) -> None:
    """Bring tidy tables (CSV, plain or gzipped) into the journal.

    Rows that cannot be used are counted and kept with line number and reason; the rest goes on. Importing a
    file again stores nothing twice. The exit code is 1 when a row was rejected.
    """
    from ingest.clock import SystemClock
    from storage.control import Submitter
    from storage.tidy_import import Moment
    from storage.tidy_text import find_layout

    known = load(station)
    zone = _zone(timezone)
    for path in files:
        if path.suffix.lower() in (".parquet", ".pq"):
            fail(f"{path}: import takes text; 'soilco2 export {path} -o table.csv' makes a CSV file of it")
    layouts = [find_layout(path) for path in files]
    clock = SystemClock()
    moment = Moment(clock.now_us(), clock.mono_us(), clock.boot_id)
    with nullcontext() if dry_run else Submitter(known) as door:
        results = [_one(known, layout, zone, moment, door, quiet=as_json) for layout in layouts]
    if as_json:
        emit_json({"dry_run": dry_run, "files": results})
    else:
        for result in results:
            click.echo(
                "{file}: {rows} rows = {stored} stored + {duplicate} duplicate + {rejected} rejected".format(
                    **result
                )
                + (" (nothing was stored: --dry-run)" if dry_run else "")
            )
    if any(result["rejected"] for result in results):
        raise click.exceptions.Exit(1)


def _one(
    station: Station,
    layout: Any,
    zone: ZoneInfo | None,
    moment: Moment,
    door: Submitter | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    """Import one file; what became of its rows."""
    from storage.tidy_import import read_samples, source_name

    path: Path = layout.path
    source = source_name(path)
    stored = duplicate = conflicts = 0
    faults: list[TidyFault] = []
    rejected = 0
    with progress(str(path), wanted=not quiet) as show:
        for samples, bad, line in read_samples(station, path, moment, zone, layout):
            rejected += len(bad)
            faults += bad[: _SHOWN - len(faults)] if len(faults) < _SHOWN else []
            if door is None:
                stored += len(samples)
            elif samples or bad:
                done = door.submit(
                    "import",
                    samples=samples,
                    parked=[
                        ("message", source, f"line {f.line}: {f.reason}", f.text, None, moment.now_us)
                        for f in bad
                    ],
                    counts=[(source, "in", len(bad)), (source, "rejected", len(bad))],
                )
                stored += done["stored"]
                duplicate += done["duplicate"]
                conflicts += done["conflict"]
            show(f"line {line}")
    for fault in faults:
        click.echo(f"{path}:{fault.line}: {fault.reason}", err=True)
    if rejected > len(faults):
        click.echo(f"{path}: {rejected - len(faults)} more rows were rejected", err=True)
    if conflicts:
        click.echo(
            f"{path}: {conflicts} rows differ from what the journal holds for their time and were parked",
            err=True,
        )
    if door is not None:
        text = f"{stored} stored, {duplicate} duplicate, {rejected + conflicts} rejected"
        door.submit("event", event=["imported", source, text])
        if rejected + conflicts:
            click.echo(f"they are kept: soilco2 parked list {station.path}", err=True)
    return {
        "file": str(path),
        "rows": stored + duplicate + rejected + conflicts,
        "stored": stored,
        "duplicate": duplicate,
        "rejected": rejected + conflicts,
        "conflict": conflicts,
    }
