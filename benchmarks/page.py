"""How fast the page's server answers on a long journal, each figure beside the plain query, and 200 live clients.

    python -m benchmarks.page [--days 365] [--series 20] [--clients 200] [--folder FOLDER]

The journal is made once by the real writer (365 days of 20 series at a minute: 10.5 million samples, 1.5 GB, some ten
minutes) and kept in the folder. Of each figure the median of five is told, by the clock and by the processor's time:
on a machine that does other things the second is the one to compare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from benchmarks.page_journal import DAY_US, START_US, journal_of, readings
from soilco2.dashboards.live import queries
from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.decimation import decimate, raster_row, sums
from soilco2.dashboards.live.queries import PageStation
from soilco2.station_config.loader import Station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer

TURNS = 5
SERIES_OF_LATEST = 400
EVENTS = 50
"""Commits that the live clients follow."""


def timed(work: Callable[[], object], turns: int = TURNS) -> str:
    """Median of some turns, by the clock and by the processor."""
    clock, processor = [], []
    for _ in range(turns):
        a, b = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - a)
        processor.append(time.process_time() - b)
    return f"{statistics.median(clock) * 1e3:7.0f} ms ({statistics.median(processor) * 1e3:6.0f} ms of processor)"


def page_of(station: Station, now_us: int) -> PageStation:
    """The station as the page sees it at a moment."""
    return PageStation(station, lambda: JournalReader(station.journal_path), lambda: now_us)


def plain_series(page: PageStation, names: list[str], start: int, end: int) -> None:
    """The same answer from every observation."""
    reader = page.open_reader()
    json.dumps([decimate(reader.read([page.key(name)], start, end), start, end, 2000) for name in names])
    reader.close()


def plain_raster(page: PageStation, names: list[str], start: int, end: int) -> None:
    """The same answer from every observation."""
    reader = page.open_reader()
    step = -(-(end - start) // 600 // 3_600_000_000) * 3_600_000_000
    columns = -(-(end - start) // step)
    rows = [
        raster_row(*sums(reader.read([page.key(name)], start, end), start, step, columns), columns)
        for name in names
    ]
    json.dumps(rows)
    reader.close()


def long_spans(folder: Path, days: int, series: int) -> None:
    """Series and heat map of the whole journal."""
    station = journal_of(folder, days, series)
    start, end = START_US, START_US + days * DAY_US
    page = page_of(station, end)
    names = [f"p1/d{n}/soil_temperature" for n in range(1, series + 1)]
    span = f"from={start // 1000}&to={end // 1000}"
    url = f"/api/v1/series?{span}&points=2000&series={','.join(names)}"
    raster = f"/api/v1/raster?{span}&profile=p1&variable=soil_temperature&columns=600"
    what = f"{days} days of {series} series"
    for title, path, plain in (
        (f"{what}, thinned to 2000 points each", url, plain_series),
        (f"{what}, as a heat map", raster, plain_raster),
    ):

        def cold(path: str = path) -> None:
            with TestClient(create_app([page], version="0", per_s=1e9)) as client:
                ask(client, path)

        with TestClient(create_app([page], version="0", per_s=1e9)) as client:
            ask(client, path)
            warm = timed(lambda: ask(client, path))  # noqa: B023 - called at once
        print(f"{title}\n  cold {timed(cold)}\n  warm {warm}")
        print(f"  every observation read {timed(lambda: plain(page, names, start, end), 1)}", flush=True)  # noqa: B023


def ask(client: TestClient, path: str) -> None:
    """One question, answered."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text


def newest(folder: Path) -> None:
    """The newest value of many series, and the good one of a day before."""
    station = journal_of(folder, 2, SERIES_OF_LATEST, every=15)
    page = page_of(station, START_US + 2 * DAY_US)
    with JournalReader(station.journal_path) as reader:
        query = "SELECT series, max(time_us), value, flag FROM observation GROUP BY series"
        plain = timed(lambda: reader._db.execute(query).fetchall())
    found: list[dict[str, Any]] = queries.latest(page)["latest"]
    print(
        f"newest value of {len(found)} series\n  {timed(lambda: queries.latest(page))}\n  plain query {plain}",
        flush=True,
    )


def memory_kib(pid: int) -> int:
    """Resident memory of a process [KiB]."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) if found else 0


async def listen(host: str, port: int, wanted: int, ready: asyncio.Semaphore) -> set[tuple[str, int]]:
    """One client of the stream: every (series, time) it was told, until it has as many as wanted."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
    writer.write(f"GET /api/v1/stream HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    await writer.drain()
    found: set[tuple[str, int]] = set()
    told = False
    while len(found) < wanted:
        line = await asyncio.wait_for(reader.readline(), 300)
        if not line:
            break
        if line.startswith(b"data: "):
            found.update((row["series"], row["t"]) for row in json.loads(line[6:])["rows"])
            if not told:
                told = True
                ready.release()
    writer.close()
    return found


async def clients(folder: Path, number: int) -> None:
    """Many live clients of one server, while the station goes on."""
    series = 20
    station = journal_of(folder, 1, series)
    words = [sys.executable, "-m", "soilco2", "dashboard", "serve", str(station.path), "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        ready = asyncio.Semaphore(0)
        first = memory_kib(server.pid)
        tasks = [asyncio.create_task(listen(host, int(port), EVENTS * series, ready)) for _ in range(number)]
        for _ in tasks:
            await ready.acquire()
        joined = memory_kib(server.pid)
        began = time.perf_counter()
        most = joined
        with Writer.open(station) as writer:
            with JournalReader(station.journal_path) as reader:
                last = reader.last_sample_us() or START_US
            minute = (last - START_US) // 60_000_000 + 1
            for k in range(minute, minute + EVENTS):
                await asyncio.to_thread(writer.commit, list(readings(series, k, k + 1)))
                most = max(most, memory_kib(server.pid))
        found = await asyncio.gather(*tasks)
        took = time.perf_counter() - began
        most = max(most, memory_kib(server.pid))
        lost = sum(EVENTS * series - len(some) for some in found)
    finally:
        server.terminate()
        server.wait()
    print(
        f"{number} live clients, {EVENTS} commits of {series} values: {lost} of {number * EVENTS * series} lost, "
        f"{took:.1f} s\n  server {first / 1024:.0f} MB before, {joined / 1024:.0f} MB with them, "
        f"{most / 1024:.0f} MB at most",
        flush=True,
    )


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--series", type=int, default=20)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "soilco2-page-benchmark")
    given = parser.parse_args()
    newest(given.folder / "latest")
    asyncio.run(clients(given.folder / "clients", given.clients))
    long_spans(given.folder / f"{given.days}x{given.series}", given.days, given.series)


if __name__ == "__main__":
    main()
