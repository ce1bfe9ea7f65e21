"""Catching up after days without a database: observations a second from the journal into a real InfluxDB.

    python benchmarks/catch_up.py [--days 14]

30 variables a minute wait in the journal. The forwarder sends them in the batches of a station file's default;
the time ends when its cursor stands at the end. Beside it, in the same run: the same observations as ready lines,
posted in batches of the same size, which is what database and network can do.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soilco2.ingest.forward.forwarder import Forwarder
from soilco2.quality.records import Sample
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.influx.line_protocol import encode
from soilco2.storage.influx.sink import InfluxSink
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.ingest.station import make_station
from tests.servers import TOKEN, TOKEN_VARIABLE, InfluxServer

NODES = 10
CHANNELS = (("co2", 800.0), ("soil_temperature", 20.0), ("soil_water", 0.2))
MINUTE = 60_000_000
START_US = 1_793_491_200_000_000


def fill(writer: Writer, minutes: int) -> int:
    """Samples of all channels, a minute apart; how many."""
    for begin in range(0, minutes, 200):
        writer.commit(
            [
                Sample(f"N{n}", name, at, value + minute % 60 * 0.002, "", None, at, at, "boot", "field")
                for minute in range(begin, min(begin + 200, minutes))
                for at in (START_US + minute * MINUTE,)
                for n in range(1, NODES + 1)
                for name, value in CHANNELS
            ]
        )
    return minutes * NODES * len(CHANNELS)


def forward(writer: Writer, table: InfluxdbTable) -> float:
    """Seconds until the database has confirmed all that the journal holds."""
    forwarder = Forwarder(table, writer.path, writer.move_cursor, lambda: START_US, linger_s=0.0)
    began = time.perf_counter()
    forwarder.start()
    with JournalReader(writer.path) as reader:
        while forwarder.alive and not any(not row.backlog for row in reader.accounting.cursors()):
            time.sleep(0.1)
    seconds = time.perf_counter() - began
    assert forwarder.failure is None, forwarder.failure
    forwarder.stop()
    forwarder.join()
    return seconds


def post_ready_lines(path: Path, table: InfluxdbTable) -> float:
    """Seconds for the same observations as lines that are ready."""
    ready = []
    with JournalReader(path) as reader:
        after = 0
        while rows := reader.observations_after(after, table.batch):
            ready.append(encode([row for _, row in rows]))
            after = rows[-1][0]
    sink = InfluxSink(table)
    began = time.perf_counter()
    for lines in ready:
        sink.write(lines)
    seconds = time.perf_counter() - began
    sink.close()
    return seconds


def compare(server: InfluxServer, writer: Writer, total: int) -> None:
    """Print both rates."""
    seconds = forward(writer, server.bucket().table())
    plain = post_ready_lines(writer.path, server.bucket().table())
    print(f"forwarder: {total:,} observations in {seconds:.1f} s, {total / seconds:,.0f} a second")
    print(f"ready lines: {total / plain:,.0f} a second; the forwarder has {plain / seconds:.2f} of it")


def main() -> None:
    """Fill a journal, then compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=14)
    minutes = round(parser.parse_args().days * 1440)
    os.environ[TOKEN_VARIABLE] = TOKEN
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SOILCO2_STATE"] = name
        server = InfluxServer(folder / "influxd")
        server.start()
        try:
            with Writer.open(make_station(folder, depths=NODES + 1)) as writer:
                compare(server, writer, fill(writer, minutes))
        finally:
            server.close()


if __name__ == "__main__":
    main()
