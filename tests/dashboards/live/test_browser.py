"""The page as people see it: a real server, a real browser, measured data."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ingest.simulate.replay import backfill_samples
from station_config.loader import Station, load_station
from storage.writer import Writer
from teaching.demo import station_text
from tests.servers import free_port, missing

pytestmark = pytest.mark.timeout(300)

START = 1_654_041_600_000_000
HALF_HOUR = 1_800_000_000
DAY = 48 * HALF_HOUR
SHOTS = Path(__file__).resolve().parents[3] / "artefacts" / "page"
WAIT_MS = 60_000

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
    """A station's journal, and ``soilco2 dashboard serve`` on it."""

    def __init__(self, folder: Path) -> None:
        path = folder / "sjer.toml"
        path.write_text(station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n', encoding="utf-8")
        self.station: Station = load_station(path)
        self.clock = folder / "clock"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None
        self.until = START

    def write(self, until: int) -> int:
        """Bring the journal to a moment; how many samples that took."""
        with Writer.open(self.station) as writer:
            samples = [s for batch in backfill_samples(self.station, self.until, until) for s in batch]
            writer.commit(samples)
        self.until = until
        self.clock.write_bytes(until.to_bytes(8, "little"))
        return len(samples)

    def start(self) -> None:
        assert self.station.path is not None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "soilco2", "dashboard", "serve", str(self.station.path), "--port", str(self.port),
             "--clock-file", str(self.clock)],
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        missing("chromium", "on Debian: apt install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("browser"))
    served.write(START + 3 * DAY)
    served.start()
    yield served
    served.kill()


def watched(browser: Browser, served: Served, width: int = 1280) -> tuple[Page, list[str], list[str]]:
    """A page, what its console complained of, and what it asked elsewhere."""
    page = browser.new_page(viewport={"width": width, "height": 900 if width > 500 else 844})
    complaints: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: elsewhere.append(r.url) if not r.url.startswith(served.url) else None)
    page.add_init_script(_RECORD)
    return page, complaints, elsewhere


def get(served: Served, path: str) -> Any:
    import json

    with urllib.request.urlopen(served.url + "api/v1/" + path, timeout=30) as answer:
        return json.load(answer)


def values(page: Page) -> dict[str, str]:
    """The newest values by series, as the page writes them."""
    found: dict[str, str] = page.eval_on_selector_all(
        "#table [data-series]",
        "all => Object.fromEntries("
        "all.map(n => [n.dataset.series, (n.cells?.[1] ?? n.querySelector('b')).textContent]))",
    )
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_shows_what_the_api_says(
    browser: Browser, measured: Served, lang: str, width: int, theme: str
) -> None:
    page, complaints, elsewhere = watched(browser, measured, width)
    page.goto(f"{measured.url}#lang={lang}&theme={theme}&profile=p004&span=days3&second=soil_water")
    page.wait_for_selector("#heat canvas", timeout=WAIT_MS)
    page.wait_for_selector("#second canvas", timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-Hans"}[lang]
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    known = get(measured, "stations")
    variables, newest = known["variables"], get(measured, "latest")["latest"]
    by_series = {row["series"]: row for row in newest}
    shown = [s for s in known["stations"][0]["series"] if s["profile"] == "p004" or s["depth_m"] is None]
    written = values(page)
    assert set(written) == {series["series"] for series in shown}
    assert len(shown) > 20
    for series in shown:
        registry, found = variables[series["variable"]], by_series[series["series"]]
        text = written[series["series"]]
        if found["value"] is None:
            assert text == {"en": "no value", "zh": "无值"}[lang]
        else:
            number = float(text.replace("−", "-"))
            assert number == pytest.approx(found["value"], abs=0.5001 * registry["resolution"])
    groups = page.eval_on_selector_all("#table .group th", "all => all.map(n => n.textContent)")
    for name in {series["variable"] for series in shown}:
        title = f"{variables[name]['name'][lang]} ({variables[name]['unit_text']})"
        assert title in [group.removesuffix(" *") for group in groups]
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"profile_{width}_{lang}_{theme}.png", full_page=True)
    page.close()
    assert (complaints, elsewhere) == ([], [])


