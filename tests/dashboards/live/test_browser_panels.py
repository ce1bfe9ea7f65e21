"""Screens, reports, downloads, links, prefix: a right and a wrong screen, results, a database that is down."""

from __future__ import annotations

import csv
import http.client
import io
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from soilco2.ingest.errors import BusError
from soilco2.storage.journal.completeness import CAUSES
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer
from soilco2.storage.results.results import Result, ResultFile, write_results
from tests.dashboards.live.browsing import DAY, START, Growing, Watched, grave, shown_number

pytestmark = pytest.mark.timeout(300)

END = START + 3 * DAY
NOTE = "<script>window.hurt = 1</script><b>lid</b> opened"
PIT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 50"><rect width="80" height="50" fill="#b8946a"/></svg>'
SCREEN = """
title = { en = "Pit & probes", zh = "土坑" }
panels = ["picture", "series", "log"]
profile = "p004"
variable = "co2"
span = "days3"
[picture]
file = "pit.svg"
[[picture.place]]
series = "p004/d03/co2"
x = 30
y = 30
[[picture.place]]
series = "p004/d21/co2"
x = 60
y = 80
"""
RESULTS = ResultFile(
    job="correlation", station="sjer", created="2022-06-03T01:00:00Z", version="0", data_to="2022-06-03T00:00:00Z",
    rows=(
        Result(what="pearson_r", target="sjer/p004/d21/co2", driver="sjer/p004/d16/soil_temperature",
               scale="day-to-day", mask="dry", n=12, n_eff=5.9, refused=True,
               why="the effective number of independent pairs is 5.9, below 10",
               why_code="n_eff", why_values={"n_eff": 5.9}, method="Pearson r"),
        Result(what="mean_efflux", target="sjer/p004//co2_flux", n=1184, value=3.08, lower=1.1, upper=5.06,
               unit="umol m-2 s-1", method="two layers"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    folder = tmp_path_factory.mktemp("panels")
    screens = folder / "screens"
    screens.mkdir()
    (screens / "pit.svg").write_text(PIT, encoding="utf-8")
    (screens / "pit.toml").write_text(SCREEN, encoding="utf-8")
    (screens / "wrong.toml").write_text('title = { en = "W", zh = "错" }\npanels = []\n', encoding="utf-8")
    write_results(folder / "results", RESULTS)
    token = folder / "token"
    token.write_text("t", encoding="utf-8")
    token.chmod(0o600)
    down = (
        f'[influxdb]\nurl = "http://127.0.0.1:9"\norg = "o"\nbucket = "b"\ntoken = {{ file = "{token}" }}\n'
    )
    options = ["--screens", str(screens), "--results", str(folder / "results"), "--source", "influx"]
    served = Growing(folder, options, down)
    served.write(END)
    with Writer.open(served.station, now_us=lambda: END) as writer:
        writer.note("field", NOTE, START + DAY)
        writer.flag(("sjer", "p004", "d08", "co2"), END - DAY, END, 4, "field", "lid open")
    served.start()
    yield served
    served.kill()


def test_a_screen_decides_and_what_is_wrong_is_told(browser: Browser, served: Growing) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("lang=en")
    assert page.get_attribute("#screen-pit", "aria-current") == "page"
    assert page.eval_on_selector_all("#panels > *", "all => all.map(n => n.id || 'stage')") == [
        "picture",
        "stage",
        "log",
    ]
    page.wait_for_function("() => document.querySelector('#picture img').naturalWidth > 0")
    newest = {row["series"]: row for row in served.get("latest")["latest"]}
    for series in ("p004/d03/co2", "p004/d21/co2"):
        text = page.text_content(f'#picture [data-series="{series}"] b') or ""
        assert shown_number(text) == pytest.approx(newest[series]["value"], abs=0.5001)
    notice = page.text_content("#notice") or ""
    assert "The database does not answer; the journal stands in." in notice
    assert "wrong.toml" in notice
    assert page.text_content("#log") is not None
    assert NOTE in (page.text_content("#log") or "")
    assert page.evaluate("window.hurt") is None
    watched.shoot("screen_pit_1280_en")
    assert grave(page) == []
    page.click("#screen-profile")
    page.wait_for_selector("#heat canvas")
    order = page.eval_on_selector_all(".stage > *", "all => all.map(n => n.id)")
    assert order == ["column", "curve", "heat", "series", "second", "table"]
    assert page.input_value("#pick-span") == "week"
    watched.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_completeness_instruments_and_results_are_the_apis(
    browser: Browser, served: Growing, lang: str
) -> None:
    watched = Watched(browser, served.url, 1280 if lang == "en" else 390)
    page = watched.open(f"lang={lang}&screen=state&profile=p004&span=days3", "#quality [data-series]")
    now = END // 1000
    days = served.get(f"quality?from={now - 3 * DAY // 1000}&to={now}")["days"]
    for series in ("p004/d08/co2", "p004/d66/soil_water"):
        own = [day for day in days if day["series"] == series]
        totals = [sum(day[key] for day in own) for key in ("expected", "received", "stored", "usable")]
        row = page.eval_on_selector_all(
            f'#quality [data-series="{series}"] td', "all => all.map(n => n.textContent)"
        )
        assert [int(text) for text in row[1:5]] == totals
        causes = {cause: n for day in own for cause, n in day["causes"].items()}
        assert bool(causes) == any(
            str(n) in row[-1] for n in [sum(day["causes"].get(c, 0) for day in own) for c in causes]
        )
    instruments = served.get("instruments")["instruments"]
    ids = page.eval_on_selector_all(
        "#instruments [data-instrument]", "all => all.map(n => n.dataset.instrument)"
    )
    assert ids == [one["id"] for one in instruments]
    watched.shoot(f"state_{lang}")
    page.click("#screen-results")
    page.wait_for_selector("#results .results")
    rows = page.eval_on_selector_all("#results .results tbody tr", "all => all.map(n => n.textContent)")
    assert len(rows) == 2
    assert "3.08 µmol m⁻² s⁻¹" in rows[0]
    assert "[1.1, 5.06]" in rows[0]
    assert {"en": "dry", "zh": "干"}[lang] in rows[1]  # of which part of the record
    assert {"en": "5.9, below 10", "zh": "有效样本量为 5.9，低于 10"}[lang] in rows[1]
    watched.shoot(f"results_{lang}")
    assert grave(page) == []
    watched.close()


def test_a_view_can_be_taken_away(browser: Browser, served: Growing) -> None:
    watched = Watched(browser, served.url, permissions=["clipboard-read", "clipboard-write"])
    page = watched.open("lang=en&screen=profile&profile=p004&span=day&second=none", "#heat canvas")
    page.focus("#heat canvas")
    page.keyboard.press("ArrowLeft")
    page.click("#flagged")
    page.click("#log-scale")
    page.click("#more-summary")

    with page.expect_download() as taken:
        page.click("#csv")
    rows = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text(encoding="utf-8"))))
    start = (END - DAY) // 1000
    answer = served.get(f"series?series=p004/d21/co2&from={start}&to={END // 1000 + 1}&points=5000")[
        "series"
    ][0]
    mine = [row for row in rows if row["position"] == "d21"]
    assert [float(row["value"]) for row in mine] == [v for v in answer["v"] if v is not None]
    assert {row["variable"] for row in rows} == {"co2"}

    with page.expect_download() as taken:
        page.click("#png")
    image = Path(taken.value.path()).read_bytes()
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", image[16:24])
    assert width > 2000
    assert height > 1000
    assert len(image) > 50_000  # a blank sheet of that size takes some ten thousand bytes

    page.click("#copy")
    page.wait_for_function("() => document.querySelector('.told').textContent === 'link copied'")
    link = page.evaluate("navigator.clipboard.readText()")
    moment = page.text_content("#moment")
    again = Watched(browser, served.url)
    other = again.open(link.split("#", 1)[1], "#heat canvas")
    assert other.text_content("#moment") == moment
    assert [other.get_attribute(f"#{b}", "aria-pressed") for b in ("flagged", "log-scale", "utc")] == [
        "true",
        "true",
        "false",
    ]
    assert other.input_value("#pick-span") == "own"
    assert other.locator("#second").count() == 0
    for name in ("aria-valuemin", "aria-valuemax", "aria-valuenow"):
        assert other.get_attribute("#series canvas", name) == page.get_attribute("#series canvas", name)
    again.close()
    watched.close()


