"""``soilco2 analyse flux STATION --every …`` as a process: killed at its work, and overtaken by a late import."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.analysis.flux.sjer import profile

STEP_US = 5_000_000
ROWS = 600
LATE = slice(400, 480)
STATION = """
[station]
id = "sjer"
name = "San Joaquin"
latitude = 37.1
longitude = -119.7
altitude_m = 374
timezone = "UTC"

[journal]
path = "journal.sqlite"

[[profile]]
id = "p4"
{positions}
[[soil.horizon]]
top_m = 0.0
bottom_m = 2.0
porosity = 0.45
"""


def values() -> list[tuple[str, float, np.ndarray]]:
    """Variable, depth [m] and readings of plot 004, to be told every five seconds instead of every half hour."""
    p = profile("004")
    return [
        (variable, float(z), table[:ROWS, column])
        for variable, table, depths in (
            ("co2", p.co2_ppm, p.co2_depth_m), ("soil_temperature", p.temperature_degc, p.temperature_depth_m[:4]),
            ("soil_water", p.water, p.water_depth_m[:3]),
        )
        for column, z in enumerate(depths)
    ]  # fmt: skip


def time_us(row: int) -> int:
    return int(profile("004").time_us[0]) + row * STEP_US


def station(folder: Path) -> Path:
    """A station whose journal lacks the CO2 of some minutes."""
    folder.mkdir()
    depths = sorted({z for _, z, _ in values()})
    positions = "".join(f'[[profile.position]]\nid = "d{1000 * z:.0f}"\ndepth_m = {z:g}\n' for z in depths)
    path = folder / "sjer.toml"
    path.write_text(STATION.format(positions=positions), encoding="utf-8")
    with Writer.open(load_station(path)) as writer:
        for variable, z, series in values():
            writer.commit(
                [
                    Sample(
                        f"import/p4/d{1000 * z:.0f}", variable, time_us(row), float(value), "", None,
                        time_us(row), 0, "", "import:test",
                    )
                    for row, value in enumerate(series)
                    if np.isfinite(value) and not (variable == "co2" and LATE.start <= row < LATE.stop)
                ]
            )  # fmt: skip
    return path


def late_table(path: Path) -> Path:
    """The CO2 that the journal lacks, as a logger's file."""
    stamps = np.array([time_us(row) for row in range(ROWS)], "datetime64[us]")
    lines = ["time_utc,station,profile,depth_m,variable,value,unit"]
    for variable, z, series in values():
        if variable == "co2":
            lines += [
                f"{stamps[row]}Z,sjer,p4,{z:g},co2,{series[row]},ppm"
                for row in range(LATE.start, LATE.stop)
                if np.isfinite(series[row])
            ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def soilco2(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "soilco2", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def beside(path: Path, *words: str) -> subprocess.Popen[str]:
    return soilco2("analyse", "flux", path, "--every", "5s", *words)


def derived(path: Path) -> dict[int, tuple[object, ...]]:
    with JournalReader(path.with_name("journal.sqlite")) as journal:
        rows = journal.derived_after(0, 100_000)
    found = {row.time_us: (row.value, row.lower, row.upper, row.reason) for row in rows}
    assert len(found) == len(rows), "no time has two answers"
    return found


def finish(child: subprocess.Popen[str]) -> str:
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out


@pytest.mark.timeout(180)
def test_killed_at_its_work_it_goes_on_and_a_late_import_is_followed(tmp_path: Path) -> None:
    path, quiet = station(tmp_path / "killed"), station(tmp_path / "quiet")
    assert "fluxes computed" in finish(beside(quiet, "--once"))
    expected = derived(quiet)
    assert len(expected) > 450

    bookmark = path.with_name("journal.sqlite.flux.json")
    child = beside(path)
    for _ in range(1200):
        assert child.poll() is None, child.communicate()[1]
        if derived(path):
            break
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.05)
    child.send_signal(signal.SIGKILL)  # answers are there, the bookmark may be or not
    child.communicate()
    assert derived(path) == expected, "a round is kept whole or not at all"
    assert not bookmark.exists() or json.loads(bookmark.read_text(encoding="utf-8"))["rev"] > 0
    assert not [p for p in path.parent.iterdir() if p.suffix in (".part", ".tmp")]

    child = beside(path)
    assert child.stdout is not None
    try:
        assert "fluxes computed" in child.stdout.readline()
        assert derived(path) == expected
        finish(soilco2("import", path, late_table(tmp_path / "late.csv")))
        while child.stdout.readline().split(": ")[1].startswith("0 fluxes computed"):
            assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        finish(child)
    finally:
        child.kill()
        child.communicate()
    now = derived(path)
    inside = range(LATE.start + 1, LATE.stop - 1)
    assert all(expected.get(time_us(row), (None,))[0] is None for row in inside)
    assert sum(now.get(time_us(row), (None,))[0] is not None for row in inside) > 40
    away = [t for t in expected if t < time_us(LATE.start - 1) or t > time_us(LATE.stop)]
    assert {t: now[t] for t in away} == {t: expected[t] for t in away}
