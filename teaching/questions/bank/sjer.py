"""What questions ask of the measured data: NEON site SJER, June 2022 (teaching/data/neon_sjer_2022_06)."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

FOLDER = Path(__file__).parents[2] / "data" / "neon_sjer_2022_06"
CITE = "NEON, RELEASE-2026, SJER June 2022, CC0 (teaching/data/neon_sjer_2022_06)"


class Reading(NamedTuple):
    """Half an hour: its day, its value (None where there is none), and whether it passed NEON's flag."""

    day: str
    value: float | None
    passed: bool


@cache
def readings(table: str) -> dict[tuple[str, float], list[Reading]]:
    """Every series of a table, by plot and depth [m, positive downward]."""
    found: dict[tuple[str, float], list[Reading]] = defaultdict(list)
    with gzip.open(FOLDER / f"{table}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            value = float(row["value"]) if row["value"] else None
            found[row["plot"], -float(row["depth_m"])].append(
                Reading(row["time_utc"][:10], value, row["qf"] == "0")
            )
    return dict(found)


def depths(table: str, plot: str) -> list[float]:
    """Depths of a plot [m], from the top."""
    return sorted(depth for where, depth in readings(table) if where == plot)


def good(table: str, plot: str, depth: float) -> list[float]:
    """Values that are there and passed."""
    return [r.value for r in readings(table)[plot, depth] if r.value is not None and r.passed]


def usable_share(table: str, plot: str, depth: float) -> tuple[float, float, float]:
    """Shares of all half hours: with a value that passed; with any value; flagged [1]."""
    rows = readings(table)[plot, depth]
    usable = sum(r.value is not None and r.passed for r in rows)
    return (
        usable / len(rows),
        sum(r.value is not None for r in rows) / len(rows),
        sum(not r.passed for r in rows) / len(rows),
    )


def daily_range(table: str, plot: str, depth: float) -> float:
    """Mean over days of the range within the day, of values that passed; days (UTC) with 40 of 48 values count."""
    days: dict[str, list[float]] = defaultdict(list)
    for row in readings(table)[plot, depth]:
        if row.value is not None and row.passed:
            days[row.day].append(row.value)
    return fmean(max(v) - min(v) for v in days.values() if len(v) >= 40)


def middle(values: list[float]) -> tuple[float, float]:
    """Mean and median."""
    return fmean(values), median(values)
