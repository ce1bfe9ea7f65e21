"""Colours between probes, where they are asked for: what is drawn, what is not, and that it is told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from math import log
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.dashboards.live.browsing import Served, Watched, grave
from tests.dashboards.live.odd_stations import DAY, HALF_HOUR, NOW, START, troubled

pytestmark = pytest.mark.timeout(300)

VIEW = "station=troubled&lang=en&theme=light&span=days3"
EARLY = START + 2 * HALF_HOUR
"""Probes at 2, 8, 15 and 20 cm answer and are usable; the one at 30 cm never is."""
LATE = NOW - 8 * HALF_HOUR
"""The probe at 8 cm is silent, the one at 15 cm stuck."""
SCREEN = """
title = { en = "Between", zh = "探头之间" }
panels = ["column", "curve", "heat", "series"]
variable = "co2"
span = "days3"
log = true
interpolate = true
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("between")
    station = troubled(folder)
    assert station.path is not None
    (folder / "screens").mkdir()
    (folder / "screens" / "between.toml").write_text(SCREEN, encoding="utf-8")
    clock = folder / "clock"
    clock.write_bytes(NOW.to_bytes(8, "little"))
    served = Served([station.path], clock, ["--screens", str(folder / "screens")])
    served.start()
    yield served
    served.kill()


def pixel(page: Page, time_us: int, depth_m: float) -> list[int]:
    """Red, green, blue and opacity of the heat map at a moment and a depth."""
    found: list[int] = page.evaluate(
        """async ([t, d]) => {
          const { drawn } = await import("./static/pointer.js");
          const { node, x, y } = drawn.heat;
          const one = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          one.drawImage(node, -Math.round(x(t)), -Math.round(y(d)));
          return [...one.getImageData(0, 0, 1, 1).data];
        }""",
        [time_us / 1000 + 900_000, depth_m],  # the middle of a cell of half an hour
    )
    return found


def colours(page: Page) -> list[list[int]]:
    """The map of colours, from the least value to the greatest."""
    found: list[list[int]] = page.evaluate(
        "async () => (await import('./static/scales.js')).colourTable('co2')"
    )
    return found


def measured(served: Served, time_us: int) -> tuple[dict[str, float], float, float]:
    """Values of a moment by position, and the least and the greatest usable one of the span."""
    names = ",".join(f"p1/d{mm}/co2" for mm in (20, 80, 150, 200))
    answer = served.get(f"series?series={names}&from={START // 1000}&to={NOW // 1000}&points=5000")
    at: dict[str, float] = {}
    every: list[float] = []
    for one in answer["series"]:
        for t, v, f in zip(one["t"], one["v"], one["f"], strict=True):
            if v is not None and f <= 2:
                every.append(v)
                if t == time_us // 1000:
                    at[one["series"].split("/")[1]] = v
    return at, min(every), max(every)


def pixels_of(page: Page, image: bytes, tint: list[int]) -> int:
    """How many pixels of a picture have a colour."""
    found: int = page.evaluate(
        """async ([text, tint]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
          const sheet = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
          sheet.drawImage(image, 0, 0);
          const { data } = sheet.getImageData(0, 0, image.width, image.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) count += tint.every((v, j) => Math.abs(data[i + j] - v) <= 6);
          return count;
        }""",
        [base64.b64encode(image).decode(), tint],
    )
    return found


def near(found: list[int], expected: list[int]) -> bool:
    return found[3] == 255 and all(abs(a - b) <= 6 for a, b in zip(found[:3], expected, strict=True))


@pytest.mark.parametrize("scale", ["0", "1"], ids=["linear", "log"])
def test_between_two_usable_probes_the_value_runs_straight(
    browser: Browser, served: Served, scale: str
) -> None:
    watched = Watched(browser, served.url)
    page = watched.open(f"{VIEW}&screen=profile&interpolate=1&log={scale}", "#heat canvas")
    at, low, high = measured(served, EARLY)
    for above, below, depth in (("d20", "d80", 0.05), ("d150", "d200", 0.175), ("d150", "d200", 0.19)):
        a, b = (float(name[1:]) / 1000 for name in (above, below))
        value = at[above] + (at[below] - at[above]) * (depth - a) / (b - a)  # by hand: straight in the value
        share = (
            (log(value) - log(low)) / (log(high) - log(low)) if scale == "1" else (value - low) / (high - low)
        )
        assert near(pixel(page, EARLY, depth), colours(page)[round(share * 255)]), (above, depth)
    watched.shoot(f"between_{scale}")
    watched.close()


