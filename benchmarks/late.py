"""Late readings in the journal alone: processor time of each beyond one in time, and the longest commit.

    python benchmarks/late.py

66 series at a minute, with and without tests that look back: readings that come one by one behind newer ones, readings
of any time in a day, and an outage of four nodes that is replayed.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from tests.ingest.station import write_station

MINUTE = 60_000_000
START_US = 1_793_491_200_000_000
VALUES = {"co2": 600.0, "soil_temperature": 15.0, "soil_water": 0.2}
SLOTS, LATE = 26 * 60, 400
LIMITS = """
[[quality.limits]]
variable = "co2"
rate_per_minute = 50
flat_for = "3h"
[[quality.limits]]
variable = "soil_temperature"
rate_per_minute = 1
"""
Place = tuple[int, str, int]


def reading(node: int, channel: str, slot: int) -> Sample:
    """What a node says of a minute."""
    at = START_US + slot * MINUTE
    return Sample(
        f"N{node}", channel, at, VALUES[channel] + slot % 97 * 0.01, "", None, at, at, "boot", "field"
    )


def late_ones(kind: str) -> list[Place]:
    """Those that come late, in their order."""
    rng = random.Random(1)
    if kind == "outage":
        return [(n, c, slot) for slot in range(100, SLOTS - 10) for n in range(1, 5) for c in VALUES]
    if kind == "trickle":
        return [(1 + k % 22, "co2", SLOTS - LATE - 10 + k) for k in range(LATE)]
    return [(rng.randint(1, 22), rng.choice([*VALUES]), slot) for slot in rng.sample(range(SLOTS - 5), LATE)]


def measure(folder: Path, limits: str, kind: str) -> None:
    """Fill a journal, bring what is late, and print."""
    path = write_station(folder, depths=23)
    path.write_text(path.read_text(encoding="utf-8") + limits, encoding="utf-8")
    late = late_ones(kind)
    missing, size = set(late), 60 if kind == "outage" else 1
    nodes = [(n, c) for n in range(1, 23) for c in VALUES]
    with Writer.open(load_station(path)) as writer:
        for slot in range(SLOTS):
            writer.commit([reading(n, c, slot) for n, c in nodes if (n, c, slot) not in missing])
        longest, began = 0.0, time.process_time()
        for at in range(0, len(late), size):
            for step in (
                lambda at=at: writer.commit([reading(*place) for place in late[at : at + size]]),  # type: ignore[misc]
                writer.judging.keep,
            ):
                since = time.monotonic()
                step()
                longest = max(longest, time.monotonic() - since)
        while writer.judge():
            pass
        between = time.process_time()
        for at in range(0, len(late), size):
            writer.commit(
                [reading(*nodes[k % 66], SLOTS + k // 66) for k in range(at, min(at + size, len(late)))]
            )
        ended = time.process_time()
    beyond = 1000 * ((between - began) - (ended - between)) / len(late)
    name = "with limits" if limits else "no limits"
    print(
        f"{name:12} {kind:8} {len(late):6} late: {beyond:6.3f} ms each beyond one in time, longest {longest:.2f} s"
    )


def main() -> None:
    """Print all six."""
    for limits in ("", LIMITS):
        for kind in ("trickle", "scatter", "outage"):
            with tempfile.TemporaryDirectory() as name:
                os.environ["SOILCO2_STATE"] = name
                measure(Path(name), limits, kind)


if __name__ == "__main__":
    main()
