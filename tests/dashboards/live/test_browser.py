"""The page as people see it: a real server, a real browser, measured data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.dashboards.live.browsing import (
    DAY,
    HALF_HOUR,
    START,
    Growing,
    Watched,
    grave,
    shown_number,
    values,
)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    served = Growing(tmp_path_factory.mktemp("browser"))
    served.write(START + 3 * DAY)
    served.start()
    yield served
    served.kill()


@pytest.mark.parametrize(  # every pair of language, width and colours
    ("lang", "width", "theme"),
    [("en", 1280, "light"), ("zh", 1280, "dark"), ("en", 390, "dark"), ("zh", 390, "light")],
)
def test_the_page_shows_what_the_api_says(
    browser: Browser, measured: Growing, lang: str, width: int, theme: str
) -> None:
    watched = Watched(browser, measured.url, width)
    page = watched.open(f"lang={lang}&theme={theme}&profile=p004&span=days3&second=soil_water&screen=all")
    page.wait_for_selector("#heat canvas")
    assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-Hans"}[lang]
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    known = measured.get("stations")
    variables, newest = known["variables"], measured.get("latest")["latest"]
    by_series = {row["series"]: row for row in newest}
    shown = [s for s in known["stations"][0]["series"] if s["profile"] in ("p004", "site")]
    written = values(page)
    assert set(written) == {series["series"] for series in shown}
    assert len(shown) > 20
    for series in shown:
        registry, found = variables[series["variable"]], by_series[series["series"]]
        text = written[series["series"]]
        if found["value"] is None:
            assert text == {"en": "no value", "zh": "无值"}[lang]
        else:
            assert shown_number(text) == pytest.approx(found["value"], abs=0.5001 * registry["resolution"])
    groups = page.eval_on_selector_all("#table .group th", "all => all.map(n => n.textContent)")
    for name in {series["variable"] for series in shown}:
        title = f"{variables[name]['name'][lang]} ({variables[name]['unit_text']})"
        assert title in [group.removesuffix(" *") for group in groups]
    column, series_top = (page.locator(f"#{name}").bounding_box() for name in ("column", "series"))
    assert column is not None
    assert series_top is not None
    assert column["y"] < series_top["y"]
    watched.shoot(f"all_{width}_{lang}_{theme}")
    assert grave(page) == []
    watched.close()


def test_every_variable_and_every_profile_can_be_shown(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    page = watched.open("lang=en&span=day")
    for profile in ("p003", "p004", "*"):
        page.select_option("#pick-profile", profile)
        names = page.eval_on_selector_all("#pick-variable option", "all => all.map(o => o.value)")
        assert {"co2", "soil_temperature", "soil_water", "air_pressure"} <= set(names)
        for name in names:
            page.select_option("#pick-variable", name)
            label = page.text_content(f"#pick-variable option[value='{name}']")
            page.wait_for_function(
                "([text]) => document.querySelector('#series figcaption')?.textContent.startsWith(text)",
                arg=[label],
            )
            page.wait_for_selector("#series canvas")
    assert page.locator("#heat, #heat-2").count() == 2
    watched.close()


def test_pointing_moves_time_and_depth_in_every_panel(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    page = watched.open("lang=en&profile=p004&span=days3&utc=1", "#heat canvas")
    heat = page.locator("#heat canvas").bounding_box()
    assert heat is not None
    before = page.text_content("#moment")
    panels = ["column", "curve"]
    drawn = [page.inner_html(f"#{panel} .plot") for panel in panels]
    page.mouse.move(heat["x"] + heat["width"] * 0.4, heat["y"] + heat["height"] * 0.8)
    page.wait_for_function("text => document.getElementById('moment').textContent !== text", arg=before)
    assert all(page.inner_html(f"#{p} .plot") != html for p, html in zip(panels, drawn, strict=True))
    spoken = {
        name: page.get_attribute(f"#{name} canvas", "aria-valuenow") for name in ("heat", "series", "second")
    }
    assert len(set(spoken.values())) == 1
    moment = int(spoken["heat"] or 0)

    # what the column says at that moment is the API's nearest value
    (api,) = measured.get(f"series?series=p004/d21/co2&from={moment - 900_000}&to={moment + 900_000}")[
        "series"
    ]
    said = page.text_content('#column [data-series="p004/d21/co2"] title') or ""
    assert shown_number(said.split(": ")[1]) == pytest.approx(api["v"][0], abs=0.5001)
    assert page.locator('#column .cell.on[data-series="p004/d21/co2"]').count() == 1
    page.mouse.move(5, 5)
    page.wait_for_function("text => document.getElementById('moment').textContent === text", arg=before)
    watched.close()


def test_keys_move_in_time_and_depth_and_zoom_all_panels(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    page = watched.open("lang=en&profile=p004&span=days3&utc=1", "#heat canvas")
    last = (START + 3 * DAY - HALF_HOUR) // 1000

    def span() -> list[tuple[int, int]]:
        return [
            (
                int(page.get_attribute(f"#{n} canvas", "aria-valuemin") or 0),
                int(page.get_attribute(f"#{n} canvas", "aria-valuemax") or 0),
            )
            for n in ("heat", "series", "second")
        ]  # fmt: skip

    page.focus("#heat canvas")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    now = last + HALF_HOUR // 1000 - 2 * HALF_HOUR // 1000
    page.wait_for_function(
        "t => document.querySelector('#series canvas').getAttribute('aria-valuenow') === String(t)", arg=now
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector('#column .cell.on[data-series="p004/d08/co2"]')
    whole = span()
    page.keyboard.press("+")
    page.wait_for_function(
        "was => Number(document.querySelector('#series canvas').getAttribute('aria-valuemin')) > was", arg=whole[1][0]
    )  # fmt: skip
    zoomed = span()
    assert len(set(zoomed)) == 1
    assert zoomed[0][1] - zoomed[0][0] == pytest.approx(0.8 * (whole[0][1] - whole[0][0]), abs=2)
    assert page.input_value("#pick-span") == "own"
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.getElementById('pick-span').value === 'days3'")
    assert "now" in (page.text_content("#moment") or "")
    watched.close()


def test_an_address_changed_by_hand_is_followed(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    page = watched.open("lang=en&screen=profile&span=days3&profile=p004", "#heat canvas")
    page.evaluate("() => { location.hash = '#lang=zh&screen=state&profile=p003&span=day'; }")
    page.wait_for_selector("#quality [data-series^='p003/']")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert page.locator("#heat").count() == 0
    watched.close()


def test_a_page_goes_on_after_its_server_was_killed_and_misses_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    served = Growing(tmp_path)
    served.write(START + DAY)
    served.start()
    try:
        watched = Watched(browser, served.url)
        page = watched.open("lang=en&profile=p004&span=day")
        linked = "text => document.getElementById('link').textContent.includes(text)"
        page.wait_for_function(linked, arg="live")
        served.write(served.until + HALF_HOUR)
        page.wait_for_function("() => window.brought.length > 0")
        served.kill()
        page.wait_for_function(linked, arg="no connection")
        page.click("#earlier")  # a question that nobody answers
        page.wait_for_function(
            "() => document.getElementById('notice').textContent.includes('its server does not answer')"
        )
        page.click("#back")
        served.write(served.until + 4 * HALF_HOUR)  # the station goes on without its page
        served.start()
        last_ms = (served.until - HALF_HOUR) // 1000
        page.wait_for_function("t => window.brought.some((row) => row.t === t)", arg=last_ms)
        page.wait_for_function(linked, arg="live")
        brought = page.evaluate("window.brought.filter(r => r.series === 'p004/d03/co2').map(r => r.t)")
        assert sorted(set(brought)) == [(START + DAY + n * HALF_HOUR) // 1000 for n in range(5)]
        (api,) = served.get(f"series?series=p004/d03/co2&from={last_ms}&points=10")["series"]
        page.wait_for_function(
            "v => { const row = document.querySelector('#table [data-series=\"p004/d03/co2\"]');"
            " return Math.abs(parseFloat(row.cells[1].textContent) - v) <= 0.51; }",
            arg=api["v"][-1],
        )
        watched.context.close()
        assert watched.elsewhere == []
    finally:
        served.kill()


def test_a_station_without_data_fills_when_its_first_values_come(browser: Browser, tmp_path: Path) -> None:
    served = Growing(tmp_path)
    served.write(START)
    served.start()
    try:
        watched = Watched(browser, served.url, 390, has_touch=True)
        watched.page.clock.set_system_time("2001-01-01T00:00:00Z")  # the phone's clock is wrong
        page = watched.open("lang=zh&theme=light&utc=1")
        assert "尚无数据" in (page.text_content("#series") or "")
        page.wait_for_function("() => document.getElementById('link').textContent.includes('实时')")
        served.write(START + DAY // 2)
        page.wait_for_selector("#heat canvas")
        page.wait_for_selector("#series canvas")
        page.wait_for_function(  # the station's clock, not the phone's
            "() => document.getElementById('moment').textContent === '当前 2022-06-01 12:00 · UTC'"
        )
        assert "30 分" in (page.text_content('#table [data-series="p004/d21/co2"]') or "")
        heat = page.locator("#heat canvas")
        heat.scroll_into_view_if_needed()
        box = heat.bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.5)
        page.wait_for_function("() => document.getElementById('moment').textContent.startsWith('于')")
        page.wait_for_selector("#column .cell.on")
        watched.close()
    finally:
        served.kill()


def test_colour_maps_run_evenly_from_dark_to_light_or_back(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    page = watched.open("lang=en")
    tables = page.evaluate(
        "async () => { const { colourTable } = await import('./static/scales.js');"
        " return ['co2', 'soil_temperature', 'soil_water', 'ec25'].map(colourTable); }"
    )

    def linear(byte: int) -> float:
        x = byte / 255
        return float(x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4)

    for table in tables:
        # CIE L* from the luminance of sRGB (IEC 61966-2-1)
        luminance = [0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) for r, g, b in table]
        light = [116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y for y in luminance]
        if light[0] > light[-1]:
            light.reverse()
        steps = [b - a for a, b in pairwise(light)]
        assert light[-1] - light[0] > 50
        assert min(steps) > -0.5  # eight-bit colours
        # no quarter of the map takes more than 40 % of the way
        assert max(light[k + 64] - light[k] for k in (0, 64, 128, 191)) < 0.4 * (light[-1] - light[0])
    watched.close()


def test_a_month_of_live_values_does_not_pile_up(browser: Browser, measured: Growing) -> None:
    watched = Watched(browser, measured.url)
    # a stream that the test speaks through: only so a month passes in a second
    watched.page.add_init_script(
        "window.EventSource = class extends EventTarget"
        " { constructor() { super(); window.stream = this; } close() {} };"
    )
    page = watched.open("lang=en&profile=p004&span=day", "#heat canvas")
    page.wait_for_function("() => window.stream")
    kept = page.evaluate(
        """async ([start, step]) => {
          const { store } = await import("./static/store.js");
          for (let k = 0; k < 30 * 48; k++) {
            const t = start + k * step;
            const rows = ["p004/d03/co2", "p004/d08/co2", "p004/d21/co2"].map(
              (series) => ({ series, t, v: 800, f: 1, tests: "" }));
            const event = new Event("observations");
            event.data = JSON.stringify({ now_ms: t + step, rows });
            window.stream.dispatchEvent(event);
          }
          const data = [...store.data.values()].map((s) => s.t.length);
          const raster = [...store.rasters.values()].flatMap((r) => r.rows.map((row) => row.v.length));
          return [Math.max(...data), Math.max(...raster), store.newest.get("p004/d03/co2").t];
        }""",
        [measured.until // 1000, HALF_HOUR // 1000],
    )
    # two days are kept: the span and the day before it, which the differences need
    assert kept[0] <= 2 * 48 + 2
    assert kept[1] <= 2 * 48 + 60
    assert kept[2] == measured.until // 1000 + (30 * 48 - 1) * HALF_HOUR // 1000
    watched.close()
