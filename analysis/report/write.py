"""Results, tables, figures and report of one station into the folder of a day, each whole or not at all."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from soilco2.analysis.figures.draw import Drawn, figures
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs import JOBS
from soilco2.analysis.jobs.base import Options, software_version, time_text
from soilco2.analysis.jobs.run import Done
from soilco2.analysis.report.page import Section, page
from soilco2.station_config.message import Message
from soilco2.storage.results.results import ResultFile, results_path, write_results, write_table, write_whole


def versions() -> dict[str, str]:
    """Versions of this software and of what it computes with."""
    libraries = {name: version(name) for name in ("numpy", "scipy", "pandas", "matplotlib")}
    return {"soilco2": software_version(), "Python": platform.python_version(), **libraries}


def write(
    folder: Path, frame: Frame, done: Sequence[Done], asked: Mapping[str, Any], options: Options, created: str,
    *, title: str, lang: str = "en", date: str = "", end_us: int | None = None, kept: Sequence[Done] = (),
    told: Callable[[str], None] = lambda _: None,
) -> tuple[list[Path], list[Message]]:  # fmt: skip
    """Write what the jobs of one frame found.

    Everything is made before anything is written. A job's results file comes after its tables and figures:
    where it is, all is. A job that failed leaves what it wrote before untouched.

    Parameters
    ----------
    folder : Path
        The files go to ``<folder>/<date>/``.
    frame : Frame
    done : sequence of Done
        All of this frame; a failed one stands in the report with its reason and leaves no results file.
    asked : mapping
        What was asked.
    options : Options
    created : str
        ISO 8601 UTC.
    title : str
        Name of the report: ``<title>.report.html``.
    lang : {"en", "zh"}
    date : str
        Day the results belong to, such as 2026-03-01; that of `created` when empty.
    end_us : int, optional
        End of the time asked for, where the next run goes on [µs UTC]; the end of the frame when left out.
    kept : sequence of Done
        Of jobs whose files are written already: they stand in the report only.
    told : callable
        Told what is being drawn.

    Returns
    -------
    (list of Path, list of Message)
        The files, the report first; what could not be drawn, a sentence each.
    """
    date = date or created[:10]
    end = time_text(frame.start_us + frame.n * frame.step_s * 1_000_000 if end_us is None else end_us)
    sections, pictures, faults = [], {}, []
    for one in sorted([*kept, *done], key=lambda d: JOBS.index(d.job)):
        if one.outcome is None:
            sections.append(Section(one.job, None, one.error))
            continue
        told(one.job)
        fault = None
        try:
            drawn = figures(one.job, frame, one.outcome, lang)
        except Exception as error:  # noqa: BLE001 - numbers must not be lost because a picture was
            drawn = []
            fault = Message(
                "figures of {job}: {kind}: {why}", job=one.job, kind=type(error).__name__, why=error
            )
            faults.append(fault)
        pictures[one.job] = drawn
        file = results_path(folder, date, one.job).name
        sections.append(Section(one.job, one.outcome, fault, [(d.svg, d.caption) for d in drawn], file))
    whole = page(frame, sections, asked, options, created, versions(), lang)
    paths: list[Path] = []
    for one in done:
        if one.outcome is None:
            continue
        for name, columns in one.outcome.tables.items():
            paths.append(write_table(folder, date, one.job, name, columns))
        paths += [_picture(folder, date, one.job, d) for d in pictures[one.job]]
        file_of = ResultFile(
            job=one.job, station=frame.station, created=created, version=software_version(), seed=options.seed,
            asked=asked, data_from=time_text(frame.start_us), data_to=end, rows=tuple(one.outcome.rows),
            notes=tuple(one.outcome.notes),
        )  # fmt: skip
        paths.append(write_results(folder, file_of, date))
    report = results_path(folder, date, title).with_name(f"{title}.report.html")
    write_whole(report, whole)
    return [report, *paths], faults


def _picture(folder: Path, date: str, job: str, drawn: Drawn) -> Path:
    path = results_path(folder, date, job).with_name(f"{job}.{drawn.name}.svg")
    write_whole(path, drawn.svg)
    return path