def test_flagged_values_are_shown_only_by_choice(browser: Browser, served: Growing) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("lang=en&screen=profile&profile=p004&span=day", "#heat canvas")
    cell = '#column [data-series="p004/d08/co2"]'
    assert page.get_attribute(cell, "fill") == "url(#gap)"
    assert "bad" in (page.text_content(f"{cell} title") or "")
    page.click("#flagged")
    page.wait_for_function(f"() => document.querySelector('{cell}').getAttribute('fill').startsWith('rgb')")
    assert "ppm, bad" in (page.text_content(f"{cell} title") or "")
    assert "bad: CO₂ mole fraction 8 cm plot 004" in (page.text_content("#health") or "")
    # one probe that gives no value is one trouble, whatever it measures
    probed = page.evaluate(
        """async () => {
          const { store } = await import("./static/store.js");
          const found = [...store.newest].filter(([name]) => name.startsWith("p004/d66/"));
          for (const [, newest] of found) Object.assign(newest, { value: null, flag: 9, tests: "" });
          return found.length;
        }"""
    )
    page.click("#language")
    assert probed > 1
    page.wait_for_function(
        "many => document.getElementById('health').textContent.includes(`66 cm 004 号样地 (${many} 个量)`)",
        arg=probed,
    )
    watched.close()


