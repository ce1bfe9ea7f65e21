"""What every panel asks a real InfluxDB, and that the answer is what the journal holds."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import urllib3

from soilco2.dashboards.grafana.inventory import Inventory
from soilco2.dashboards.grafana.provision import all_dashboards
from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.journal.reader import JournalReader
from tests.dashboards.grafana.filled import (
    BAD,
    DAY,
    END,
    HALF_HOUR,
    HOSTILE,
    POISON,
    START,
    SUSPECT,
    Asker,
    Filled,
    panels,
    rendered,
    values,
)

pytestmark = pytest.mark.influx

MARK = {"bulk_ec": " *", "ec25": " *", "salinity": " *"}
"""Conductivity of the demonstration is modelled, and what is computed from it."""
Panels = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def known(filled: Filled) -> Panels:
    """Panels by kind of dashboard and title, in English."""
    found = {}
    for _, board in all_dashboards([filled.station], ["en"], "soilco2"):
        kind = board.uid.removesuffix("-en").rsplit("-", 1)[-1]
        for panel in panels(board.json()):
            found[kind, panel["title"]] = panel
    return found


def ask(
    asker: Asker, panel: dict[str, Any], interval: str = "", **names: str
) -> dict[str, list[dict[str, Any]]]:
    """What each query of a panel finds, by its alias."""
    variables = {"station": "sjer", "profile": "p004", "position": "d08"} | names
    step = interval or panel.get("interval", "5m")
    return {t["alias"]: asker.panel(t["query"], step, **variables) for t in panel["targets"]}


def everything(found: dict[str, list[dict[str, Any]]]) -> list[Any]:
    """Every cell but the times."""
    return [cell for series in found.values() for one in series for row in one["values"] for cell in row[1:]]


@pytest.mark.parametrize("profile", ["p003", "p004"])
def test_every_panel_shows_something_and_nothing_of_other_stations(
    filled: Filled, asker: Asker, known: Panels, profile: str
) -> None:
    positions = {key.position for key in filled.observations if key.profile == profile}
    for (kind, title), panel in known.items():
        found = ask(asker, panel, profile=profile, position="d08" if profile == "p004" else "d09")
        for position in sorted(positions) if "chosen position" in title else ():
            if any(cell is not None for cell in everything(found)):
                break
            found = ask(asker, panel, profile=profile, position=position)
        cells = everything(found)
        assert any(cell is not None for cell in cells), (kind, title)
        assert POISON not in cells, (kind, title)


def test_hostile_choices_find_themselves_or_nothing(asker: Asker, known: Panels) -> None:
    names = {"station": HOSTILE.station, "profile": HOSTILE.profile, "position": HOSTILE.position}
    for (kind, title), panel in known.items():
        cells = everything(ask(asker, panel, **names))
        if (kind, title) == ("quality", "CO₂ mole fraction at the chosen position"):
            assert set(cells) == {POISON}
        else:
            assert cells == [], (kind, title)


def _each_level(filled: Filled, profile: str) -> list[tuple[str, str, str, str]]:
    """Variable, its name, depth and position of what a profile measures."""
    inventory = Inventory(filled.station)
    return [
        (row.id, row.name_en[0].upper() + row.name_en[1:] + MARK.get(row.id, ""), level.label, spot.position)
        for row in inventory.at_depth
        for level in inventory.levels(row)
        for spot in level.spots
        if spot.profile == profile
    ]


@pytest.mark.parametrize("profile", ["p003", "p004"])
def test_profile_by_depth_is_what_the_journal_holds(
    filled: Filled, asker: Asker, known: Panels, profile: str
) -> None:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    checked = set()
    for variable, title, label, position in _each_level(filled, profile):
        good = filled.good(profile, position, variable)
        raster, newest = f"{title}: depth × time", f"{title}: newest by depth"
        for panel, expected in ((raster, good), (title, good), (newest, good[-1:])):
            if panel not in found:
                found[panel] = ask(asker, known["profile", panel], profile=profile)
            assert values(found[panel][label]) == expected, (panel, label)
        checked.add(SeriesKey("sjer", profile, position, variable))
    assert checked == {key for key in filled.observations if key.profile == profile}


def test_longer_steps_show_the_mean_of_what_may_be_shown(filled: Filled, asker: Asker, known: Panels) -> None:
    """Means by hand, over two hours; the flagged stretches are left out of them."""
    found = ask(asker, known["profile", "CO₂ mole fraction: depth × time"], "2h")
    for label, position in (("0.08 m", "d08"), ("0.21 m", "d21")):
        steps: dict[int, list[float]] = {}
        for time_us, value in filled.good("p004", position, "co2"):
            steps.setdefault(time_us // (4 * HALF_HOUR), []).append(value)
        shown = values(found[label])
        assert [t // (4 * HALF_HOUR) for t, _ in shown] == sorted(steps)
        for time_us, mean in shown:
            expected = math.fsum(steps[time_us // (4 * HALF_HOUR)]) / len(steps[time_us // (4 * HALF_HOUR)])
            assert math.isclose(mean, expected, rel_tol=1e-12)


def test_flagged_values_are_hidden_and_can_be_looked_at(filled: Filled, asker: Asker, known: Panels) -> None:
    panel = known["quality", "CO₂ mole fraction at the chosen position"]
    for (key, from_us, until_us), flag in ((SUSPECT, Flag.SUSPECT), (BAD, Flag.BAD)):
        rows = filled.observations[key]
        assert {row.flag for row in rows if from_us <= row.time_us < until_us} == {flag}
        found = ask(asker, panel, position=key.position)
        assert not [t for t, _ in values(found["value"]) if from_us <= t < until_us]
        doubtful = [(row.time_us, row.value) for row in rows if row.flag in (Flag.SUSPECT, Flag.BAD)]
        assert values(found["flagged suspect or bad"]) == doubtful
        raw = [(row.time_us, row.raw) for row in rows if row.flag <= Flag.NOT_EVALUATED]
        assert values(found["before correction and calibration"]) == raw


def test_flags_in_time_are_the_journals(filled: Filled, asker: Asker, known: Panels) -> None:
    found = ask(asker, known["quality", "CO₂ mole fraction: worst flag"])
    for label, position in (("0.08 m", "d08"), ("0.21 m", "d21"), ("0.03 m", "d03")):
        rows = filled.observations[SeriesKey("sjer", "p004", position, "co2")]
        assert values(found[label]) == [(row.time_us, int(row.flag)) for row in rows]
    pressure = filled.observations[SeriesKey("sjer", "site", "", "air_pressure")]
    found = ask(asker, known["quality", "Without depth: worst flag"])
    assert values(found["Air pressure"]) == [(row.time_us, int(row.flag)) for row in pressure]


def test_usable_values_are_counted_against_the_interval(filled: Filled, asker: Asker, known: Panels) -> None:
    """A probe of half an hour should give 48 values a day."""
    found = ask(asker, known["quality", "CO₂ mole fraction: usable of expected per day"])
    for label, position in (("0.08 m", "d08"), ("0.21 m", "d21"), ("0.03 m", "d03")):
        good = [t for t, _ in filled.good("p004", position, "co2")]
        expected = [100 * sum(day <= t < day + DAY for t in good) / 48 for day in (START, START + DAY)]
        assert [round(share, 9) for _, share in values(found[label])] == [
            round(share, 9) for share in expected
        ]
    assert min(share for _, share in values(found["0.21 m"])) < 95


def test_site_variables_are_what_the_journal_holds(filled: Filled, asker: Asker, known: Panels) -> None:
    for kind in ("station", "flux"):
        found = ask(asker, known[kind, "Air pressure"])
        assert values(found["Air pressure"]) == filled.good("site", "", "air_pressure")


@pytest.mark.parametrize("profile", ["p003", "p004"])
def test_fluxes_have_their_limits_and_refusals_are_seen(
    filled: Filled, asker: Asker, known: Panels, profile: str
) -> None:
    rows = sorted(filled.fluxes[SeriesKey("sjer", profile, "", "co2_flux")])
    found = ask(asker, known["flux", "CO₂ flux at the surface, with its interval"], profile=profile)
    assert len(found) == 3
    for (alias, series), column in zip(found.items(), (1, 2, 3), strict=True):
        assert values(series) == [(row[0], row[column]) for row in rows if row[1] is not None], alias
        assert series[0]["tags"]["method"].startswith("two_layers;")
    answered = ask(asker, known["flux", "Answered or refused"], profile=profile)["$tag_method"]
    assert values(answered) == [(row[0], 9 if row[1] is None else 1) for row in rows]


def test_what_happened_is_marked(filled: Filled, asker: Asker) -> None:
    with JournalReader(filled.station.journal_path) as reader:
        happened = {(e.time_us // 1000, e.text, e.subject, e.kind) for e in reader.events()}
    assert {"flag", "config"} <= {kind for *_, kind in happened}
    for name, board in all_dashboards([filled.station], ["en"], "soilco2"):
        people, marks = board.json()["annotations"]["list"]
        assert people["builtIn"] == 1
        asked = rendered(marks["target"]["query"], START, END + HALF_HOUR, "5m", station="sjer")
        rows = {tuple(row) for one in asker.raw(asked) for row in one["values"]}
        assert rows <= happened, name
        assert {(row[0], row[3]) for row in rows} == {(at, kind) for at, _, _, kind in happened}, name


def test_health_is_the_newest_report(filled: Filled, asker: Asker, known: Panels) -> None:
    last = filled.reports[-1]
    expected = {
        "Waiting for the database": (len(filled.reports) - 1) % 40,
        "Oldest waiting": 1.0,
        "Journal full in": last.days_left,
        "Disk free": last.disk_free,
        "Clock off by": last.clock_offset_s,
        "Supply voltage": last.supply_voltage,
    }
    for title, value in expected.items():
        found = ask(asker, known["station", title])
        panel = known["station", title]
        if panel["type"] == "stat":
            assert values(found[title]) == [(last.time_us, value)], title
        every_station = known.get(("stations", title))
        if every_station and every_station["type"] == "stat":
            (series,) = ask(asker, every_station)["$tag_station"]
            assert series["tags"] == {"station": "sjer"}
            assert series["values"][0][1] == value
    heard = ask(asker, known["station", "Last heard"])
    assert values(heard["Last heard"])[0][0] == last.time_us
    assert known["station", "Last heard"]["options"]["reduceOptions"]["fields"] == "/^time$/i"


def test_instruments_are_told_apart(filled: Filled, asker: Asker, known: Panels) -> None:
    last = filled.reports[-1]

    def by_instrument(title: str) -> dict[str, float]:
        (series,) = ask(asker, known["quality", title]).values()
        return {
            one["tags"]["instrument"]: one["values"][0][1]
            for one in series
            if one["values"][0][1] is not None
        }

    assert by_instrument("Last answer of each instrument") == last.answer_age_s
    assert by_instrument("Calibration due in") == pytest.approx(last.due_days)
    (series,) = ask(asker, known["quality", "Failed exchanges per hour"]).values()
    fresh = {
        (one["tags"]["instrument"], one["tags"]["kind"]): {row[1] for row in one["values"]} for one in series
    }
    first, second = list(last.answer_age_s)[:2]
    assert fresh == {(first, "timeout"): {1}, (second, "crc"): {0, 1}}  # one an hour, one every two hours
    (row,) = ask(asker, known["quality", "Software and configuration"])[""][0]["values"]
    assert row[2] == filled.station.hash
    longest = ask(asker, known["stations", "Longest silent instrument"])["$tag_station"]
    assert longest[0]["values"][0][1] == max(last.answer_age_s.values())
    due = ask(asker, known["stations", "Next calibration due in"])["$tag_station"]
    assert due[0]["values"][0][1] == pytest.approx(min(last.due_days.values()))


def test_template_variables_find_what_there_is(filled: Filled, asker: Asker) -> None:
    found = {board.uid: board for _, board in all_dashboards([filled.station], ["en"], "s")}
    (position,) = [v for v in found["soilco2-sjer-quality-en"].variables if v.name == "position"]
    for profile in ("p003", "p004"):
        (series,) = asker.panel(position.query, "", station="sjer", profile=profile)
        expected = {key.position for key in filled.observations if key.profile == profile}
        assert {row[1] for row in series["values"]} == expected
    assert asker.panel(position.query, "", station="sjer", profile="' OR '1'='1") == []
    (station,) = found["soilco2-stations-en"].variables
    (series,) = asker.panel(station.query, "")
    assert series["values"] == [["station", "sjer"]]
    assert {v.name for board in found.values() for v in board.variables} == {"station", "profile", "position"}


def test_several_stations_at_once(asker: Asker, known: Panels) -> None:
    panel = known["stations", "Disk free"]
    (target,) = panel["targets"]
    query = target["query"].replace("${station:regex}", "(sjer|yulin)")
    assert [one["tags"]["station"] for one in asker.panel(query, "5m")] == ["sjer"]


def test_a_mapping_under_another_name_serves_as_well(filled: Filled, asker: Asker, known: Panels) -> None:
    """InfluxDB 2 maps database and retention policy of its API 1 to a bucket; a bucket's own name needs no mapping."""
    server, bucket = filled.server, filled.station.file.influxdb[0].bucket
    found = server.request("GET", "/api/v2/buckets", name=bucket)["buckets"][0]
    server.request("POST", "/api/v2/dbrps", {
        "bucketID": found["id"], "orgID": found["orgID"], "database": "field-v1", "retention_policy": "autogen",
        "default": True,
    })  # fmt: skip
    for title in ("Last heard", "CO₂ mole fraction"):
        for target in known["station", title]["targets"]:
            from tests.dashboards.grafana.filled import rendered

            text = rendered(target["query"], START, END, "30m", station="sjer", profile="p004")
            assert asker.raw(text, database="field-v1") == asker.raw(text)


