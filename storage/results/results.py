"""Results of analyses: one schema, one writer, one reader.

A folder per date, a file per job: ``<folder>/<date>/<job>.results.json``, with its tables beside it as
``<job>.<table>.csv``. A file appears whole or not at all. The schema is published as
``docs/reference/results.schema.json``.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from soilco2.station_config.message import Message, system
from soilco2.storage import files
from soilco2.storage.errors import ResultsError

SCHEMA = "soilco2-results-1"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One number, or the reason why it is withheld.

    Parameters
    ----------
    what : str
        What it is, such as ``pearson_r`` or ``q10_nls``.
    target, driver : str
        Series as ``station/profile/position/variable``; driver empty where there is none.
    target_depth_m, driver_depth_m : float or None
        [m], positive downward.
    given : tuple of str
        What was held fixed.
    scale : str
        Time scale (:mod:`soilco2.analysis.definitions`).
    mask : str
        Which part of the record, in words; ``all`` for the whole.
    start, end : str
        First and last time used, ISO 8601 UTC; empty where nothing was used.
    n : int
        Pairs, days or events used.
    n_eff : float or None
        Effective number of independent pairs.
    value : float or None
        None when withheld or not a number.
    unit : str
    lower, upper : float or None
        95 % interval.
    p, p_adjusted : float or None
        From the effective number or from surrogates; adjusted for the number of tests in the file.
    method : str
    refused : bool
        True when the value, or its p and interval, are withheld.
    why, why_code : str
        The reason, as a sentence and as a code; empty when nothing is withheld.
    why_values : mapping
        The numbers in the sentence.
    details : mapping
        Further numbers and words of the method.
    """

    what: str
    target: str
    driver: str = ""
    target_depth_m: float | None = None
    driver_depth_m: float | None = None
    given: tuple[str, ...] = ()
    scale: str = ""
    mask: str = "all"
    start: str = ""
    end: str = ""
    n: int = 0
    n_eff: float | None = None
    value: float | None = None
    unit: str = "1"
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    method: str = ""
    refused: bool = False
    why: str = ""
    why_code: str = ""
    why_values: Mapping[str, float | int | str] = field(default_factory=dict)
    details: Mapping[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """All results of one job.

    Parameters
    ----------
    job : str
        Name of the job; lower-case letters, digits, ``-`` and ``_``.
    station : str
    created : str
        ISO 8601 UTC.
    version : str
        Version of the software.
    seed : int or None
    asked : mapping
        What was asked: data, from, to, depths and options.
    data_from, data_to : str
        First and last time of the data, ISO 8601 UTC; `data_to` is where the next run of the job begins.
    rows : tuple of Result
    notes : tuple of str
        What the reader must know.
    """

    job: str
    station: str
    created: str
    version: str
    seed: int | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    data_from: str = ""
    data_to: str = ""
    rows: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()


def results_path(folder: Path, date: str, job: str) -> Path:
    """Where the results of a job of one date lie.

    Raises
    ------
    ResultsError
        When date or job is not a plain name.
    """
    if not _DATE.fullmatch(date):
        raise ResultsError(Message("date {date!r} of results must be like 2026-03-01", date=date))
    if not _NAME.fullmatch(job):
        raise ResultsError(
            Message("job name {job!r} must be of lower-case letters, digits, - and _", job=job)
        )
    return folder / date / f"{job}.results.json"


def write_results(folder: Path, results: ResultFile, date: str = "") -> Path:
    """Write the results of a job into the folder of `date`, or of the day it was made; whole or not at all.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ResultsError
        When a number is not finite, or the folder cannot be written.
    """
    path = results_path(folder, date or results.created[:10], results.job)
    document = {"schema": SCHEMA, **asdict(results)}
    try:
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    except ValueError:
        raise ResultsError(
            Message(
                "results of {job}: {place} is not a finite number",
                job=results.job,
                place=_not_finite(document),
            )
        ) from None
    write_whole(path, text + "\n")
    return path


def write_table(
    folder: Path, date: str, job: str, table: str, columns: Mapping[str, Sequence[object]]
) -> Path:
    """Write a table of a job as CSV beside its results; numbers that are not finite become empty fields."""
    if not _NAME.fullmatch(table):
        raise ResultsError(
            Message("table name {table!r} must be of lower-case letters, digits, - and _", table=table)
        )
    path = results_path(folder, date, job).with_name(f"{job}.{table}.csv")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(v) for v in row] for row in zip(*columns.values(), strict=True))
    write_whole(path, out.getvalue())
    return path


def read_results(path: Path) -> ResultFile:
    """Read one results file.

    Raises
    ------
    ResultsError
        When it cannot be read or is not of this schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(
            Message("{path}: cannot be read as results: {why}", path=path, why=error)
        ) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ResultsError(
            Message("{path}: is not a results file of schema {schema}", path=path, schema=SCHEMA)
        )
    names = {f.name for f in fields(ResultFile)}
    known = {f.name for f in fields(Result)}
    try:
        rows = tuple(
            Result(**{**{k: v for k, v in row.items() if k in known}, "given": tuple(row.get("given", ()))})
            for row in document["rows"]
        )
        rest = {k: v for k, v in document.items() if k in names}
        return ResultFile(**{**rest, "rows": rows, "notes": tuple(document.get("notes", ()))})
    except (KeyError, TypeError, AttributeError) as error:
        raise ResultsError(Message("{path}: is not complete: {why}", path=path, why=error)) from None


def list_results(folder: Path, job: str | None = None) -> Iterator[Path]:
    """Results files under a folder, oldest date first; of one job where given."""
    pattern = f"{job}.results.json" if job else "*.results.json"
    yield from sorted(p for p in folder.glob(f"*/{pattern}") if _DATE.fullmatch(p.parent.name))


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all, on disk when this returns.

    Raises
    ------
    ResultsError
        When it cannot be written.
    """
    try:
        files.write_whole(path, text)
    except OSError as error:
        raise ResultsError(
            Message("{path}: cannot be written: {why}", path=path, why=system(error))
        ) from None


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.8g}" if math.isfinite(value) else ""
    return "" if value is None else value


def _not_finite(value: object, where: str = "") -> str:
    if isinstance(value, Mapping):
        for key, part in value.items():
            if found := _not_finite(part, f"{where}.{key}" if where else str(key)):
                return found
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            if found := _not_finite(part, f"{where}[{index}]"):
                return found
    elif isinstance(value, float) and not math.isfinite(value):
        return where
    return ""
