"""From what was asked on the command line to one round of jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from soilco2.cli.options import emit_json, fail, translate
from soilco2.cli.progress import progress
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message
from soilco2.station_config.times import now_iso

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from soilco2.analysis.frames.frame import Frame, Site
    from soilco2.analysis.jobs.run import Done
    from soilco2.station_config.loader import Station
    from soilco2.storage.reader import Reader
    from soilco2.storage.results.results import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words of the command line."""

    data: tuple[Path, ...]
    since: str | None
    until: str | None
    depths: tuple[float, ...]
    source: str
    longitude: float | None
    trust_clock: bool
    seed: int
    workers: int | None
    scheduler: str | None
    every: str | None
    once: bool
    out: Path
    lang: str
    as_json: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: the jobs, the window, the place the data come from, the folder of the results."""

    name: str
    jobs: tuple[str, ...]
    asked: Asked
    station: Station | None
    zone: ZoneInfo
    start_us: int | None
    end_us: int | None


@dataclass(slots=True)
class Run:
    """What one round made."""

    done: list[Done] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left_out: list[Message] = field(default_factory=list)

    @property
    def rows(self) -> list[Result]:
        """Every row of every job that ended well."""
        return [row for one in self.done if one.outcome is not None for row in one.outcome.rows]


def run_once(
    plan: Plan,
    executor: Executor | None,
    *,
    end_us: int | None = None,
    date: str = "",
    kept: Mapping[str, Done] | None = None,
) -> Run:
    """Read the data, run the jobs, write what they found.

    Parameters
    ----------
    end_us : int, optional
        End of the data, exclusive [µs UTC], instead of the plan's.
    date : str
        Name of the folder; today when empty.
    kept : mapping, optional
        What other jobs found on the same data; it stands in the report and is not written again.
    """
    from soilco2.analysis.frames.build import from_reader
    from soilco2.analysis.jobs.base import Options
    from soilco2.analysis.jobs.run import run_jobs
    from soilco2.analysis.report.write import write
    from soilco2.storage.open import open_reader

    asked = plan.asked
    options = Options(seed=asked.seed, depths_m=asked.depths, trust_clock=asked.trust_clock)
    made = Run()
    end = plan.end_us if end_us is None else end_us
    with progress(f"analyse {plan.name}", wanted=not asked.as_json) as show:
        show(Message("reading"))
        reader = open_reader(asked.data, source=asked.source, go_on=True)  # type: ignore[arg-type]
        made.left_out = _rows_left_out(reader)
        try:
            frames = from_reader(reader, plan.start_us, end, site=_site(plan))
        finally:
            reader.close()
        if not frames:
            fail(Message("{data}: there are no data in this window", data=asked.data[0]), 1)
        _check(frames, asked.depths)
        show.total(len(frames) * len(plan.jobs))
        at = ""

        def started(job: str) -> None:
            nonlocal at
            at = job
            show(job)

        made.done = run_jobs(
            frames, plan.jobs, options, executor, started=started, finished=lambda _: show.step(),
            within=lambda words, share: show.within(f"{at}, {words}", share),
        )  # fmt: skip
        made.faults = [
            Message("{job}: {why}", job=one.job, why=one.error) for one in made.done if one.outcome is None
        ]
        moment = now_iso()
        for frame in frames:
            mine = [one for one in made.done if one.frame is frame]
            folder = asked.out if len(frames) == 1 else asked.out / _safe(frame.station)
            files, faults = write(
                folder, frame, mine, _said(asked) | _bad(made), options, moment, title=plan.name, lang=asked.lang,
                date=date, end_us=end_us, kept=list((kept or {}).values()),
                told=lambda job: show(Message("drawing {job}", job=job)),
            )  # fmt: skip
            made.files += files
            made.faults += faults
    return made


def _check(frames: list[Frame], depths: tuple[float, ...]) -> None:
    """Say once, before anything is computed, that no station has the CO2 that was asked for."""
    from soilco2.analysis.errors import DataError
    from soilco2.analysis.frames.targets import targets

    faults = []
    for frame in frames:
        try:
            targets(frame, depths)
        except DataError as error:
            faults.append(error)
    if len(faults) == len(frames):
        raise faults[0]


def echo_run(plan: Plan, made: Run) -> None:
    """Print what was found, or one JSON object."""
    for said in made.left_out:
        click.echo(translate(said), err=True)
    if plan.asked.as_json:
        emit_json(
            {
                "files": [str(path) for path in made.files],
                "rows": [asdict(row) for row in made.rows],
                "failed": made.faults,
            }
        )
        return
    from rich.console import Console
    from rich.table import Table

    from soilco2.analysis import vocabulary as words
    from soilco2.analysis.report.tables import table, withheld_by_reason

    lang = plan.asked.lang
    console = Console(width=None if Console().is_terminal else 200)
    several = len({one.frame.station for one in made.done}) > 1
    for one in made.done:
        title = words.pick(words.JOBS[one.job][0], lang) + (f" · {one.frame.station}" if several else "")
        console.rule(f"[bold]{title}", align="left", style="dim")
        if one.outcome is None:
            continue
        heads, body = table(one.outcome.rows, lang)
        if body:
            shown = Table(*heads, box=None, pad_edge=False)
            for cells in body:
                shown.add_row(*(cell.replace("[", "\\[") for cell in cells))
            console.print(shown)
        for count, why, where in withheld_by_reason(one.outcome.rows, lang):
            head = translate(Message("withheld: {count}", count=count))
            console.print(f"{head}  {why}\n    {where}", markup=False, highlight=False, style="dim")
        for code in one.outcome.notes:
            console.print(words.note(code, lang), markup=False, highlight=False)
    for fault in made.faults:
        click.echo(translate(fault), err=True)
    for path in made.files:
        click.echo(str(path))


def _site(plan: Plan) -> Site:
    """Where the station stands: the option, the station file, or the sidecar of an export."""
    from soilco2.analysis.frames.frame import Site

    asked = plan.asked
    if plan.station is not None:
        table = plan.station.file.station
        name = table.name.zh if asked.lang == "zh" else table.name.en
        site = Site(table.longitude, table.latitude, name or table.id)
    else:
        site = _sidecar_site(asked.data)
    return site if asked.longitude is None else Site(asked.longitude, site.latitude, site.name)


def _sidecar_site(data: tuple[Path, ...]) -> Site:
    import json

    from soilco2.analysis.frames.frame import Site

    for path in data:
        sidecar = path.with_name(path.name + ".json")
        if sidecar.is_file():
            found = json.loads(sidecar.read_text(encoding="utf-8")).get("station")
            if isinstance(found, dict):
                return Site(found.get("longitude"), found.get("latitude"), "")
    return Site()


def _said(asked: Asked) -> dict[str, Any]:
    """What was asked, for the results file; fingerprints tell which files were read."""
    import hashlib

    marks = {}
    for path in asked.data:
        if path.is_file() and path.suffix != ".toml":
            with path.open("rb") as file:
                marks[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "data": [str(path) for path in asked.data], "sha256": marks, "from": asked.since or "", "to": asked.until or "",
        "depths_m": list(asked.depths), "source": asked.source, "trust_clock": asked.trust_clock,
    }  # fmt: skip


def _rows_left_out(reader: Reader) -> list[Message]:
    """A sentence for each table of which rows could not be used."""
    return [
        Message(
            "{file}: rows that could not be used and were left out: {count}; the first is line {line}: {why}",
            file=file, count=bad.rows, line=bad.first.line, why=bad.first.reason,
        )
        for file, bad in getattr(reader, "bad", {}).items()
    ]  # fmt: skip


def _bad(made: Run) -> dict[str, Any]:
    """What was left out of the files, for the results file; nothing when all was used."""
    return {"left_out": [str(said) for said in made.left_out]} if made.left_out else {}


def _safe(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name) or "station"


@contextmanager
def _executor(asked: Asked) -> Iterator[Executor | None]:
    """Where the tasks run: here, in processes of this machine, or on a Dask cluster."""
    if asked.scheduler:
        try:
            from distributed import Client
        except ImportError:
            fail(Message("--scheduler needs the extra 'cluster': {how}", how=how_to_add("cluster")))
        try:
            client = Client(asked.scheduler, timeout=10)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            fail(
                Message(
                    "--scheduler {scheduler}: no Dask scheduler answers there ({why})",
                    scheduler=asked.scheduler,
                    why=error,
                )
            )
        with client:
            yield client.get_executor()  # type: ignore[no-untyped-call]
    elif asked.workers and asked.workers > 1:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(asked.workers, multiprocessing.get_context("spawn")) as pool:
            yield pool
    else:
        yield None
