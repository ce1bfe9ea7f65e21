"""Cost of a sample as the journal grows: samples with their observations, and a look at the newest hour.

    python benchmarks/journal_growth.py [--samples 10000000]

64 series on a station file, one sample a minute each, commits of 5000. At 10⁴, 10⁵ … samples it prints the time
of a sample since the mark before, the time of reading one series' newest hour, of finding the next batch for a
database, and the bytes a sample takes. A query without an index would show as a number that grows.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soilco2.quality.records import Sample, SeriesKey
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.ingest.station import STATION, make_station

NODES = 21
CHANNELS = (("co2", 800.0), ("soil_temperature", 20.0), ("soil_water", 0.2))
MINUTE = 60_000_000
START_US = 1_600_000_000_000_000 // MINUTE * MINUTE
BATCH = 5000


def timed_us(work: Callable[[], object], turns: int = 20) -> float:
    """Shortest time of some [µs]."""
    best = float("inf")
    for _ in range(turns):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best * 1e6


def main() -> None:
    """Print one line per power of ten."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000_000)
    total = parser.parse_args().samples
    marks = [10**power for power in range(4, 10) if 10**power < total] + [total]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SOILCO2_STATE"] = name
        with Writer.open(make_station(folder, depths=NODES)) as writer:
            done, at = 0, START_US
            key = SeriesKey(STATION, "p1", "d1", "co2")
            rows: list[Sample] = []
            for mark in marks:
                began, since, spent = time.perf_counter(), done, 0.0
                while done < mark:
                    while len(rows) < BATCH:
                        rows += [
                            Sample(
                                f"N{n}",
                                channel,
                                at,
                                value + at // MINUTE % 60 * 0.002,
                                "",
                                None,
                                at,
                                at,
                                "b",
                                "f",
                            )
                            for n in range(1, NODES + 1)
                            for channel, value in CHANNELS
                        ]
                        at += MINUTE
                    started = time.perf_counter()
                    writer.commit(rows)
                    spent += time.perf_counter() - started
                    done += len(rows)
                    rows = []
                with JournalReader(writer.path) as reader:
                    newest = timed_us(lambda r=reader, t=at: list(r.read([key], t - 60 * MINUTE, t)))  # type: ignore[misc]
                    after = timed_us(lambda r=reader, n=done: list(r.observations_after(n - BATCH, BATCH)), 3)  # type: ignore[misc]
                    used, _ = reader.accounting.size()
                print(
                    f"{done:11,} samples: {spent / (done - since) * 1e6:6.1f} µs a sample, newest hour "
                    f"{newest:7.0f} µs, next {BATCH} for a database {after / 1000:6.1f} ms, "
                    f"{used / done:5.0f} bytes a sample, {time.perf_counter() - began:6.1f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
