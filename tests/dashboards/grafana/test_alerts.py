"""Each alert rule on a real InfluxDB: quiet for a station that does well, loud for the one fault it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from soilco2.dashboards.grafana.provision import files
from soilco2.ingest.health import Health, health_lines
from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.storage.influx.line_protocol import encode
from soilco2.storage.influx.sink import InfluxSink
from tests.dashboards.grafana.schemas import validator
from tests.dashboards.grafana.stations import DATABASE, hostile, sjer
from tests.present import system_us
from tests.servers import InfluxBucket

HOUR = 3_600_000_000
PROBE = "co2-4-03"
KEY = SeriesKey("sjer", "p004", "d03", "co2")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    return sjer(tmp_path_factory.mktemp("alerts"), DATABASE)


@pytest.fixture(scope="module")
def rules(station: Station) -> dict[str, dict[str, Any]]:
    """The rules as Grafana reads them, by key."""
    (group,) = yaml.safe_load(files([station])["alerting/soilco2.yaml"])["groups"]
    return {rule["uid"].removeprefix("soilco2-sjer-"): rule for rule in group["rules"]}


@dataclass(frozen=True)
class State:
    """What a station has sent in the last hours: reports, with the backlog of each, and observations."""

    reports: tuple[tuple[Health, int, int], ...]
    observations: tuple[Observation, ...]

    def change(self, how: Callable[[Health], Health]) -> State:
        return replace(self, reports=tuple((how(report), backlog, s) for report, backlog, s in self.reports))


def well(station: Station, now: int) -> State:
    """A station that does well: a report every five minutes, a good value every half hour."""
    ids = [row.id for row in station.file.instrument]
    reports = [
        Health(now - n * 300_000_000, 200.0, 20 * 2**30, 0.01, 12.6, dict.fromkeys(ids, 900.0), {PROBE: 90.0}, {})
        for n in range(12)
    ]  # fmt: skip
    series = [
        SeriesKey("sjer", profile, position, variable)
        for _, profile, position, variable in station.deployments.series()
    ]
    times = [now - n * HOUR // 2 for n in range(8)]
    observations = [
        Observation(key, t, 1.0, 1.0, Flag.GOOD, "", "", "0" * 12) for key in series for t in times
    ]
    return State(tuple((report, 3, 30) for report in reports), tuple(observations))


def write(station: Station, bucket: InfluxBucket, state: State) -> None:
    sink = InfluxSink(bucket.table())
    lines = [
        health_lines(station, r, backlog, r.time_us - waited * 1_000_000)
        for r, backlog, waited in state.reports
    ]
    if lines:
        sink.write(b"\n".join(lines))
    sink.write(encode(state.observations))
    sink.close()


def firing(
    rules: dict[str, dict[str, Any]], bucket: InfluxBucket, now: int | None = None
) -> dict[str, list[dict[str, str]]]:
    """The rules that fire, with the labels of each alert, evaluated as Grafana's documentation says.

    The database reads `now` [µs UTC] where a rule has ``now()``; without it, its own clock.
    """
    found = {}
    for key, rule in rules.items():
        query, reduced, threshold = rule["data"]
        assert (query["refId"], reduced["model"]["expression"], threshold["model"]["expression"]) == (
            "A",
            "A",
            "B",
        )
        assert rule["condition"] == "C"
        assert reduced["model"]["reducer"] == "last"
        (condition,) = threshold["model"]["conditions"]
        newest = []
        asked = query["model"]["query"]
        assert "now()" in asked
        for series in bucket.query(asked if now is None else asked.replace("now()", f"{now}u")):
            numbers = [row[1] for row in series["values"] if row[1] is not None]
            if numbers:
                newest.append((series.get("tags", {}), numbers[-1]))
        alerts = [
            tags
            for tags, value in newest
            if breaches(value, condition["evaluator"]["type"], condition["evaluator"]["params"])
        ]
        if not newest and rule["noDataState"] == "Alerting":
            alerts = [{}]
        if alerts:
            found[key] = alerts
    return found


def breaches(value: float, kind: str, params: list[float]) -> bool:
    """Grafana's evaluators."""
    if kind == "outside_range":
        return not params[0] <= value <= params[1]
    return value > params[0] if kind == "gt" else value < params[0]


