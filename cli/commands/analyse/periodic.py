"""``soilco2 analyse … --every``: beside a running station, once for every period that has ended.

Each round analyses the record up to the end of its period and keeps the answer under the date of that end, so that
the folder shows how an answer firmed up. What was done is told by the results files themselves: each
says up to when its data reach, and the next round begins there. Periods that were missed are made up, oldest
first. A job that failed is reported and tried again, alone, until the next period ends.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from soilco2.cli.options import echo, fail
from soilco2.cli.periodic import last_end, stop_event
from soilco2.station_config.message import Message
from soilco2.station_config.times import now_iso

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from soilco2.analysis.jobs.run import Done
    from soilco2.cli.commands.analyse.plan import Plan

RETRY_S: Final = 600.0
"""Wait before a failed job is tried again [s]."""
MOST_MISSED: Final = 366
"""Periods made up at most."""


def main(plan: Plan, executor: Executor | None) -> None:
    """Rounds until told to stop; with ``--once`` those that are due.

    Exits with 1 when, with ``--once``, a job failed.
    """
    from soilco2.station_config.base import parse_duration

    asked = plan.asked
    if plan.station is None:
        fail(Message("--every works beside a running station; {data} is no station file", data=asked.data[0]))
    if asked.until:
        fail(Message("--every goes on with time; leave --to out"))
    try:
        every_us = round(parse_duration(asked.every or "") * 1e6)
    except ValueError as error:
        fail(Message("--every {every!r}: {why}", every=asked.every, why=error))
    if every_us < 3_600_000_000:
        fail(
            Message(
                "--every {every!r}: an analysis of less than an hour more says nothing new; give 1h or longer",
                every=asked.every,
            )
        )
    stop = stop_event(asked.once)
    kept: dict[str, Done] = {}
    kept_end = 0
    while True:
        now = _last_end(plan, every_us)
        failed = False
        for end in due(plan, now, every_us):
            if end != kept_end:
                kept, kept_end = {}, end
            failed = not _round(plan, executor, end, kept)
            if stop.is_set():
                return
        if asked.once:
            if failed:
                raise click.exceptions.Exit(1)
            return
        until = now + every_us - now_us()
        if stop.wait(min(until / 1e6, RETRY_S) if failed else max(until / 1e6, 1.0)):
            return


def now_us() -> int:
    """The time [µs UTC]."""
    return time.time_ns() // 1000


def _last_end(plan: Plan, every_us: int) -> int:
    """End of the last period that is over, counted from the station's midnight [µs UTC]."""
    now = now_us()
    offset = datetime.fromtimestamp(now / 1e6, plan.zone).utcoffset() or timedelta(0)
    return last_end(now, every_us, round(offset.total_seconds() * 1e6))


def due(plan: Plan, now_us: int, every_us: int) -> list[int]:
    """Ends of the periods to be done [µs UTC], oldest first; on the first start only the last one.

    The last one is due again as long as a job has no results for it.
    """
    reached = [_reached(plan, job) for job in plan.jobs]
    known = [end for end in reached if end is not None]
    if not known:
        return [now_us]
    missed = (now_us - max(known)) // every_us
    ends = [now_us - k * every_us for k in range(min(missed, MOST_MISSED) - 1, -1, -1)]
    if not ends and any(end is None or end < now_us for end in reached):
        return [now_us]
    return ends


def _reached(plan: Plan, job: str) -> int | None:
    """Up to when the newest results of a job reach [µs UTC]; None when there are none."""
    from soilco2.storage.errors import ResultsError
    from soilco2.storage.results.results import list_results, read_results

    assert plan.station is not None
    for path in reversed(list(list_results(plan.asked.out, job))):
        try:
            found = read_results(path)
        except ResultsError as error:
            echo(Message("{why}; made again", why=error), err=True)
            continue
        if found.station == plan.station.file.station.id and found.data_to:
            return _us(found.data_to)
    return None


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


def _round(plan: Plan, executor: Executor | None, end_us: int, kept: dict[str, Done]) -> bool:
    """One round up to `end_us`; True when every job has its results.

    `kept` holds what already ended well in this round, so that only the rest is tried again and the report still
    tells all.
    """
    from soilco2.analysis.errors import AnalysisError
    from soilco2.cli.commands.analyse.plan import run_once
    from soilco2.storage.errors import StorageError

    last_day = datetime.fromtimestamp(end_us / 1e6 - 1, plan.zone).date().isoformat()
    jobs = tuple(job for job in plan.jobs if job not in kept)
    try:
        made = run_once(replace(plan, jobs=jobs), executor, end_us=end_us, date=last_day, kept=kept)
    except (AnalysisError, StorageError) as error:
        _report(last_day, [Message.of(error)])
        return False
    kept |= {one.job: one for one in made.done if one.outcome is not None}
    _report(last_day, made.faults)
    if good := [one.job for one in made.done if one.outcome is not None]:
        click.echo(f"{last_day}  {', '.join(good)}  {made.files[0]}")
    return all(job in kept for job in plan.jobs)


def _report(day: str, faults: Sequence[str]) -> None:
    for fault in faults:
        echo(
            Message("{now} {day}: {why}; tried again later", now=now_iso(), day=day, why=fault),
            err=True,
        )