def test_a_projector_gets_larger_words_and_no_controls(browser: Browser, served: Growing) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("lang=zh&theme=dark&screen=profile&profile=*&projector=1", "#heat canvas")
    assert page.is_hidden("#controls")
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "19px"
    watched.shoot("projector_1280_zh_dark")
    page.click("#full")
    page.wait_for_selector("#controls", state="visible")
    watched.close()


@pytest.mark.parametrize(
    ("width", "height", "lang", "noroom"),
    [
        (1280, 720, "en", "no room for: soil temperature"),
        (1366, 768, "zh", "屏幕放不下：土壤温度"),
        (1024, 768, "en", ""),
    ],
)
def test_a_projector_shows_whole_what_fits_a_low_screen(
    browser: Browser, served: Growing, width: int, height: int, lang: str, noroom: str
) -> None:
    watched = Watched(browser, served.url)
    watched.page.set_viewport_size({"width": width, "height": height})
    profile = "*" if noroom else "p003"  # several profiles side by side leave no room for the second variable
    page = watched.open(
        f"lang={lang}&screen=profile&profile={profile}&second=soil_temperature&projector=1", "#heat canvas"
    )
    page.wait_for_function("() => document.documentElement.scrollHeight <= window.innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    captions = " ".join(page.locator("figcaption").all_text_contents())
    assert ("soil temperature" in captions, page.locator("#second").count()) == (
        (lang == "en", 0) if noroom else (True, 1)
    )
    assert noroom in captions
    for name in page.eval_on_selector_all("#panels .plot", "all => all.map(n => n.clientHeight)"):
        assert name > 100
    labels = page.eval_on_selector_all("#column .lead", "all => all.length")
    assert labels == page.locator("#column rect[data-series]").count()
    watched.shoot(f"projector_{width}_{height}_{lang}")
    watched.close()


def test_a_projector_keeps_many_probes_and_the_label_of_what_is_interpolated_on_its_screen(
    browser: Browser, served: Growing
) -> None:
    watched = Watched(browser, served.url)
    watched.page.set_viewport_size({"width": 1280, "height": 720})
    page = watched.open(
        "lang=en&screen=profile&profile=*&variable=soil_water&second=co2&interpolate=1&projector=1",
        "#heat canvas",
    )
    page.wait_for_function("() => document.documentElement.scrollHeight <= window.innerHeight")
    assert page.locator("#table .others [data-series]").count() == 16  # no room for a row each
    watched.page.set_viewport_size({"width": 1280, "height": 900})
    page = watched.open(
        "lang=en&screen=profile&profile=p004&variable=co2&interpolate=1&projector=1", "#heat canvas"
    )
    page.wait_for_function(
        """() => {
          const words = [...document.querySelectorAll("#column text")];
          const label = words.find((n) => n.textContent.startsWith("Between probes"));
          return label?.getBoundingClientRect().right < label?.ownerSVGElement.getBoundingClientRect().right;
        }"""
    )
    watched.close()


def test_every_word_is_there_in_both_languages(browser: Browser, served: Growing) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("lang=zh")
    en, zh = page.evaluate(
        "async () => { const { WORDS } = await import('./static/words.js'); return [WORDS.en, WORDS.zh]; }"
    )
    assert set(en) == set(zh)
    assert all(text.strip() for words in (en, zh) for text in words.values())
    same = {key for key in en if en[key] == zh[key]}
    assert same <= {"utc"}
    codes = page.evaluate("async () => (await import('./static/words.js')).CODES")
    kinds = {kind.value for kind in EventKind}
    parts = {"settings", "slots_missed", "broker_client_twice", "broker_session_lost"}
    assert kinds | parts | error_kinds(BusError) | set(CAUSES) <= set(codes)
    assert all(len(both) == 2 and all(both) for both in codes.values())
    watched.close()


def test_what_journal_database_and_screens_say_is_chinese_on_the_chinese_page(
    browser: Browser, served: Growing
) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("lang=en", "#series canvas")
    english = page.text_content("#log") or ""
    assert f"configuration {served.station.hash} in force" in english
    page.click("#language")
    page.wait_for_function(
        "words => document.getElementById('log').textContent.includes(words)",
        arg=f"配置 {served.station.hash} 生效",
    )
    assert NOTE in (page.text_content("#log") or "")  # a person's words stay
    for words in ("wrong.toml:2: panels = []: 列表不得为空", "无应答（连接被拒绝或无法到达）"):
        page.wait_for_function(
            "words => document.getElementById('notice').textContent.includes(words)", arg=words
        )
    watched.close()


def error_kinds(error: type[BusError]) -> set[str]:
    """What the collector counts by instrument."""
    return {error.kind}.union(*map(error_kinds, error.__subclasses__()))


class _Proxy(BaseHTTPRequestHandler):
    """Passes what lies below a prefix to the page's server, streams included; anything else is not found."""

    port = 0
    prefix = "/user/li wei/soil/".replace(" ", "%20")
    strayed: list[str]

    def do_GET(self) -> None:
        if not self.path.startswith(self.prefix):
            self.strayed.append(self.path)
            self.send_error(404)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            upstream.request("GET", "/" + self.path.removeprefix(self.prefix))
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            while part := answer.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            self.close_connection = True  # the browser left
        finally:
            upstream.close()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def test_the_page_works_below_any_path_of_a_proxy(browser: Browser, served: Growing) -> None:
    handler = type("Handler", (_Proxy,), {"port": served.port, "strayed": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        watched = Watched(browser, f"http://127.0.0.1:{proxy.server_address[1]}{_Proxy.prefix}")
        page = watched.open("lang=en")
        page.wait_for_function("() => document.getElementById('link').textContent.includes('live')")
        page.wait_for_function("() => document.querySelector('#picture img').naturalWidth > 0")
        watched.close()
        proxy.shutdown()
    assert handler.strayed == []