def test_grafanas_token_may_read_this_bucket_and_nothing_else(filled: Filled, asker: Asker) -> None:
    http = urllib3.PoolManager(retries=False)
    bucket = filled.station.file.influxdb[0].bucket
    answer = http.request(
        "POST", f"{filled.server.url}/api/v2/write?org=tests&bucket={bucket}", headers=asker.headers,
        body=b"soil,station=sjer co2=1.0",
    )  # fmt: skip
    assert answer.status in (401, 403, 404), answer.data
    other = filled.server.bucket()
    answer = http.request(
        "GET", filled.server.url + "/query", headers=asker.headers,
        fields={"db": other.name, "q": 'SELECT * FROM "soil"'},
    )  # fmt: skip
    assert "series" not in json.loads(answer.data).get("results", [{}])[0]
    http.clear()


def test_rain_is_summed_and_not_averaged(filled: Filled, asker: Asker) -> None:
    """A station with a gauge: 0.2 mm four times in two hours are 0.8 mm."""
    from soilco2.dashboards.grafana.dashboards import _mean
    from soilco2.dashboards.grafana.influxql import SITE, STATION, TIME, select, usable
    from soilco2.quality.records import Observation
    from soilco2.storage.influx.line_protocol import encode
    from soilco2.storage.influx.sink import InfluxSink

    key = SeriesKey("gauge", "site", "", "rain")
    sink = InfluxSink(filled.station.file.influxdb[0])
    rows = [Observation(key, START + n * HALF_HOUR, 0.2, 0.2, Flag.GOOD, "", "", "0" * 12) for n in range(4)]
    rows.append(Observation(key, START + 4 * HALF_HOUR, 99.0, 99.0, Flag.BAD, "", "", "0" * 12))
    sink.write(encode(rows))
    sink.close()
    query = select(_mean(VARIABLES["rain"]), "soil", STATION, SITE, usable("rain"), TIME, every="$__interval")
    ((time_us, total),) = values(asker.panel(query, "2h", station="gauge"))
    assert time_us == START
    assert total == pytest.approx(0.8)