def ages(report: Health, **seconds: float) -> Health:
    return report._replace(
        answer_age_s={**report.answer_age_s, **{k.replace("_", "-"): s for k, s in seconds.items()}}
    )


def without(report: Health, name: str) -> Health:
    return report._replace(answer_age_s={k: age for k, age in report.answer_age_s.items() if k != name})


def flagged(state: State, key: SeriesKey, flag: Flag, last: int = 8) -> State:
    times = sorted(row.time_us for row in state.observations if row.series == key)[-last:]
    rows = (
        row._replace(flag=flag) if row.series == key and row.time_us in times else row
        for row in state.observations
    )
    return replace(state, observations=tuple(rows))


def growing(state: State, waited_s: int) -> State:
    """The backlog grew by 10 with each report."""
    return replace(
        state, reports=tuple((r, 200 - 10 * n, waited_s) for n, (r, _, _) in enumerate(state.reports))
    )


def older(state: State, minutes: int) -> State:
    late = minutes * 60_000_000
    return state.change(lambda r: r._replace(time_us=r.time_us - late))


PLACE = {"profile": "p004", "position": "d03"}
FAULTS: list[tuple[str, Callable[[State], State], dict[str, list[dict[str, str]]]]] = [
    ("well", lambda s: s, {}),
    ("silent", lambda s: older(s, 25), {"silent-station": [{}], "unheard-probe": [{}]}),
    ("late by one report", lambda s: older(s, 9), {}),
    ("a silent probe", lambda s: s.change(lambda r: ages(r, co2_4_03=6301.0)),
     {"silent-probe-30m": [{"instrument": PROBE}]}),
    ("a probe that missed two rounds", lambda s: s.change(lambda r: ages(r, co2_4_03=5400.0)), {}),
    ("a probe that never answered", lambda s: s.change(lambda r: without(r, PROBE)), {"unheard-probe": [{}]}),
    ("impossible values", lambda s: flagged(s, KEY, Flag.BAD), {"unusable-co2": [PLACE]}),
    ("a stuck probe", lambda s: flagged(s, KEY, Flag.SUSPECT), {"unusable-co2": [PLACE]}),
    ("a suspect hour", lambda s: flagged(s, KEY, Flag.SUSPECT, 2), {}),
    ("no values", lambda s: flagged(s, KEY, Flag.MISSING), {}),
    ("a growing backlog", lambda s: growing(s, 2400), {"backlog-grows": [{}]}),
    ("a backlog that is young", lambda s: growing(s, 60), {}),
    ("an overdue calibration", lambda s: s.change(lambda r: r._replace(due_days={PROBE: -0.5, "co2-4-08": 3.0})),
     {"calibration-overdue": [{"instrument": PROBE}]}),
    ("a full journal", lambda s: s.change(lambda r: r._replace(days_left=13.9)), {"journal-fills": [{}]}),
    ("a full disk", lambda s: s.change(lambda r: r._replace(disk_free=2**30 - 1)), {"disk-fills": [{}]}),
    ("a clock behind", lambda s: s.change(lambda r: r._replace(clock_offset_s=-1.5)), {"clock-off": [{}]}),
    ("a clock ahead", lambda s: s.change(lambda r: r._replace(clock_offset_s=1.5)), {"clock-off": [{}]}),
    ("no time service, no rate known",
     lambda s: s.change(lambda r: r._replace(clock_offset_s=None, days_left=None)), {}),
]  # fmt: skip


@pytest.mark.influx
@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_each_fault_makes_its_own_alert_and_no_other(
    station: Station,
    rules: dict[str, dict[str, Any]],
    influx: InfluxBucket,
    now_us: int,
    change: Callable[[State], State],
    expected: dict[str, list[dict[str, str]]],
) -> None:
    write(station, influx, change(well(station, now_us)))
    assert firing(rules, influx, now_us) == expected


