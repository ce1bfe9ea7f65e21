"""Ten years of a CR1000 in one TOA5 file: read alone, and imported, durable and flagged.

    python benchmarks/logger_files.py [--values 5000000]

``soilco2 import`` runs as the command it is, start-up included. Beside it, in the same run: the same file through
Python's csv reader with every number made a float, and nothing kept.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soilco2.ingest.drivers.registry import recognise
from soilco2.ingest.drivers.sample import Arrival
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.mapping_file import load_mapping
from tests.cases.tables import STATION

FIRST = datetime(2016, 1, 1)
COLUMNS = (
    ("CO2_05cm", "ppm", "p1/d05", "co2"), ("CO2_10cm", "ppm", "p1/d10", "co2"),
    ("T_05cm", "Deg C", "p1/d05", "soil_temperature"), ("T_10cm", "Deg C", "p1/d10", "soil_temperature"),
    ("W_05cm", "m^3/m^3", "p1/d05", "soil_water"), ("W_10cm", "m^3/m^3", "p1/d10", "soil_water"),
    ("EC_05cm", "dS/m", "p1/d05", "bulk_ec"), ("EC_10cm", "dS/m", "p1/d10", "bulk_ec"),
    ("BattV", "Volts", "site", "supply_voltage"), ("PA", "hPa", "site", "air_pressure"),
)  # fmt: skip


def write_files(folder: Path, values: int) -> tuple[Path, Path, Path]:
    """Station file, mapping and table with so many values."""
    station, mapping, table = folder / "station.toml", folder / "map.toml", folder / "soil.dat"
    station.write_text(STATION, encoding="utf-8")
    rows = [
        f'[[column]]\ncolumn = "{name}"\nposition = "{place}"\nvariable = "{variable}"\n'
        for name, _, place, variable in COLUMNS
    ]
    mapping.write_text('timezone = "UTC+08:00"\n' + "".join(rows), encoding="utf-8")
    with table.open("w", encoding="utf-8", newline="") as file:
        file.write('"TOA5","Dune","CR1000X","1","OS","CPU:soil.CR1X","1","Soil"\r\n')
        for cells in (
            ("TIMESTAMP", "RECORD", *(row[0] for row in COLUMNS)), ("TS", "RN", *(row[1] for row in COLUMNS)),
            ("", "", *("Avg" for _ in COLUMNS)),
        ):  # fmt: skip
            file.write(",".join(f'"{cell}"' for cell in cells) + "\r\n")
        for n in range(-(-values // len(COLUMNS))):
            day = n % 144
            file.write(
                f'"{FIRST + timedelta(minutes=10 * n)}",{n},{900.5 + day},{1200.5 + day},{12 + day / 50:.2f},'
                f"{11 + day / 60:.2f},0.{90 + day % 9:03},0.{110 + day % 7:03},0.{200 + day % 5},0.{300 + day % 5},"
                f"12.{80 + day % 9},{880 + day / 100:.1f}\r\n"
            )
    return station, mapping, table


def bare(table: Path) -> float:
    """Seconds for every number of the file, and nothing else."""
    began = time.perf_counter()
    with table.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file)):
            if number > 3:
                list(map(float, row[2:]))
    return time.perf_counter() - began


def alone(station: Station, mapping: Path, table: Path) -> float:
    """Seconds for every sample of the file, and nothing else."""
    began = time.perf_counter()
    driver, layout = recognise(table, load_mapping(mapping, station))
    arrival = Arrival(time.time_ns() // 1000, 0, "boot", "file:soil.dat")
    for _ in driver.rows(station, layout, None, arrival):
        pass
    return time.perf_counter() - began


def imported(folder: Path, station: Path, mapping: Path, table: Path) -> float:
    """Seconds for the import."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "import", str(station), str(table), "--mapping", str(mapping)],
        env=os.environ | {"SOILCO2_STATE": str(folder / "state")}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def main() -> None:
    """Print values per second of each way."""
    options = argparse.ArgumentParser()
    options.add_argument("--values", type=int, default=500_000)
    values = options.parse_args().values
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station, mapping, table = write_files(folder, values)
        for what, seconds in (
            ("csv and float alone", bare(table)),
            ("read as samples", alone(load_station(station), mapping, table)),
            ("imported, durable, flagged", imported(folder, station, mapping, table)),
        ):
            print(f"{what:28} {seconds:8.2f} s {values / seconds:12,.0f} values/s")


if __name__ == "__main__":
    main()
