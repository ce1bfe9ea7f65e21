"""What every job shares: options, outcome, how a row of results is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.targets import Target, targets
from soilco2.analysis.refusals import Refusal, warn
from soilco2.analysis.statistics.correlation import benjamini_hochberg
from soilco2.station_config.times import iso
from soilco2.storage.results.results import Result

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked.

    Parameters
    ----------
    seed : int
        Of every random draw.
    draws : int
        Of bootstraps and phase surrogates.
    depths_m : tuple of float
        CO2 depths [m]; all when empty.
    trust_clock : bool
        Go on though the clock check failed.
    """

    seed: int = 1
    draws: int = 1000
    depths_m: tuple[float, ...] = ()
    trust_clock: bool = False


@dataclass(slots=True)
class Outcome:
    """What a job found.

    Parameters
    ----------
    rows : list of Result
    tables : dict
        Tables of curves by name: columns by name.
    notes : list of str
        Codes of remarks for the reader (:mod:`soilco2.analysis.vocabulary`).
    """

    rows: list[Result] = field(default_factory=list)
    tables: dict[str, dict[str, Sequence[object]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take another outcome in."""
        self.rows += other.rows
        self.tables |= other.tables
        self.notes += [note for note in other.notes if note not in self.notes]


def software_version() -> str:
    """Version of the installed software; ``0`` when it runs from a bare folder."""
    try:
        return version("soilco2")
    except PackageNotFoundError:
        return "0"


def chosen(frame: Frame, options: Options) -> list[Target]:
    """The targets asked for."""
    return targets(frame, options.depths_m)


Watch = Callable[[str, float], None]
"""Told what a job is at, in words, and what share of it is done."""
_watch: ContextVar[Watch] = ContextVar("watch", default=lambda words, share: None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell `watch` of the targets that jobs go through in this block."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def each(targets: Sequence[Target]) -> Iterator[Target]:
    """The targets one by one, each told to whoever watches."""
    for k, target in enumerate(targets):
        _watch.get()(target.label, k / len(targets))
        yield target


def time_text(us: int) -> str:
    """ISO 8601 UTC of microseconds."""
    return iso(us // 1_000_000 * 1_000_000)


def span(frame: Frame, used: NDArray[np.bool_]) -> tuple[str, str]:
    """First and last time of the slots used, empty when there are none."""
    where = np.flatnonzero(used)
    if not where.size:
        return "", ""
    step = frame.step_s * 1_000_000
    per = frame.n // used.size if used.size else 1
    return time_text(frame.start_us + int(where[0]) * per * step), time_text(
        frame.start_us + int(where[-1]) * per * step
    )


TESTED: Final = frozenset({"pearson_r", "partial_r", "pressure_change_r"})
"""Results whose p and interval ask the same, whether there is a relation, of two distributions."""
ALPHA: Final = 0.05


def adjusted(rows: Sequence[Result]) -> list[Result]:
    """The rows with p adjusted for their number, and a remark where p and interval do not agree.

    See :func:`soilco2.analysis.statistics.correlation.benjamini_hochberg`. p is that of two unrelated
    series of this memory, alike throughout; the interval is the spread of six stretches of the record. Only what both
    say stands.
    """
    found = benjamini_hochberg([np.nan if r.p is None else r.p for r in rows])
    return [
        r if np.isnan(q) else replace(r, p_adjusted=float(q), details=dict(r.details) | _disagreement(r))
        for r, q in zip(rows, found.tolist(), strict=True)
    ]


def doubted(rows: Sequence[Result]) -> list[Result]:
    """The rows as they are, with the remark of :func:`adjusted`: for those that are not among the tests."""
    return [replace(r, details=dict(r.details) | _disagreement(r)) for r in rows]


def _disagreement(row: Result) -> dict[str, float | int | str | None]:
    if row.what not in TESTED or row.p is None or row.lower is None or row.upper is None:
        return {}
    small, apart = row.p < ALPHA, row.lower * row.upper > 0
    if small == apart:
        return {}
    return warn("p_without_interval" if small else "interval_without_p")


def number(value: Any) -> float | None:
    """A finite float, else None."""
    if value is None:
        return None
    out = float(value)
    return out if np.isfinite(out) else None


def row(
    what: str,
    target: Column,
    driver: Column | None = None,
    *,
    value: Any = None,
    lower: Any = None,
    upper: Any = None,
    p: Any = None,
    n: int = 0,
    n_eff: Any = None,
    unit: str = "1",
    scale: str = "",
    mask: str = "all",
    given: Sequence[str] = (),
    when: tuple[str, str] = ("", ""),
    method: str = "",
    refusal: Refusal | None = None,
    details: Mapping[str, Any] | None = None,
) -> Result:
    """A row of results; numbers that are not finite become None."""
    clean: dict[str, float | int | str | None] = {}
    for key, item in (details or {}).items():
        clean[key] = item if isinstance(item, str | int) or item is None else number(item)
    return Result(
        what=what,
        target=str(target.key),
        driver=str(driver.key) if driver is not None else "",
        target_depth_m=number(target.depth_m),
        driver_depth_m=number(driver.depth_m) if driver is not None else None,
        given=tuple(given),
        scale=scale,
        mask=mask,
        start=when[0],
        end=when[1],
        n=int(n),
        n_eff=number(n_eff),
        value=number(value),
        unit=unit,
        lower=number(lower),
        upper=number(upper),
        p=number(p),
        method=method,
        refused=refusal is not None,
        why=refusal.message if refusal is not None else "",
        why_code=refusal.code if refusal is not None else "",
        why_values=refusal.values if refusal is not None else {},
        details=clean,
    )
