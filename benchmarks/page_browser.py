"""How long a browser takes until the page stands, on a journal of a year of 20 series, each time beside a bare page.

    python -m benchmarks.page_browser [--days 365] [--series 20] [--folder FOLDER]

A new browser context, its window come to rest, opens the page on loopback with nothing kept from before. The time
runs from the start of the navigation until every panel of the screen has its data and two pictures were painted after
it; the median of five is told. The first view is the default screen; the second shows 100 800 values in one view
(three and a half days of 20 series at a minute; the page asks one day more for its comparison with the day before).
The bare page beside it asks for the same 100 800 values, found by one plain query, as JSON and draws every one on a
canvas, with nothing else.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.page_journal import DAY_US, START_US, journal_of
from soilco2.station_config.loader import Station
from tests.dashboards.live.browsing import STANDS, Served, opened_browser

TURNS = 5
SETTLE_MS = 2000
"""What the browser takes to draw its own new window, which is no part of the page [ms]."""
VIEW_US = 7 * DAY_US // 2
"""A view of 5040 minutes: 100 800 values of 20 series."""
DRAWN = "async () => { while (!window.drawn) await new Promise(requestAnimationFrame); return performance.now(); }"
BARE = b"""<!doctype html><title>bare</title><canvas width="1200" height="500"></canvas><script>
fetch("values").then((answer) => answer.json()).then((all) => {
  const to = document.querySelector("canvas").getContext("2d");
  const times = all.map((row) => row[1]), first = times[0], last = times[times.length - 1];
  let before = null;
  for (const [series, t, v] of all) {
    const x = 1200 * (t - first) / (last - first), y = 500 - 10 * v;
    if (series === before) to.lineTo(x, y);
    else { to.stroke(); to.beginPath(); to.moveTo(x, y); }
    before = series;
  }
  to.stroke();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; }));
});
</script>"""


@contextmanager
def bare(station: Station, start_us: int, end_us: int) -> Iterator[str]:
    """A server of one page and of the values a plain query finds."""
    query = "SELECT series, time_us, value FROM observation WHERE time_us BETWEEN ? AND ? ORDER BY series, time_us"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/values":
                db = sqlite3.connect(station.journal_path)
                body = json.dumps(db.execute(query, (start_us, end_us)).fetchall()).encode()
                db.close()
            else:
                body = BARE
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if body is BARE else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opened(browser: Browser, url: str, ready: str) -> str:
    """Median and worst time until a page stands, each time in a new context."""
    times = []
    for _ in range(TURNS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.wait_for_timeout(SETTLE_MS)
        page.goto(url)
        times.append(page.evaluate(ready))
        context.close()
    return f"{statistics.median(times):6.0f} ms ({min(times):.0f} to {max(times):.0f})"


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--series", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "soilco2-page-benchmark")
    given = parser.parse_args()
    station = journal_of(given.folder / f"{given.days}x{given.series}", given.days, given.series)
    end_us = START_US + given.days * DAY_US
    start_us = end_us - VIEW_US
    clock = given.folder / "clock"
    clock.write_bytes(end_us.to_bytes(8, "little"))
    view = f"#from={start_us // 1000}&to={end_us // 1000}"
    assert station.path is not None
    page = Served([station.path], clock)
    page.start()
    try:
        with opened_browser() as browser, bare(station, start_us, end_us) as plain:
            print(
                f"first view, {given.days} days of {given.series} series\n  {opened(browser, page.url, STANDS)}"
            )
            print(f"{given.series * 5040} values in view\n  {opened(browser, page.url + view, STANDS)}")
            print(f"  bare page that draws every one {opened(browser, plain, DRAWN)}", flush=True)
    finally:
        page.kill()


if __name__ == "__main__":
    main()
