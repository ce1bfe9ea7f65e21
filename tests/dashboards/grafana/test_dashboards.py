"""Dashboards pass Grafana's own schemas and our checks, whatever the station is called; the same bytes twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soilco2.dashboards.errors import GrafanaError
from soilco2.dashboards.grafana.dashboards import dashboards
from soilco2.dashboards.grafana.influxql import name, text
from soilco2.dashboards.grafana.inventory import Inventory, depth_text, span, uid
from soilco2.dashboards.grafana.model import Dashboard
from soilco2.dashboards.grafana.provision import all_dashboards
from soilco2.station_config.loader import Station
from soilco2.station_config.variables import VARIABLES
from tests.dashboards.grafana.checks import faults
from tests.dashboards.grafana.filled import panels
from tests.dashboards.grafana.schemas import schema, units, validator
from tests.dashboards.grafana.stations import DATABASE, NASTY, hostile, sjer

SCHEMA_OF = {"state-timeline": "statetimeline"}


def complaints(board: dict[str, Any]) -> list[str]:
    """What Grafana's schemas say against a dashboard and the options of its panels."""
    found = [error.message for error in validator("dashboard", "Dashboard").iter_errors(board)]
    for panel in panels(board):
        kind = SCHEMA_OF.get(panel["type"], panel["type"])
        found += [error.message for error in validator(kind, "Options").iter_errors(panel["options"])]
        if "FieldConfig" in schema(kind)["definitions"]:
            custom = panel["fieldConfig"]["defaults"]["custom"]
            found += [error.message for error in validator(kind, "FieldConfig").iter_errors(custom)]
    return found


@pytest.fixture(params=["sjer", "hostile"])
def station(request: pytest.FixtureRequest, tmp_path: Path) -> Station:
    return {"sjer": sjer, "hostile": hostile}[request.param](tmp_path)


def every(station: Station) -> list[Dashboard]:
    return [board for _, board in all_dashboards([station], ("en", "zh"), "soilco2")]


def test_every_dashboard_passes_grafanas_schemas(station: Station) -> None:
    for board in every(station):
        assert complaints(json.loads(board.text)) == [], board.uid


@pytest.mark.parametrize("folder", ["", "no schema is here"])
def test_without_the_schemas_a_test_says_how_to_get_them(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOILCO2_GRAFANA_SCHEMAS", folder and str(tmp_path / folder))
    monkeypatch.delenv("SOILCO2_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"grafana-foundation-sdk.* SOILCO2_GRAFANA_SCHEMAS"):
        schema("dashboard")
    monkeypatch.setenv("SOILCO2_REQUIRE", "all")
    with pytest.raises(pytest.fail.Exception, match=r"grafana-foundation-sdk.* SOILCO2_GRAFANA_SCHEMAS"):
        schema("dashboard")


def test_the_schemas_refuse_what_is_wrong(tmp_path: Path) -> None:
    board = json.loads(dashboards(Inventory(sjer(tmp_path)), "en", "s")[0].text)
    next(panels(board))["options"]["graphMode"] = "fireworks"
    board["colour"] = "blue"
    assert len(complaints(board)) == 2


def test_every_dashboard_passes_our_own_checks(station: Station) -> None:
    found = every(station)
    for board in found:
        assert faults(json.loads(board.text), units()) == [], board.uid
    assert len({board.uid for board in found}) == len(found) == 10
    assert len({board.title for board in found}) == len(found)
    for board in found:
        for link in board.links:
            assert any(set(link.tags) <= set(other.tags) for other in found), link


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p["gridPos"].update(x=3), "overlap"),
        (lambda p: p["gridPos"].update(x=21), "leaves the grid"),
        (lambda p: p.update(id=1), "two panels have one id"),
        (lambda p: p.update(type="piechart"), "unknown kind"),
        (lambda p: p["fieldConfig"]["defaults"].update(unit="furlong"), "unknown unit"),
        (
            lambda p: p["targets"][0].update(query='SELECT "co2" FROM "soil" WHERE "station" = \'a\''),
            "co2_flag",
        ),
        (
            lambda p: p["targets"][0].update(query='SELECT "co3" FROM "soil" WHERE "station" = \'a\''),
            "no co3",
        ),
        (lambda p: p["targets"][0].update(query='SELECT last("errors") FROM "soil_health"'), "every station"),
        (lambda p: p["targets"][0].update(query="SELECT 1 FROM ${nothing:raw}"), "unknown variable"),
    ],
)
def test_our_checks_find_what_is_wrong(change: Any, said: str, tmp_path: Path) -> None:
    board = json.loads(dashboards(Inventory(sjer(tmp_path)), "en", "s")[0].text)
    change(list(panels(board))[1])
    assert any(said in fault for fault in faults(board, units())), faults(board, units())