def test_nothing_is_drawn_where_there_is_nothing_to_draw_from(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    for view in ("", "&flagged=1"):  # flagged values may be seen, but are never drawn from
        page = watched.open(f"{VIEW}&screen=profile&interpolate=1{view}", "#heat canvas")
        gap = page.evaluate(
            """async () => {
              const { store } = await import("./static/store.js");
              const [raster] = store.rasters.values();
              const { v } = raster.rows[0];
              const first = v.findIndex((w) => w !== null);
              return raster.t0 + v.indexOf(null, first) * raster.step;
            }"""
        )
        empty = {
            "above the first": (EARLY, 0.01), "below the last": (EARLY, 0.22),
            "beside one without a value": (EARLY, 0.26),
            "beside a silent one": (LATE, 0.05), "past a silent one": (LATE, 0.11),
            "beside a stuck one": (LATE, 0.175), "in a gap": (gap * 1000, 0.05),
        }  # fmt: skip
        for why, (time_us, depth) in empty.items():
            assert pixel(page, time_us, depth)[3] == 0, why
        assert pixel(page, LATE, 0.02)[3] == 255  # what was measured stands
        page.goto("about:blank")
    watched.close()


def test_it_is_off_until_it_is_switched_on_and_then_told(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    page = watched.open(f"{VIEW}&screen=profile", "#heat canvas")
    at, low, high = measured(served, EARLY)
    band = colours(page)[round((at["d200"] - low) / (high - low) * 255)]
    assert near(pixel(page, EARLY, 0.19), band)  # the probe's own band
    words = "Between probes: interpolated, not measured"
    assert words not in (
        page.inner_html("#column") + (page.get_attribute("#heat canvas", "aria-label") or "")
    )
    page.focus("#interpolate")
    page.keyboard.press("Space")
    page.wait_for_selector("#interpolate[aria-pressed=true]:focus")
    page.wait_for_function(
        "words => document.querySelector('#heat canvas').getAttribute('aria-label').includes(words)",
        arg=words,
    )
    assert words in (page.text_content("#column svg") or "")
    assert words in (page.get_attribute("#column svg", "aria-label") or "")
    assert not near(pixel(page, EARLY, 0.19), band)
    said = page.evaluate(  # the words stand in the picture too
        """async () => {
          const { SIZE } = await import("./static/draw.js");
          const node = document.querySelector("#heat canvas");
          const { data } = node.getContext("2d").getImageData(SIZE.left, SIZE.top - 16, 200, 12);
          return data.filter((v, i) => i % 4 === 3 && v > 0).length;
        }"""
    )
    assert said > 300
    assert page.locator("#column .between").count() == 0  # now only the probe at 2 cm is usable
    assert page.locator("#column .measured").count() == 1
    # pointing stays with what a probe measured
    heat = page.locator("#heat canvas").bounding_box()
    assert heat is not None
    page.mouse.move(heat["x"] + 60, heat["y"] + heat["height"] * 0.5)
    page.wait_for_selector("#column .cell.on")
    assert page.locator("#column .between").count() > 0
    assert page.evaluate("async () => (await import('./static/state.js')).state.depth") in (0.15, 0.2)
    assert grave(page) == []
    page.click("#language")
    page.wait_for_function(
        "() => document.querySelector('#column svg').textContent.includes('探头之间为线性插值，非实测值')"
    )
    watched.close()


def test_a_screen_and_a_link_carry_it_and_only_measured_values_are_taken_away(
    browser: Browser, served: Served
) -> None:
    watched = Watched(browser, served.url, permissions=["clipboard-read", "clipboard-write"])
    page = watched.open("station=troubled&lang=en&theme=light&screen=between", "#heat canvas")
    assert page.get_attribute("#interpolate", "aria-pressed") == "true"
    page.click("#log-scale")  # to linear

    def taken(button: str) -> Path:
        with page.expect_download() as found:
            page.click(button)
        return Path(found.value.path())

    def link() -> str:
        page.click("#copy")
        page.wait_for_function("() => document.querySelector('.told').textContent === 'link copied'")
        found: str = page.evaluate("navigator.clipboard.readText()")
        return found.split("#", 1)[1]

    at, low, high = measured(served, EARLY)
    between = (at["d150"] + at["d200"]) / 2  # no probe ever measured such a value
    tint = colours(page)[round((between - low) / (high - low) * 255)]
    tables, tints, links = [], [], []
    for on in (True, False):
        if not on:
            page.click("#interpolate")
            page.wait_for_selector("#interpolate[aria-pressed=false]")
        page.click("#more-summary")
        tables.append(taken("#csv").read_bytes())
        tints.append(pixels_of(page, taken("#png").read_bytes(), tint))
        links.append(link())
    assert tables[0] == tables[1]
    assert len(tables[0].splitlines()) > 3 * DAY // HALF_HOUR
    assert tints[0] > 4 * tints[1]  # without it the legend alone has that colour
    for address, pressed in zip(links, ("true", "false"), strict=True):
        again = Watched(browser, served.url)
        other = again.open(address, "#heat canvas")
        assert other.get_attribute("#interpolate", "aria-pressed") == pressed
        assert (
            other.get_attribute("#log-scale", "aria-pressed") == "false"
        )  # though the screen begins with it
        again.close()
    watched.close()


def test_lines_between_values_keep_to_depth_surface_and_what_is_there(
    browser: Browser, served: Served
) -> None:
    watched = Watched(browser, served.url)
    page = watched.open(VIEW)
    found = page.evaluate(
        """async () => {
          const { inside, levels, neighbours } = await import("./static/model.js");
          const points = [[0.2, 900], [-0.1, 400], [0.05, 500], [0.05, 600], [0.1, null], [0.4, 1700]];
          const all = levels(points.map(([d, v]) => ({ d, v })));
          return [all, neighbours(all).map(([a, b]) => [a.d, b.d]), inside([all[3], all[4]], 0.25)];
        }"""
    )
    by_hand = [(-0.1, 400), (0.05, 550), (0.1, None), (0.2, 900), (0.4, 1700)]  # 550: the mean of two probes
    assert [(level["d"], level["v"]) for level in found[0]] == by_hand
    assert found[1] == [[0.2, 0.4]]  # neither through the surface nor past the probe at 10 cm
    assert found[2] == pytest.approx(1100)  # 900 + 800 / 4
    watched.close()
