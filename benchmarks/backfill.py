"""A tidy table of 250 000 records: imported, durable and flagged, then in a real InfluxDB.

    python benchmarks/backfill.py [--records 250000]

``soilco2 import`` runs as the command it is, start-up included. Beside it, in the same run: Python's csv reader and the
same number of rows into bare SQLite with the journal's tables, 5000 a commit; and of the database's share the same
observations as ready lines.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.catch_up import CHANNELS, NODES, compare
from soilco2.storage.journal.connection import open_for_writing
from soilco2.storage.journal.writer import Writer
from tests.ingest.station import STATION, make_station, write_station
from tests.servers import TOKEN, TOKEN_VARIABLE, InfluxServer

UNITS = {"co2": "ppm", "soil_temperature": "degC", "soil_water": "m3/m3"}
FIRST = datetime(2021, 1, 1, tzinfo=UTC)


def write_table(path: Path, records: int) -> int:
    """Half hours of ten depths and three variables; how many rows."""
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time_utc", "station", "profile", "position", "variable", "value", "unit"])
        for slot in range(-(-records // (NODES * len(CHANNELS)))):
            at = f"{FIRST + slot * timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
            for n in range(1, NODES + 1):
                for name, value in CHANNELS:
                    out.writerow(
                        [at, STATION, "p1", f"d{n}", name, round(value + slot % 48 * 0.002, 4), UNITS[name]]
                    )
                    rows += 1
    return rows


def bare(table: Path, journal: Path) -> float:
    """Seconds for reading the table and keeping its numbers, and nothing else."""
    began = time.perf_counter()
    connection, _ = open_for_writing(journal)
    numbers: dict[str, int] = {}
    waiting = []
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for seq, (at, _, profile, position, variable, value, _) in enumerate(rows, 1):
            channel = numbers.setdefault(f"{profile}/{position}/{variable}", len(numbers) + 1)
            time_us = round(datetime.fromisoformat(at).timestamp() * 1e6)
            waiting.append((seq, channel, time_us, float(value), 0, None, time_us, 0, 0, 0))
            if seq % 5000 == 0:
                _commit(connection, waiting)
        _commit(connection, waiting)
    connection.close()
    return time.perf_counter() - began


def _commit(connection: sqlite3.Connection, waiting: list[tuple[object, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO sample VALUES (?,?,?,?,?,?,?,?,?,?,NULL,0)", waiting)
    connection.execute("COMMIT")
    waiting.clear()


def main() -> None:
    """Print both steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=250_000)
    records = parser.parse_args().records
    os.environ[TOKEN_VARIABLE] = TOKEN
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SOILCO2_STATE"] = name
        table = folder / "table.csv"
        rows = write_table(table, records)
        spent = time.process_time()
        plain = bare(table, folder / "bare.sqlite")
        bare_cpu = time.process_time() - spent
        station = write_station(folder, depths=NODES + 1)
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "soilco2", "import", str(station), str(table)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - began
        child = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"import: {rows:,} records in {seconds:.1f} s, {child.ru_utime + child.ru_stime:.1f} s of it processor; "
            f"csv reader and bare SQLite {plain:.1f} s, {bare_cpu:.1f} s processor"
        )
        server = InfluxServer(folder / "influxd")
        server.start()
        try:
            with Writer.open(make_station(folder, depths=NODES + 1)) as writer:
                compare(server, writer, rows)
        finally:
            server.close()


if __name__ == "__main__":
    main()