def test_both_languages_ask_the_same_and_differ_in_words(tmp_path: Path) -> None:
    inventory = Inventory(sjer(tmp_path))
    for english, chinese in zip(
        dashboards(inventory, "en", "s"), dashboards(inventory, "zh", "s"), strict=True
    ):
        one, other = (list(panels(json.loads(board.text))) for board in (english, chinese))
        assert [[t["query"] for t in p["targets"]] for p in one] == [
            [t["query"] for t in p["targets"]] for p in other
        ]
        assert not {p["title"] for p in one} & {p["title"] for p in other}
        assert re.search(r"[\u4e00-\u9fff]", chinese.title)
        assert all(re.search(r"[\u4e00-\u9fff]", p["title"]) for p in other)


def test_the_same_file_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    sjer(tmp_path)
    seen = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        subprocess.run(
            [sys.executable, "-m", "soilco2", "dashboard", "provision", str(out), str(tmp_path / "sjer.toml")],
            env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True,
        )  # fmt: skip
        seen.append({p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()})
    assert seen[0] == seen[1]
    assert len(seen[0]) == 13


def test_units_limits_and_colours_come_from_the_registry(tmp_path: Path) -> None:
    """Expected names: Grafana's list of units; decimals: the resolutions in the registry, by hand."""
    _, profile, *_ = dashboards(Inventory(sjer(tmp_path)), "en", "s")
    shown = {row.title: row.panels for row in profile.rows}
    raster, column, lines = shown["CO₂ mole fraction"]
    assert {raster.unit, column.unit, lines.unit} == {"ppm"}
    assert (column.decimals, raster.kind, column.kind) == (0, "heatmap", "stat")
    assert shown["Soil temperature"][0].unit == "celsius"
    assert shown["Volumetric water content"][1].unit == "suffix: m³/m³"
    assert shown["Volumetric water content"][1].decimals == 3
    # frost and zero are shown, the surface is on top
    assert shown["Soil temperature"][0].options["filterValues"]["le"] < VARIABLES["soil_temperature"].lower
    assert raster.options["yAxis"]["reverse"] is True
    assert [query.alias for query in raster.queries] == ["0.03 m", "0.08 m", "0.09 m", "0.20 m", "0.21 m"]


def test_modelled_numbers_have_a_star_and_say_how_they_were_made(tmp_path: Path) -> None:
    """The demonstration's conductivity is modelled: its station file says so, with the paper."""
    english, chinese = (dashboards(Inventory(sjer(tmp_path)), language, "s") for language in ("en", "zh"))
    for found, beginning in ((english, "Not measured but modelled: "), (chinese, "非实测，为模拟值：")):
        for board in found:
            for panel in panels(board.json()):
                asked = " ".join(target["query"] for target in panel["targets"])
                assert ("*" in panel["title"]) is bool(re.search(r'"(bulk_ec|ec25|salinity)', asked)), panel[
                    "title"
                ]
                if re.search(r'(mean|last)\("(bulk_ec|ec25|salinity)', asked):
                    assert panel["description"].startswith(beginning)
                    assert "10.1029/91WR01095" in panel["description"]
                    assert "&amp;" in panel["description"]  # Mualem & Friedman, safe as markup