def test_every_variable_and_both_profiles_can_be_shown(browser: Browser, measured: Served) -> None:
    page, complaints, _ = watched(browser, measured)
    page.goto(f"{measured.url}#lang=en&span=day")
    page.wait_for_selector("#series canvas", timeout=WAIT_MS)
    for profile in ("p003", "p004"):
        page.select_option("#pick-profile", profile)
        names = page.eval_on_selector_all("#pick-variable option", "all => all.map(o => o.value)")
        assert {"co2", "soil_temperature", "soil_water"} <= set(names)
        for name in names:
            page.select_option("#pick-variable", name)
            label = page.text_content(f"#pick-variable option[value='{name}']")
            page.wait_for_function(
                "([text]) => document.querySelector('#series figcaption')?.textContent.startsWith(text)", arg=[label],
                timeout=WAIT_MS,
            )  # fmt: skip
            page.wait_for_selector("#series canvas", timeout=WAIT_MS)
    page.close()
    assert complaints == []


def test_pointing_moves_the_moment_in_every_panel(browser: Browser, measured: Served) -> None:
    page, complaints, _ = watched(browser, measured)
    page.goto(f"{measured.url}#lang=en&profile=p004&span=days3&utc=1")
    canvas = page.wait_for_selector("#heat canvas", timeout=WAIT_MS)
    assert canvas is not None
    before = page.text_content("#moment")
    column = page.inner_html("#column .plot")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    page.wait_for_function(
        "text => document.getElementById('moment').textContent !== text", arg=before, timeout=WAIT_MS
    )
    page.wait_for_function(
        "html => document.querySelector('#column .plot').innerHTML !== html", arg=column, timeout=WAIT_MS
    )
    page.mouse.move(5, 5)
    page.wait_for_function(
        "text => document.getElementById('moment').textContent === text", arg=before, timeout=WAIT_MS
    )
    page.close()
    assert complaints == []


def test_a_page_goes_on_after_its_server_was_killed_and_misses_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    served = Served(tmp_path)
    served.write(START + DAY)
    served.start()
    try:
        page, _, elsewhere = watched(browser, served)
        page.goto(f"{served.url}#lang=en&profile=p004&span=day")
        page.wait_for_selector("#series canvas", timeout=WAIT_MS)
        page.wait_for_function(
            "() => document.getElementById('link').textContent.includes('live')", timeout=WAIT_MS
        )
        served.write(served.until + HALF_HOUR)
        page.wait_for_function("() => window.brought.length > 0", timeout=WAIT_MS)
        served.kill()
        page.wait_for_function(
            "() => document.getElementById('link').textContent.includes('no connection')", timeout=WAIT_MS
        )
        served.write(served.until + 4 * HALF_HOUR)  # the station goes on without its page
        served.start()
        last_ms = (served.until - HALF_HOUR) // 1000
        page.wait_for_function("t => window.brought.some((row) => row.t === t)", arg=last_ms, timeout=WAIT_MS)
        page.wait_for_function(
            "() => document.getElementById('link').textContent.includes('live')", timeout=WAIT_MS
        )
        brought = page.evaluate("window.brought.filter(r => r.series === 'p004/d03/co2').map(r => r.t)")
        assert sorted(set(brought)) == [(START + DAY + n * HALF_HOUR) // 1000 for n in range(5)]
        (api,) = get(served, f"series?series=p004/d03/co2&from={last_ms}&points=10")["series"]
        value = api["v"][-1]
        page.wait_for_function(
            "v => { const row = document.querySelector('#table [data-series=\"p004/d03/co2\"]');"
            " return Math.abs(parseFloat(row.cells[1].textContent) - v) <= 0.51; }",
            arg=value, timeout=WAIT_MS,
        )  # fmt: skip
        page.close()
        assert elsewhere == []
    finally:
        served.kill()


def test_a_station_without_data_has_a_drawn_state(browser: Browser, tmp_path: Path) -> None:
    served = Served(tmp_path)
    Writer.open(served.station).close()
    served.start()
    try:
        page, complaints, _ = watched(browser, served, 390)
        page.goto(f"{served.url}#lang=zh")
        page.wait_for_function(
            "() => document.getElementById('series')?.textContent.includes('尚无数据')", timeout=WAIT_MS
        )
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / "empty_390_zh.png", full_page=True)
        page.close()
        assert complaints == []
    finally:
        served.kill()
