"""A collector that is killed while it reads a growing file: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.ingest.files.watch import HEADER, STATION, row
from tests.ingest.running import Collecting, until

KILLS = int(os.environ.get("SOILCO2_KILLS", "3"))


class _Station(Collecting):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 0)
        self.file.write_text(STATION.replace("0.1s", "0.05s"), encoding="utf-8")


def test_killed_while_a_file_grows(tmp_path: Path) -> None:
    """The seed is the process id, and stands in the message when it fails."""
    seed = int(os.environ.get("SOILCO2_SEED", os.getpid()))
    dice = random.Random(seed)
    folder = tmp_path / "logger"
    folder.mkdir()
    path = folder / "soil.dat"
    path.write_text(HEADER, newline="")
    station = _Station(tmp_path)
    done = threading.Event()
    count = [0]

    def grow() -> None:
        """As a logger's software writes: pieces that end anywhere in a line."""
        waiting = b""
        while not done.is_set():
            waiting += row(count[0]).encode()
            count[0] += 1
            cut = dice.randint(0, len(waiting))
            with path.open("ab") as file:
                file.write(waiting[:cut])
            waiting = waiting[cut:]
            time.sleep(0.002)
        with path.open("ab") as file:
            file.write(waiting)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for _ in range(KILLS):
            before = station.counters("cr1000").get("in", 0)
            station.start(ready=False)
            until(lambda: station.ended or station.counters("cr1000").get("in", 0) > before, station.said)  # noqa: B023
            time.sleep(dice.uniform(0, 0.2))
            station.kill()
        station.start(ready=False)
    finally:
        done.set()
        writer.join()
    station.until_in(2 * count[0], "cr1000")
    said = subprocess.run(
        [sys.executable, "-m", "soilco2", "status", str(station.file), "--lang", "en"],
        env=station.environment, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert f"cr1000: 1 files of {folder / '*.dat'}" in said
    assert station.stop() == 0
    with station.reader() as reader:
        samples = [sample for sample in reader.samples(0, 2**62) if sample.channel == "co2"]
    assert [sample.raw for sample in samples] == [400.0 + n for n in range(count[0])], seed
    assert station.counters("cr1000") == {"in": 2 * count[0], "stored": 2 * count[0]}, seed
    assert station.balanced()