@pytest.mark.influx
def test_the_rules_go_by_the_databases_own_clock(
    station: Station, rules: dict[str, dict[str, Any]], influx: InfluxBucket
) -> None:
    state = well(station, system_us())  # as the queries are, the database reads the system's clock
    write(station, influx, older(state, 25))
    assert set(firing(rules, influx)) == {"silent-station", "unheard-probe"}
    write(station, influx, state)
    assert firing(rules, influx) == {}


@pytest.mark.influx
def test_an_empty_database_is_a_silent_station(
    rules: dict[str, dict[str, Any]], influx: InfluxBucket
) -> None:
    assert set(firing(rules, influx)) == {"silent-station", "unheard-probe"}


def test_every_kind_of_trouble_has_a_rule(rules: dict[str, dict[str, Any]]) -> None:
    assert set(rules) == {
        "silent-station", "silent-probe-30m", "unheard-probe", "backlog-grows", "calibration-overdue", "journal-fills",
        "disk-fills", "clock-off", *(f"unusable-{name}" for name in (
            "co2", "soil_temperature", "soil_water", "bulk_ec", "ec25", "salinity", "air_pressure")),
    }  # fmt: skip


def test_probes_of_another_interval_have_a_limit_of_their_own(tmp_path: Path) -> None:
    (group,) = yaml.safe_load(files([hostile(tmp_path)])["alerting/soilco2.yaml"])["groups"]
    limits = {
        rule["title"]: rule["data"][2]["model"]["conditions"][0]["evaluator"]["params"]
        for rule in group["rules"]
        if "silent probe" in rule["title"]
    }
    # three intervals and a quarter of an hour
    assert limits == {"a..b.-_.2: silent probe 1m": [1080], "a..b.-_.2: silent probe 10m": [2700]}


@pytest.mark.parametrize("make", [sjer, hostile])
def test_rules_pass_grafanas_schema_and_hold_nothing_to_be_expanded(
    make: Callable[[Path], Station], tmp_path: Path
) -> None:
    """Grafana reads ``$`` in provisioning files as a variable, and annotations as templates."""
    judge = validator("alerting", "Rule")
    found = files([make(tmp_path)])
    text = found["alerting/soilco2.yaml"]
    assert "$" not in text
    assert "script" not in text.replace("description", "")
    (group,) = yaml.safe_load(text)["groups"]
    boards = {
        json.loads(body)["uid"]: json.loads(body) for name, body in found.items() if name.endswith(".json")
    }
    uids = [rule["uid"] for rule in group["rules"]]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids)
    for rule in group["rules"]:
        # a file names group, folder and organisation once for all its rules
        whole = {**rule, "folderUID": "f", "ruleGroup": group["name"], "orgID": group["orgId"]}
        assert [error.message for error in judge.iter_errors(whole)] == []
        board = boards[rule["annotations"]["__dashboardUid__"]]
        number = int(rule["annotations"]["__panelId__"])
        assert number in set(_ids(board["panels"])), rule["title"]
        assert set(re.findall(r"\{\{(.*?)\}\}", json.dumps(rule["annotations"]))) <= {
            " .Labels.instrument ", " .Labels.profile ", " .Labels.position ",
        }  # fmt: skip


def _ids(panels: Iterable[dict[str, Any]]) -> Iterable[int]:
    for panel in panels:
        if panel["type"] == "row":
            yield from _ids(panel["panels"])
        else:
            yield panel["id"]


def test_an_alert_is_marked_on_the_panel_that_shows_it(
    rules: dict[str, dict[str, Any]], station: Station
) -> None:
    found = files([station])
    shown = {
        "silent-station": "Last heard", "silent-probe-30m": "Last answer of each instrument",
        "unusable-co2": "CO₂ mole fraction: worst flag", "unusable-air_pressure": "Without depth: worst flag",
        "calibration-overdue": "Calibration due in", "disk-fills": "Disk free", "clock-off": "Clock off by",
    }  # fmt: skip
    for key, title in shown.items():
        annotations = rules[key]["annotations"]
        board = json.loads(found[f"dashboards/soilco2/{annotations['__dashboardUid__']}.json"])
        (panel,) = [p for p in board["panels"] if str(p["id"]) == annotations["__panelId__"]]
        assert panel["title"] == title
