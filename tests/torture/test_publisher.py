"""What a publisher of another hand knows to be acknowledged is in the journal once, whoever dies on the way."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.ingest.conftest import collect
from tests.ingest.running import START_US, TOPIC, Collecting, until
from tests.paths import ROOT
from tests.servers import Mosquitto
from tests.torture.scale import SEED, count

__all__ = ["collect"]

pytestmark = pytest.mark.mosquitto


def in_journal(path: Path) -> Counter[tuple[int, float]]:
    """Number and value of each sample, read with SQLite alone."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as bare:
        rows = bare.execute("SELECT time_us, raw FROM sample").fetchall()
    return Counter(((at - START_US) // 1_000_000, raw) for at, raw in rows)


@pytest.mark.timeout(120 + 10 * count(20, 1000))
def test_killed_under_a_publisher_of_another_hand(
    collect: Callable[..., Collecting],
    mosquitto: Mosquitto,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    kills, dice = count(20, 1000), random.Random(SEED)
    log = tmp_path / "acknowledged"
    station = collect(mosquitto.port)
    station.start()
    words = [sys.executable, "tests/torture/publisher.py", str(mosquitto.port), TOPIC, str(log)]
    with subprocess.Popen(words, cwd=ROOT) as publisher:
        try:
            for _ in range(kills):
                time.sleep(dice.uniform(0.0, 0.5))  # the dice of the kill, not a wait for anything
                station.kill()
                station.start(ready=dice.random() < 0.7)
        finally:
            publisher.terminate()
        publisher.wait(60)
    assert publisher.returncode == 0
    acknowledged = [int(line) for line in log.read_text(encoding="ascii").splitlines()]
    assert len(acknowledged) > 100 * kills / 4
    assert sorted(acknowledged) == list(range(len(acknowledged)))
    until(lambda: station.counters().get("stored", 0) >= len(acknowledged), station.said)
    assert station.stop() == 0
    kept = in_journal(station.journal)
    assert kept == Counter((number, 400.0 + number) for number in acknowledged), "0 lost, 0 doubled"
    assert station.balanced()
    record_property("counts", f"{kills} kills, {len(acknowledged)} acknowledged, 0 lost, 0 doubled")
