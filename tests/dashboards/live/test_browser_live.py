"""The page while the station goes on: nothing lost offline, nothing piled up, events on the axis, true ages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Browser, Page

from soilco2.storage.journal.writer import Writer
from tests.dashboards.live.browsing import DAY, HALF_HOUR, START, Growing, Watched, launched

pytestmark = pytest.mark.timeout(300)

NOTE = "lid <b>opened</b>"
_SPOKEN = """
window.EventSource = class extends EventTarget { constructor() { super(); window.stream = this; } close() {} };
window.speak = async (from, count, step, names) => {
  for (let k = 0; k < count; k++) {
    const t = from + k * step;
    const rows = names.map((series) => ({ series, t, v: 800 + k % 50, f: 1, tests: "" }));
    const event = new Event("observations");
    event.data = JSON.stringify({ now_ms: t + step, rows });
    window.stream.dispatchEvent(event);
    if (k % 20 === 19) await new Promise((done) => requestAnimationFrame(done));
  }
};
"""
"""A stream that the test speaks through: only so hours pass in a second."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    served = Growing(tmp_path_factory.mktemp("live"))
    served.write(START + DAY)
    with Writer.open(served.station, now_us=lambda: served.until) as writer:
        writer.note("field", NOTE, START + DAY // 2)
    served.start()
    yield served
    served.kill()


def linked(page: Page, words: str) -> None:
    page.wait_for_function("text => document.getElementById('link').textContent.includes(text)", arg=words)


def test_ten_minutes_offline_leave_no_gap(browser: Browser, tmp_path: Path) -> None:
    served = Growing(tmp_path)
    served.write(START + DAY)
    served.start()
    try:
        watched = Watched(browser, served.url)
        watched.page.clock.install()
        page = watched.open("lang=en&profile=p004&span=day")
        page.clock.run_for(100)
        linked(page, "live")
        watched.context.set_offline(True)
        served.write(served.until + 4 * HALF_HOUR)  # the station goes on without its page
        page.clock.fast_forward("10:00")
        linked(page, "no connection")
        watched.context.set_offline(False)
        page.clock.fast_forward("00:50")
        last_ms = (served.until - HALF_HOUR) // 1000
        page.wait_for_function("t => window.brought.some((row) => row.t === t)", arg=last_ms)
        linked(page, "live")
        brought = page.evaluate("window.brought.filter(r => r.series === 'p004/d03/co2').map(r => r.t)")
        assert sorted(set(brought)) == [(START + DAY + n * HALF_HOUR) // 1000 for n in range(4)]
        watched.context.close()
    finally:
        served.kill()


class _Refusing(BaseHTTPRequestHandler):
    """A proxy whose server is away: everything is refused."""

    def do_GET(self) -> None:
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def test_a_proxy_that_refuses_for_a_while_does_not_end_the_stream(browser: Browser, tmp_path: Path) -> None:
    served = Growing(tmp_path)
    served.write(START + DAY)
    served.start()
    try:
        watched = Watched(browser, served.url)
        page = watched.open("lang=en&profile=p004&span=day")
        linked(page, "live")
        served.kill()
        with ThreadingHTTPServer(("127.0.0.1", served.port), _Refusing) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            with page.expect_response(lambda answer: "stream" in answer.url and answer.status == 502):
                linked(page, "no connection")
            proxy.shutdown()
        served.write(served.until + HALF_HOUR)
        served.start()
        page.wait_for_function("() => window.brought.some((row) => row.series === 'p004/d03/co2')")
        linked(page, "live")
        watched.context.close()
    finally:
        served.kill()


@pytest.fixture
def interpreting(browser: Browser) -> Iterator[Browser]:
    """A browser that compiles nothing: code that it makes of what runs often would count as the page's memory."""
    with launched(browser.browser_type, "--js-flags=--jitless") as opened:
        yield opened


def test_eight_hours_of_live_values_do_not_grow_the_pages_memory(
    interpreting: Browser, measured: Growing
) -> None:
    watched = Watched(interpreting, measured.url)
    watched.page.add_init_script(_SPOKEN)
    page = watched.open("lang=en&profile=p004&span=day", "#heat canvas")
    page.wait_for_function("() => window.stream")
    names = [s["series"] for s in measured.get("stations")["stations"][0]["series"]]
    tools = watched.context.new_cdp_session(page)

    def heap() -> int:
        for _ in range(2):
            tools.send("HeapProfiler.collectGarbage")
        return int(tools.send("Runtime.getHeapUsage")["usedSize"])

    events, step, start = (
        480,
        600_000,
        measured.until // 1000,
    )  # 8 h at a minute; the kept span fills in the first
    sizes = []
    for turn in range(5):
        page.evaluate(
            "([from, count, step, names]) => window.speak(from, count, step, names)",
            [start + turn * events * step, events, step, names],
        )
        sizes.append(heap())
    assert len(names) > 70
    # what is kept without end grows at every turn; one number an event would be 6 kB a turn
    assert median(b - a for a, b in pairwise(sizes[1:])) < 3_000, sizes
    watched.close()


def test_events_are_marks_on_the_axis_and_can_be_hidden(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    at = (START + DAY // 2) // 1000
    page = watched.open(f"lang=en&utc=1&profile=p004&span=day&t={at}", "#heat canvas")
    said = "2022-06-01 12:00 · note · field · " + NOTE

    def spoken() -> list[bool]:
        return [
            said in (page.get_attribute(f"#{panel} canvas", "aria-valuetext") or "")
            for panel in ("heat", "series", "second")
        ]

    lane = """() => {
      const node = document.querySelector("#series canvas");
      const { data } = node.getContext("2d").getImageData(60, node.height - 34, node.width - 80, 12);
      return data.filter((byte, i) => i % 4 === 3 && byte > 0).length;
    }"""
    page.wait_for_function(
        "text => document.querySelector('#heat canvas').getAttribute('aria-valuetext').includes(text)",
        arg=said,
    )
    assert spoken() == [True] * 3
    assert page.evaluate(lane) > 100  # the shape and its word
    page.click("#events")
    page.wait_for_function("() => document.getElementById('events').getAttribute('aria-pressed') === 'false'")
    page.wait_for_function(
        "text => !document.querySelector('#heat canvas').getAttribute('aria-valuetext').includes(text)",
        arg=said,
    )
    assert spoken() == [False] * 3
    assert "events=0" in page.evaluate("location.hash")
    again = Watched(browser, measured.url)
    other = again.open(page.evaluate("location.hash").lstrip("#"), "#heat canvas")
    assert other.get_attribute("#events", "aria-pressed") == "false"
    again.close()
    watched.close()


def test_a_young_station_fills_its_panels(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    page = watched.open("lang=en&profile=p004&utc=1", "#heat canvas")  # seven days by the screen
    assert page.input_value("#pick-span") == "week"
    assert page.get_attribute("#series canvas", "aria-valuemin") == str(START // 1000)
    assert page.get_attribute("#series canvas", "aria-valuemax") == str((START + DAY) // 1000)
    page.select_option("#pick-span", "day")
    page.wait_for_selector("#heat canvas")
    assert page.get_attribute("#series canvas", "aria-valuemin") == str(START // 1000)
    watched.close()


def test_instruments_answer_when_their_values_come(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    watched.page.add_init_script(_SPOKEN)
    page = watched.open("lang=en&screen=state&profile=p004", "#instruments [data-instrument]")
    page.wait_for_function("() => window.stream")
    names = [s["series"] for s in measured.get("stations")["stations"][0]["series"]]
    page.evaluate(  # ten hours of the replay clock, in which the report was not read again
        "([from, step, names]) => window.speak(from, 20, step, names)",
        [measured.until // 1000, HALF_HOUR // 1000, names],
    )
    page.wait_for_function(
        "() => document.querySelector('#instruments').textContent.includes('answers, 30 min')"
    )
    assert "silent" not in (page.text_content("#instruments") or "")
    watched.close()


def test_an_old_value_without_depth_tells_its_age(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    watched.page.add_init_script(_SPOKEN)
    page = watched.open("lang=en&profile=p004", "#heat canvas")
    page.wait_for_function("() => window.stream")
    pressure = "#table [data-series='site//air_pressure']"
    known = measured.get("stations")["stations"][0]["series"]
    names = [s["series"] for s in known if s["variable"] != "air_pressure"]
    assert (page.text_content(pressure) or "").endswith("30 min")
    for count, words in (
        (1, "60 min"),
        (18, "silent 10 h"),
    ):  # the other probes go on for that many half hours
        begin = measured.until // 1000 + (count > 1) * HALF_HOUR // 1000
        page.evaluate(
            "([from, count, step, names]) => window.speak(from, count, step, names)",
            [begin, count, HALF_HOUR // 1000, names],
        )
        page.wait_for_function(
            "([place, words]) => document.querySelector(place).textContent.endsWith(words)",
            arg=[pressure, words],
        )
    assert "bad" in (page.get_attribute(pressure, "class") or "")
    watched.close()
