"""Resident memory and idle CPU of a collector with 64 series, on the journal alone and with a database.

    python benchmarks/collector_memory.py [--seconds 60] [--json]

Every second each series gets a value over MQTT for the first half; the second half is idle. Memory is the largest seen
after the start (when memory that only the start needed has been given back) and at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.publish import publish
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from tests.ingest.station import STATION, write_station
from tests.servers import TOKEN, TOKEN_VARIABLE, InfluxServer, Mosquitto

START_US = 1_793_491_200_000_000
NODES = 22  # of three channels each: 66 series
CHANNELS = (("co2", "ppm", 600.0), ("soil_temperature", "degC", 15.0), ("soil_water", "m3/m3", 0.2))


def messages(second: int) -> list[bytes]:
    """A value of every series."""
    at = START_US + second * 1_000_000
    return [
        encode_message(
            STATION, f"n{n}", second, [Reading(f"N{n}", c, at, v + second * 1e-4, u) for c, u, v in CHANNELS]
        )
        for n in range(1, NODES + 1)
    ]


def resident_mb(pid: int) -> float:
    """Resident memory [MB]."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS"))


def cpu_s(pid: int) -> float:
    """CPU time used [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(path: Path, port: int, environment: dict[str, str], seconds: int) -> dict[str, Any]:
    """Run a collector, busy for the first half of the time and idle for the second."""
    process = subprocess.Popen(
        [sys.executable, "-m", "soilco2", "collect", str(path)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(10)
        largest = 0.0
        for second in range(seconds // 2):
            publish(port, f"soilco2/{STATION}/data", messages(second))
            time.sleep(1)
            largest = max(largest, resident_mb(process.pid))
        time.sleep(3)
        began, used = time.monotonic(), cpu_s(process.pid)
        time.sleep(seconds / 2)
        idle = (cpu_s(process.pid) - used) / (time.monotonic() - began)
        modules = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
        return {
            "largest_mb": round(largest, 1),
            "end_mb": round(resident_mb(process.pid), 1),
            "idle_cpu_percent": round(100 * idle, 2),
            "numpy_or_pandas": "numpy" in modules or "pandas" in modules,
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soilco2-benchmark-"))
    broker, server = Mosquitto(folder / "mosquitto"), InfluxServer(folder / "influxd")
    os.environ[TOKEN_VARIABLE] = TOKEN
    environment = {**os.environ, "SOILCO2_STATE": str(folder / "state"), "SOILCO2_CLOCK": "trusted"}
    rows = {}
    try:
        broker.start()
        server.start()
        table = server.bucket().table()
        sink = {"url": table.url, "org": table.org, "bucket": table.bucket, "token": TOKEN_VARIABLE}
        for name, sinks in (("journal alone", ()), ("with a database", (sink,))):
            here = folder / name.replace(" ", "-")
            here.mkdir()
            # the last node of a station file is on another connection
            path = write_station(here, depths=NODES + 1, port=broker.port, sinks=sinks, commit_every="200ms")
            rows[name] = measure(path, broker.port, environment, chosen.seconds)
    finally:
        broker.kill()
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        print(
            f"{name:16} at most {row['largest_mb']} MB, at the end {row['end_mb']} MB, "
            f"idle {row['idle_cpu_percent']} % of a core{', NUMPY' if row['numpy_or_pandas'] else ''}"
        )


if __name__ == "__main__":
    main()
