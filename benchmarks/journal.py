"""Rows a second into the journal, beside bare SQLite with the same tables, indexes, batches and durability.

The bare side inserts ready tuples and commits; the journal's side takes `Sample` records, decides on duplicates,
counts, and adds a CRC. Both run in turn, several times; the ratio is of the medians.
"""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from pathlib import Path

from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.connection import open_for_writing
from soilco2.storage.journal.writer import Writer

TURNS = 5
CASES = ((64, 64 * 400, "a round of 64 series"), (640, 64_000, "ten rounds"), (5000, 200_000, "an import"))
STATION = '[station]\nid = "b"\nname = "b"\nlatitude = 0\nlongitude = 0\naltitude_m = 0\ntimezone = "UTC"\n'


def _settle() -> None:
    """What both sides are given is none of the garbage collector's business while the clock runs."""
    gc.collect()
    gc.freeze()


def _bare(folder: Path, batch: int, count: int) -> float:
    connection, _ = open_for_writing(folder / "bare.sqlite")
    rows = [
        (i + 1, 1 + i % 64, i // 64 * 60_000_000, 20.0 + i % 7, 0, None, i, i, 0, 0) for i in range(count)
    ]
    _settle()
    began = time.perf_counter()
    for k in range(0, count, batch):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO sample VALUES (?,?,?,?,?,?,?,?,?,?,NULL)", rows[k : k + batch])
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


def _journal(folder: Path, batch: int, count: int) -> float:
    path = folder / "b.toml"
    path.write_text(STATION, encoding="utf-8")
    samples = [
        Sample(f"N{i % 64}", "t", i // 64 * 60_000_000, 20.0 + i % 7, "", None, i, i, "boot", "bus")
        for i in range(count)
    ]
    with Writer.open(load_station(path)) as writer:
        _settle()
        began = time.perf_counter()
        for k in range(0, count, batch):
            writer.commit(samples[k : k + batch])
        return time.perf_counter() - began


def main() -> None:
    """Print rows a second of both, and the ratio."""
    for batch, count, what in CASES:
        bare, ours = [], []
        for _ in range(TURNS):
            with tempfile.TemporaryDirectory() as name:
                os.environ["SOILCO2_STATE"] = name
                bare.append(_bare(Path(name), batch, count))
                ours.append(_journal(Path(name), batch, count))
        a, b = statistics.median(bare), statistics.median(ours)
        print(
            f"commits of {batch:4} rows ({what}): bare SQLite {count / a:8,.0f} rows/s,"
            f" journal {count / b:8,.0f} rows/s, {a / b:.2f} of it"
        )


if __name__ == "__main__":
    main()
