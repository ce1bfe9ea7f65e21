"""``soilco2 import``: a tidy table into the journal, every row stored, known already, or kept with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from soilco2.cli.options import emit_json, fail, json_option, load, say, spoken_language, station_argument
from soilco2.cli.progress import progress

if TYPE_CHECKING:
    from soilco2.quality.records import Sample
    from soilco2.station_config.loader import Station
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.tidy.dry_run import Rehearsal
    from soilco2.storage.tidy.rows import TidyFault
    from soilco2.storage.tidy.samples import Moment
    from soilco2.storage.tidy.text import Layout

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
@spoken_language
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--timezone", metavar="ZONE", help="Zone of times that name none, such as Asia/Shanghai.")
@click.option("--dry-run", is_flag=True, help="Say what would become of the rows; change nothing.")
@json_option
def command(
    station: Path,
    files: tuple[Path, ...],
    timezone: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring tidy tables (CSV, plain or gzipped) into the journal.

    Rows that cannot be used are counted and kept with line number and reason; the rest goes on. Importing a
    file again stores and keeps nothing twice. The exit code is 1 when a row was rejected.
    """
    from soilco2.ingest.clock.system import SystemClock
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.tidy.dry_run import Rehearsal
    from soilco2.storage.tidy.samples import Moment
    from soilco2.storage.tidy.text import find_layout

    known = load(station)
    zone = _zone(timezone)
    for path in files:
        if path.suffix.lower() in (".parquet", ".pq"):
            fail(f"{path}: import takes text; 'soilco2 export {path} -o table.csv' makes a CSV file of it")
    layouts = [find_layout(path) for path in files]
    clock = SystemClock()
    moment = Moment(clock.now_us(), clock.mono_us(), clock.boot_id)
    with Rehearsal(known.journal_path) if dry_run else Submitter(known) as door:
        results = [_one(known, layout, zone, moment, door, quiet=as_json) for layout in layouts]
    if as_json:
        emit_json({"dry_run": dry_run, "files": results})
    else:
        for result in results:
            file, rows, stored, duplicate, _, rejected = result.values()
            if dry_run:
                say(
                    f"{file}: of {rows} rows {stored} would be stored, {duplicate} are duplicates, {rejected} would be "
                    "rejected; nothing was stored (--dry-run)"
                )
            else:
                say(f"{file}: {rows} rows = {stored} stored + {duplicate} duplicate + {rejected} rejected")
    if any(result["rejected"] for result in results):
        raise click.exceptions.Exit(1)


def _one(
    station: Station,
    layout: Layout,
    zone: ZoneInfo | None,
    moment: Moment,
    door: Submitter | Rehearsal,
    *,
    quiet: bool,
) -> dict[str, Any]:
    """Import one file; what became of its rows, or in a rehearsal would."""
    from soilco2.storage.journal.control import Submitter
    from soilco2.storage.tidy.dry_run import ParkedRows
    from soilco2.storage.tidy.samples import read_samples, source_name

    path = layout.path
    source = source_name(path)
    total = {"stored": 0, "duplicate": 0, "conflict": 0}
    known = rejected = 0
    shown: list[TidyFault] = []
    parked = ParkedRows(station.journal_path, source)
    with progress(str(path), wanted=not quiet) as show:
        for stretch in read_samples(station, path, moment, zone, layout):
            samples, faults, again = parked.sort_out(stretch.samples, stretch.faults)
            known += again
            rejected += len(faults)
            shown += faults[: max(0, _SHOWN - len(shown))]
            if not isinstance(door, Submitter):
                done = door.judge(samples)
            else:
                done = _keep(door, source, samples, faults, again, moment)
            for name in total:
                total[name] += done[name]
            show(f"line {stretch.line}")
    total["duplicate"] += known
    refused = rejected + total["conflict"]
    for fault in shown:
        say(f"{path}:{fault.line}: {fault.reason}", err=True)
    if rejected > len(shown):
        say(f"{path}: {rejected - len(shown)} more rows cannot be used", err=True)
    if total["conflict"]:
        say(f"{path}: {total['conflict']} rows differ from what the journal holds for their time", err=True)
    if known:
        say(f"{path}: {known} rows were parked by an earlier import; they count as duplicates", err=True)
    if isinstance(door, Submitter):
        text = f"{total['stored']} stored, {total['duplicate']} duplicate, {refused} rejected"
        door.submit("event", event=["imported", source, text])
        if refused:
            say(f"they are kept: soilco2 parked list {station.path}", err=True)
    rows = total["stored"] + total["duplicate"] + refused
    return {"file": str(path), "rows": rows, **total, "rejected": refused}


def _keep(
    door: Submitter, source: str, samples: list[Sample], faults: list[TidyFault], again: int, moment: Moment
) -> dict[str, int]:
    """Have a stretch of rows kept, and counted."""
    from soilco2.storage.tidy.dry_run import parked_reason

    if not samples and not faults and not again:
        return {"stored": 0, "duplicate": 0, "conflict": 0}
    done: dict[str, int] = door.submit(
        "import",
        samples=samples,
        parked=[("message", source, parked_reason(f), f.text, None, moment.now_us) for f in faults],
        counts=[
            (source, "in", len(faults) + again),
            (source, "rejected", len(faults)),
            (source, "duplicate", again),
        ],
    )
    return done
