"""A variable of a station's own on the page: its panel, its name and its unit, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from tests.dashboards.live.browsing import Served, Watched, values
from tests.dashboards.live.small import MINUTE, START, small_station

pytestmark = pytest.mark.timeout(300)

RADON = """
[[variable]]
id = "radon"
name = { en = "radon in soil air", zh = "土壤气氡浓度" }
symbol = "Rn"
unit = "Bq/m3"
unit_text = "Bq m⁻³"
lower = 0
upper = 2e6
resolution = 10
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("own")
    path = small_station(folder, more=RADON).path
    assert path is not None
    path.write_text(
        path.read_text(encoding="utf-8").replace('"soil_temperature"', '"radon"'), encoding="utf-8"
    )
    now = START + 60 * MINUTE
    (folder / "clock").write_bytes(now.to_bytes(8, "little"))
    with Writer.open(load_station(path), now_us=lambda: now) as writer:
        writer.commit(
            [
                Sample("N1", "radon", at, 1000.0 + 10 * n, "", None, at, at, "boot", "air")
                for n, at in enumerate(range(START, now, MINUTE))
            ]
        )
    made = Served([path], folder / "clock")
    made.start()
    yield made
    made.kill()


@pytest.mark.parametrize(("lang", "name"), [("en", "radon in soil air"), ("zh", "土壤气氡浓度")])
def test_it_has_a_panel_with_its_name_and_unit(
    browser: Browser, served: Served, lang: str, name: str
) -> None:
    watched = Watched(browser, served.url)
    page = watched.open(f"lang={lang}&span=day")
    assert f"{name} (Bq m⁻³)" in (page.text_content("#series") or "")
    assert "1590 Bq m⁻³" in (page.text_content("#column") or "")
    assert name in (page.text_content("#table") or "")
    assert values(page) == {"p1/d1/radon": "1590"}
    watched.close()


def test_a_number_that_is_withheld_is_no_trouble(browser: Browser, served: Served) -> None:
    watched = Watched(browser, served.url)
    page = watched.open("lang=en&span=day")
    ranks = page.evaluate(
        """async () => {
          const { store, condition } = await import("./static/store.js");
          const [series] = store.station.series;
          const of = (tests) => {
            store.newest.set(series.series, { t: store.now, value: null, flag: 9, tests });
            return condition(series);
          };
          const found = ["soil_too_dry", "ec_too_small", "missing"].map(of);
          return found.map(({ rank, word }) => [rank > 1, word]);
        }"""
    )
    assert ranks == [[False, "withheld"], [False, "withheld"], [True, "novalue"]]
    watched.close()
