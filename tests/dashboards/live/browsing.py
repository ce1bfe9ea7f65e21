"""What the tests in a browser share: a served station, a watched page, the API beside it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.writer import Writer
from soilco2.teaching.demo import station_text
from tests.paths import ROOT
from tests.servers import free_port, missing

START = 1_654_041_600_000_000
HALF_HOUR = 1_800_000_000
DAY = 48 * HALF_HOUR
SHOTS = ROOT / "artefacts" / "page"
WAIT_MS = 60_000

STANDS = """async () => {
  const { store } = await import("./static/store.js");
  const panels = ["quality", "instruments", "results", "log"];
  const ready = () => store.loaded && panels.every((panel) => !document.getElementById(panel) || store.reports[panel]);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  while (!ready()) await frame();
  await frame();
  await frame();
  return performance.now();
}"""
"""Waits inside the page until every panel was drawn from its data; since the navigation [ms]."""

# keeps what the stream brought, so that a test can count it
_RECORD = """
window.brought = [];
window.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    this.addEventListener("observations", (event) => window.brought.push(...JSON.parse(event.data).rows));
  }
};
"""


class Served:
    """``soilco2 dashboard serve`` on some station files.

    Parameters
    ----------
    paths : sequence of Path
    clock : Path
        File of the replay clock.
    options : sequence of str
        Further options of the command.
    """

    def __init__(self, paths: Sequence[Path], clock: Path, options: Sequence[str] = ()) -> None:
        self.paths = paths
        self.clock = clock
        self.options = options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "soilco2", "dashboard", "serve", *map(str, self.paths), "--port", str(self.port),
             "--clock-file", str(self.clock), *self.options],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.url + "api/v1/stations", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, "the page's server ended"
                time.sleep(0.05)
        raise AssertionError("the page's server does not answer")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def get(self, path: str) -> Any:
        """What the API answers."""
        with urllib.request.urlopen(self.url + "api/v1/" + path, timeout=30) as answer:
            return json.load(answer)


class Growing(Served):
    """The demonstration station, whose journal grows when the test says so."""

    def __init__(self, folder: Path, options: Sequence[str] = (), extra: str = "") -> None:
        path = folder / "sjer.toml"
        text = station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n' + extra
        path.write_text(text, encoding="utf-8")
        super().__init__([path], folder / "clock", options)
        self.station: Station = load_station(path)
        self.until = START

    def write(self, until: int) -> int:
        """Bring the journal to a moment; how many samples that took."""
        samples = [s for batch in backfill_samples(self.station, self.until, until) for s in batch]
        self.clock.write_bytes(until.to_bytes(8, "little"))  # the hour comes before its values
        with Writer.open(self.station, now_us=lambda: until) as writer:
            writer.commit(samples)
        self.until = until
        return len(samples)


@contextmanager
def opened_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright.chromium) as opened:
        yield opened


@contextmanager
def launched(kind: BrowserType, *more: str) -> Iterator[Browser]:
    """A browser with further options on its command line."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        missing("chromium", "on Debian: apt install chromium")
    opened = kind.launch(
        executable_path=program,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", *more],
    )
    yield opened
    opened.close()


class Watched:
    """A page, what its console complained of, and what it asked elsewhere."""

    def __init__(self, browser: Browser, url: str, width: int = 1280, **options: Any) -> None:
        viewport = {"width": width, "height": 900 if width > 500 else 844}
        self.context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page = self.page
        page.set_default_timeout(WAIT_MS)
        page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((url, "blob:", "data:")) else self.elsewhere.append(r.url),
        )
        page.add_init_script(_RECORD)
        self.url = url

    def open(self, view: str, wait: str = "#series .plot > *") -> Page:
        """Open a view and wait until it is drawn from data."""
        self.page.goto(f"{self.url}#{view}")
        self.page.wait_for_selector(wait)
        self.page.evaluate(STANDS)
        return self.page

    def shoot(self, name: str) -> None:
        """Keep a picture among the artefacts."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def close(self) -> None:
        """Close, and fail when anything was complained of or asked elsewhere."""
        self.context.close()
        assert (self.complaints, self.elsewhere) == ([], [])


def grave(page: Page) -> list[str]:
    """What axe finds serious or critical on the page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")
    ]


def values(page: Page) -> dict[str, str]:
    """The newest values by series, as the page writes them."""
    found: dict[str, str] = page.eval_on_selector_all(
        "#table [data-series]",
        "all => Object.fromEntries("
        "all.map(n => [n.dataset.series, (n.cells?.[1] ?? n.querySelector('b')).textContent]))",
    )
    return found


def shown_number(text: str) -> float:
    return float(text.split(" ")[0].replace("−", "-"))
