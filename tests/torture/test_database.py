"""A database that was away for days, or came back with older files: nothing missing after replay."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from tests.ingest.conftest import collect
from tests.ingest.running import START_US, Collecting, held, message, sink_of, until
from tests.ingest.station import STATION
from tests.paths import ROOT
from tests.servers import InfluxBucket, InfluxServer, Mosquitto
from tests.torture.scale import count
from tests.torture.test_broker import memory_mb

__all__ = ["collect"]

pytestmark = [pytest.mark.mosquitto, pytest.mark.influx]
Collect = Callable[..., Collecting]
Record = Callable[[str, object], None]
ALWAYS = ("--from", "2026-10-01", "--to", "2027-01-01")
MINUTE = 60_000_000
BURST = 200


def command(station: Collecting, *words: str) -> tuple[int, Any]:
    """A command on the station's file: its exit code and its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", words[0], str(station.file), *words[1:], "--json"],
        capture_output=True, text=True, env=station.environment, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def missing_values(answer: Any) -> int:
    """Missing and different values, over all series."""
    (sink,) = answer["sinks"].values()
    return sum(row["missing"] + row["different"] for row in sink["series"])


def points(bucket: InfluxBucket) -> int:
    """Points in the database."""
    found = bucket.query('SELECT count("co2") FROM soil')
    return sum(int(row["values"][0][1]) for row in found)


@pytest.mark.timeout(1800)
def test_restored_from_an_older_copy_of_its_files(
    collect: Collect, mosquitto: Mosquitto, own_influxd: InfluxServer, tmp_path: Path, record_property: Record
) -> None:
    total = count(300, 100_000)
    bucket = own_influxd.bucket()
    station = collect(mosquitto.port, sinks=(sink_of(bucket, batch=5000),))
    station.start()
    station.publish(message(n) for n in range(total // 2))
    until(lambda: points(bucket) == total // 2, station.said)
    own_influxd.stop()
    shutil.copytree(own_influxd.folder / "engine", tmp_path / "older")
    own_influxd.restart()
    station.publish(message(n) for n in range(total // 2, total))
    until(lambda: points(bucket) == total, station.said)
    assert station.stop() == 0
    own_influxd.kill()
    shutil.rmtree(own_influxd.folder / "engine")
    shutil.copytree(tmp_path / "older", own_influxd.folder / "engine")
    own_influxd.restart()
    code, answer = command(station, "verify", *ALWAYS)
    assert (code, missing_values(answer)) == (1, total - total // 2)
    command(station, "replay", *ALWAYS)
    station.start()
    until(lambda: points(bucket) == total, lambda: (points(bucket), station.said()))
    assert station.stop() == 0
    code, answer = command(station, "verify", *ALWAYS)
    assert (code, missing_values(answer)) == (0, 0)
    assert held(bucket) == [400.0 + n for n in range(total)]
    record_property("counts", f"{total} points, half of them lost with the files, 0 missing after replay")


@pytest.mark.timeout(3600)
def test_away_for_fourteen_days(
    collect: Collect, mosquitto: Mosquitto, own_influxd: InfluxServer, record_property: Record
) -> None:
    """Days of one-minute readings come in while the database is away; memory stays flat; all of it arrives."""
    total = count(1000, 14 * 1440)
    units = {"co2": "ppm", "soil_temperature": "degC", "soil_water": "m3/m3"}
    values = {"co2": 800.0, "soil_temperature": 20.0, "soil_water": 0.2}
    nodes = 10
    bucket = own_influxd.bucket()
    station = collect(mosquitto.port, depths=nodes + 1, sinks=(sink_of(bucket, batch=5000),))

    def batch(n: int) -> bytes:
        at = START_US - 14 * 1440 * MINUTE + n * MINUTE
        rows = [
            Reading(f"N{d}", name, at, values[name] + (n % 50) * 0.001 * (d + 1), unit)
            for d in range(1, nodes + 1)
            for name, unit in units.items()
        ]
        return encode_message(STATION, "n", n, rows)

    station.start()
    station.publish(batch(n) for n in range(100))
    until(lambda: points(bucket) == 100 * nodes, station.said)
    own_influxd.kill()
    before = 0.0
    for start in range(100, total, BURST):
        end = min(start + BURST, total)
        station.publish(batch(n) for n in range(start, end))
        until(lambda e=end: station.counters().get("stored", 0) == e * nodes * 3, station.said)  # type: ignore[misc]
        if start <= 100 + 2 * BURST:  # what a burst takes is taken once
            until(lambda: station.events("sink_gone") != [], station.said)
            before = memory_mb(station)
    away = memory_mb(station)
    own_influxd.restart()
    began = time.monotonic()
    until(lambda: points(bucket) > 100 * nodes, station.said)
    first, at = points(bucket), time.monotonic()
    until(
        lambda: points(bucket) == total * nodes,
        lambda: (points(bucket), total * nodes, station.said()),
        60 + total * nodes / 500,  # a tenth of what an idle machine does
    )
    seconds = time.monotonic() - at
    assert away - before < 10, (before, away)
    assert memory_mb(station) - before < 10 + 5, (before, memory_mb(station))
    assert station.stop() == 0
    code, answer = command(station, "verify", *ALWAYS)
    assert (code, missing_values(answer)) == (0, 0), answer
    sent = total * nodes * 3
    rate = (total * nodes - first) * 3 / seconds if seconds else 0.0
    record_property(
        "counts",
        f"{total / 1440:.1f} days, {sent} observations, memory {before:.0f} to {away:.0f} MB, "
        f"{rate:.0f} observations/s after {at - began:.0f} s of back-off, 0 missing",
    )
