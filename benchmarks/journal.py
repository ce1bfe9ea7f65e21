"""Rows a second into the journal, beside bare SQLite with the same tables, indexes, batches and durability.

The bare side inserts ready tuples and commits; the journal's side takes `Sample` records, decides on duplicates,
counts, and adds a CRC. Both run in turn, several times; the ratio is of the medians.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from quality.records import Sample
from station_config.loader import load_station
from storage.journal import open_for_writing
from storage.writer import Writer

ROWS, BATCH, TURNS = 200_000, 5000, 5
STATION = '[station]\nid = "b"\nname = "b"\nlatitude = 0\nlongitude = 0\naltitude_m = 0\ntimezone = "UTC"\n'


def _bare(folder: Path) -> float:
    connection, _ = open_for_writing(folder / "bare.sqlite")
    rows = [(i + 1, 1 + i % 64, i // 64 * 60_000_000, 20.0 + i % 7, 0, None, i, i, 0, 0) for i in range(ROWS)]
    began = time.perf_counter()
    for k in range(0, ROWS, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO sample VALUES (?,?,?,?,?,?,?,?,?,?)", rows[k : k + BATCH])
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


def _journal(folder: Path) -> float:
    path = folder / "b.toml"
    path.write_text(STATION, encoding="utf-8")
    samples = [
        Sample(f"N{i % 64}", "t", i // 64 * 60_000_000, 20.0 + i % 7, "", None, i, i, "boot", "bus")
        for i in range(ROWS)
    ]
    with Writer.open(load_station(path)) as writer:
        began = time.perf_counter()
        for k in range(0, ROWS, BATCH):
            writer.commit(samples[k : k + BATCH])
        return time.perf_counter() - began


def main() -> None:
    """Print rows a second of both, and the ratio."""
    bare, ours = [], []
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as name:
            os.environ["SOILCO2_STATE"] = name
            bare.append(_bare(Path(name)))
            ours.append(_journal(Path(name)))
    a, b = statistics.median(bare), statistics.median(ours)
    print(f"bare SQLite  {ROWS / a:10,.0f} rows/s")
    print(f"journal      {ROWS / b:10,.0f} rows/s   {a / b:.2f} of bare SQLite")


if __name__ == "__main__":
    main()