def test_limits_of_the_site_are_dashed_lines(tmp_path: Path) -> None:
    more = """
[[quality.limits]]
variable = "co2"
lower = 300
suspect_upper = 9000
upper = 20000
[[quality.limits]]
variable = "co2"
position = "p004/d08"
upper = 5000
"""
    board = dashboards(Inventory(sjer(tmp_path, DATABASE + more)), "en", "s")[0]
    shown = {p["title"]: p["fieldConfig"]["defaults"] for p in panels(board.json())}
    assert shown["CO₂ mole fraction"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert [(step["value"], step["color"]) for step in shown["CO₂ mole fraction"]["thresholds"]["steps"]] == [
        (None, "text"), (300, "#D55E00"), (9000, "#E69F00"), (20000, "#D55E00"),
    ]  # fmt: skip
    assert "thresholdsStyle" not in shown["Soil temperature"]["custom"]
    assert complaints(board.json()) == []


def test_depths_follow_the_surface_and_replicates_have_their_letter(tmp_path: Path) -> None:
    """The hand-made station: 5 cm steps from 0.3 m above ground, 1.5 cm of sand on top, two probes at 0.1 m."""
    inventory = Inventory(hostile(tmp_path))
    labels = [level.label for level in inventory.levels(VARIABLES["co2"])]
    assert labels[:3] == ["-0.285 m", "-0.235 m", "-0.185 m"]
    assert labels[8:10] == ["0.115 m A", "0.115 m B"]
    assert len(labels) == 13
    assert all(len(level.spots) == 2 for level in inventory.levels(VARIABLES["co2"]))
    assert inventory.longest_s(VARIABLES["co2"]) == 600


def test_hostile_names_stand_where_grafana_shows_text_and_nowhere_else(tmp_path: Path) -> None:
    station = hostile(tmp_path)
    for board in every(station):
        found = json.loads(board.text)
        free = {"title": found.pop("title"), "templating": found.pop("templating")}
        assert "alert(1)" not in json.dumps(found)
        assert "DROP" not in json.dumps(found)
        assert len(free["title"]) < 190  # Grafana's column
        assert "\u2028" not in json.dumps(free, ensure_ascii=False)
    english = dashboards(Inventory(station), "en", "s")[1]
    (profile,) = [v for v in english.json()["templating"]["list"] if v["name"] == "profile"]
    assert [option["value"] for option in profile["options"]] == ["p.1", "P-2"]
    # Grafana splits the list at commas that have no backslash, and each entry at the last " : "
    parts = [part.replace("\\,", ",").strip() for part in re.findall(r"(?:\\,|[^,])+", profile["query"])]
    assert [re.fullmatch(r"(.+)\s:\s(.+)", part).groups() for part in parts] == [  # type: ignore[union-attr]
        (option["text"], option["value"]) for option in profile["options"]
    ]
    assert profile["options"][0]["text"].startswith(NASTY[:40])


def test_ids_of_dashboards_are_grafanas_and_never_the_same() -> None:
    long = ["a" * 64, "a" * 63 + "b", "x.y", "x-y", "x..y"]
    made = [uid("soilco2", one, kind, "en") for one in long for kind in ("station", "profile")]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", one) for one in made)


def test_quoting() -> None:
    assert text("a'b\\") == "'a\\'b\\\\'"
    assert name('a"b') == '"a\\"b"'
    with pytest.raises(GrafanaError, match="control character"):
        text("a\nb")


@pytest.mark.parametrize(
    ("depth", "written"),
    [(0.1, "0.10 m"), (0.0625, "0.0625 m"), (1, "1.00 m"), (-2.0, "-2.00 m"), (0.0, "0.00 m")],
)
def test_depths_are_written_with_the_decimals_they_have(depth: float, written: str) -> None:
    assert depth_text(depth) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(1800, "30m"), (60, "1m"), (90, "90s"), (3600, "1h"), (86400, "1d")]
)
def test_lengths_of_time(seconds: float, written: str) -> None:
    assert span(seconds) == written


def test_a_station_of_nothing_but_a_barometer_has_no_profile(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    whole = sjer(tmp_path).path
    assert whole is not None
    table = whole.read_text(encoding="utf-8")
    head = table[: table.index("[[profile]]")]
    baro = re.search(r'\[\[instrument\]\]\nid = "baro".*?\n\n', table, re.DOTALL)
    assert baro is not None
    from soilco2.station_config.loader import load_station

    path.write_text(head + baro[0] + DATABASE, encoding="utf-8")
    found = dashboards(Inventory(load_station(path)), "en", "s")
    assert [board.uid for board in found] == [
        "soilco2-sjer-station-en",
        "soilco2-sjer-quality-en",
        "soilco2-sjer-flux-en",
    ]
    for board in found:
        assert complaints(json.loads(board.text)) == []
