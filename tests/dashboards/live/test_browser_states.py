"""Every odd state of a station has its drawn state."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser

from tests.dashboards.live.browsing import Served, Watched, grave
from tests.dashboards.live.odd_stations import NOW, ODD

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("odd")
    paths = [station.path for station in (make(folder) for make in ODD) if station.path is not None]
    clock = folder / "clock"
    clock.write_bytes(NOW.to_bytes(8, "little"))
    served = Served(paths, clock)
    served.start()
    yield served
    served.kill()


@pytest.mark.parametrize(
    ("station", "panel", "en", "zh"),
    [
        ("troubled", "health", "silent", "无应答"),
        ("troubled", "health", "stuck", "数值停滞"),
        ("troubled", "health", "no value: CO₂ mole fraction 30 cm", "无值：CO₂ 浓度（摩尔分数） 30 cm"),
        (
            "unheard",
            "health",
            "nothing came yet: CO₂ mole fraction 10 cm",
            "尚未收到数据：CO₂ 浓度（摩尔分数） 10 cm",
        ),
        ("stopped", "health", "d: the whole station", "天：整个台站"),
        ("unheard", "health", "2 / 3 series ●", "2 / 3 个序列 ●"),
        ("unheard", "table", "taken away", "已撤除"),
        ("unheard", "instruments", "● answers", "● 有应答"),
        ("unheard", "instruments", "○ taken away", "○ 已撤除"),
        ("unheard", "column", "10 cm: no value, nothing came yet", "10 cm：无值, 尚未收到数据"),
        ("flagged", "series", "Every value here is flagged.", "此处所有值均有质量标识。"),
        ("stopped", "heat", "Nothing in this span. The newest value is of 2022-04-24", "该时段内没有数据。"),
        ("unplaced", "column", "depth not known: d200", "深度未知：d200"),
        ("stopped", "curve", "Nothing in this span.", "该时段内没有数据。"),
        ("empty", "heat", "No data yet.", "尚无数据。"),
        ("empty", "column", "nothing came yet", "尚未收到数据"),
        ("paired", "table", "3 cm b", "3 cm b"),
    ],
)
def test_a_state_is_said_in_words(
    browser: Browser, served: Served, station: str, panel: str, en: str, zh: str
) -> None:
    watched = Watched(browser, served.url, 390)
    for lang, words in (("en", en), ("zh", zh)):
        page = watched.open(f"station={station}&lang={lang}&theme=dark&screen=all")
        assert words in (page.text_content(f"#{panel}") or "")
        page.goto("about:blank")
    watched.close()


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_a_state_is_drawn_without_complaint(browser: Browser, served: Served, make: object) -> None:
    name = getattr(make, "__name__", "")
    watched = Watched(browser, served.url)
    page = watched.open(f"station={name}&lang=en&theme=light&span=all", "#series .plot > *")
    assert page.locator("h1").text_content() == name
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    watched.shoot(f"odd_{name}")
    if name in ("troubled", "flagged", "empty"):
        assert grave(page) == []
    watched.close()


def test_labels_of_sixty_probes_do_not_lie_on_each_other(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("station=sixty&lang=en", "#column svg")
    assert page.locator("#column rect[data-series]").count() == 60
    heights = page.eval_on_selector_all(
        "#column .lead",
        "all => all.map(n => Number(n.getAttribute('points').split(' ').at(-1).split(',')[1]))",
    )
    assert len(heights) > 10
    assert all(b - a >= 12 for a, b in pairwise(heights))
    watched.close()


def test_silence_of_months_stays_a_gap(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("station=gap&lang=en&span=all&theme=light", "#heat canvas")
    # the middle of the heat map and of the series is empty: nothing is drawn across
    blank = page.evaluate(
        """() => ["heat", "series"].map((id) => {
          const node = document.querySelector(`#${id} canvas`);
          const left = Math.round(node.width * 0.35), wide = Math.round(node.width * 0.25);
          const [top, tall] = [0.12, 0.68].map((part) => Math.round(node.height * part));
          const { data } = node.getContext("2d").getImageData(left, top, wide, tall);
          const coloured = new Set();
          for (let i = 0; i < data.length; i += 4) if (data[i + 3]) coloured.add(data.slice(i, i + 3).join());
          return [...coloured].length;
        })"""
    )
    assert blank[0] == 0
    assert blank[1] <= 1  # the grid lines
    watched.close()


def test_times_that_no_station_has_are_a_slip_of_the_link(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("station=troubled&lang=en&from=-8e15&to=-7e15&t=9e15", "#heat canvas")
    assert "from=" not in page.url
    assert (page.text_content("#moment") or "").startswith("now")
    watched.close()


def test_what_is_out_of_sight_can_be_shown(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("station=stopped&lang=en")
    page.click("#series .empty button")
    page.wait_for_selector("#series canvas")
    page.click("#health button >> nth=0")
    page.wait_for_selector("#column .cell.on")
    watched.close()
