"""Run jobs on frames: every pair of frame and job is an independent, pure task for any executor.

    with ProcessPoolExecutor(4) as pool:
        done = run_jobs(frames, JOBS, Options(), pool)

Without an executor the tasks run here, one after the other; the answers are the same. Any
:class:`concurrent.futures.Executor` will do, that of a Dask cluster (``Client(...).get_executor()``) too.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass

from soilco2.analysis.errors import AnalysisError
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs import job
from soilco2.analysis.jobs.base import Options, Outcome, Watch, watched
from soilco2.station_config.message import Message


@dataclass(frozen=True, slots=True)
class Task:
    """One job on one frame: pure, and small enough to be sent to another process."""

    frame: Frame
    job: str
    options: Options


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task.

    Parameters
    ----------
    frame : Frame
    job : str
    outcome : Outcome or None
        None when it failed.
    error : Message or None
        One sentence; None when it did not fail.
    trace : str
        Where in the program, when the fault is the program's and not the data's.
    """

    frame: Frame
    job: str
    outcome: Outcome | None
    error: Message | None = None
    trace: str = ""


Answer = tuple[Outcome | None, Message | None, str]
"""Of a task: its outcome, or a sentence and, for a fault of the program, where it happened."""

DRIVEN = ("correlation", "response", "lag", "water", "rain")
"""Jobs that set CO2 against temperature or water, which a flux from a gradient contains already."""


def perform(task: Task) -> Answer:
    """Run one task; what fails is told."""
    try:
        outcome = job(task.job)(task.frame, task.options)
    except AnalysisError as error:
        return None, Message.of(error), ""
    except Exception as error:  # noqa: BLE001 - one failed job must not take the others with it
        why = Message("the job failed: {kind}: {why}", kind=type(error).__name__, why=error)
        return None, why, traceback.format_exc()
    if task.job in DRIVEN and any(row.target.endswith("/co2_flux") for row in outcome.rows):
        outcome.notes.append("gradient_flux")
    columns = task.frame.columns
    outcome.notes += [
        code
        for code, found in (
            ("other_unit", any(c.other_unit for c in columns)),
            ("sentinel", any("sentinel" in c.left_out for c in columns)),
        )
        if found
    ]
    return outcome, None, ""


def run_jobs(
    frames: Sequence[Frame],
    jobs: Sequence[str],
    options: Options,
    executor: Executor | None = None,
    *,
    started: Callable[[str], None] = lambda _: None,
    finished: Callable[[Done], None] = lambda _: None,
    within: Watch = lambda words, share: None,
) -> list[Done]:
    """Every job on every frame.

    Parameters
    ----------
    frames : sequence of Frame
        One per station, or per station and year.
    jobs : sequence of str
        Names in :data:`soilco2.analysis.jobs.JOBS`.
    options : Options
    executor : concurrent.futures.Executor, optional
        Where the tasks run; here when left out.
    started : callable
        Told the name of a job that begins; where an executor runs them, only that they run.
    finished : callable
        Told of each task as it ends.
    within : callable
        Told what the job is at and what share of it is done; not where an executor runs the tasks.

    Returns
    -------
    list of Done
        By frame, then by job, whatever the order in which they ended.
    """
    tasks = [Task(frame, name, options) for frame in frames for name in jobs]
    done: list[Done | None] = [None] * len(tasks)
    with watched(within):
        for index, answer in _answers(tasks, executor, started):
            done[index] = ended = Done(tasks[index].frame, tasks[index].job, *answer)
            finished(ended)
    return [d for d in done if d is not None]


def _answers(
    tasks: Sequence[Task], executor: Executor | None, started: Callable[[str], None]
) -> Iterator[tuple[int, Answer]]:
    if executor is None:
        for index, task in enumerate(tasks):
            started(task.job)
            yield index, perform(task)
        return
    started(Message("{count} tasks", count=len(tasks)))
    waiting = {executor.submit(perform, task): index for index, task in enumerate(tasks)}
    for future in as_completed(waiting):
        index = waiting[future]
        try:
            yield index, future.result()
        except Exception as error:  # noqa: BLE001 - a lost worker is a failed task, not the end of all
            why = Message("the worker was lost: {kind}: {why}", kind=type(error).__name__, why=error)
            yield index, (None, why, "")
