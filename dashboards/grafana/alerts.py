"""Alert rules of a station, as Grafana's file provisioning takes them: a query, its newest number, a threshold.

Nothing in them begins with ``$``: Grafana would read some of it as environment variables. Only ids stand in them, never
names that people chose: annotations are templates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from soilco2.dashboards.grafana.dashboards import HEALTH_S, silent_after_s
from soilco2.dashboards.grafana.influxql import is_, name, select
from soilco2.dashboards.grafana.inventory import Inventory, span, uid
from soilco2.dashboards.grafana.model import Dashboard
from soilco2.dashboards.grafana.panels import name_of
from soilco2.dashboards.grafana.words import LANGUAGES, words
from soilco2.quality.records import Flag
from soilco2.storage.influx.line_protocol import HEALTH, SOIL

EVERY = "1m"
"""How often rules are looked at."""
SILENT_S = 4 * HEALTH_S
"""Without a word for this long a station is silent [s]."""
JOURNAL_DAYS = 14
DISK_GIB = 1
CLOCK_S = 1
WAITED_S = 1800
_GROWS_S = 3600
_EXPRESSION = "__expr__"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    Parameters
    ----------
    key : str
        Name within the station.
    words : str
        Key of its sentence in `words`.
    values : mapping
        What stands in the sentence's braces.
    query : str
        InfluxQL; each series it finds is an alert of its own.
    window_s : float
        How far the query looks back [s].
    breach : str
        ``gt``, ``lt`` or ``outside_range``.
    limits : sequence of float
    lasts : str
        How long it must be so.
    nothing : str
        What an empty answer means: ``OK`` or ``Alerting``.
    severity : str
        ``critical`` or ``warning``.
    panel : str
        Key of the panel on the station's or the instruments' dashboard where it shows.
    """

    key: str
    words: str
    values: dict[str, object]
    query: str
    window_s: float
    breach: str
    limits: tuple[float, ...]
    lasts: str = "5m"
    nothing: str = "OK"
    severity: str = "warning"
    panel: str = ""


def rules(inventory: Inventory) -> list[Rule]:
    """The rules of a station, from its file: what it should say of itself, and how often."""
    return [*_silence(inventory), *_quality(inventory), *_health(inventory)]


def _since(seconds: float) -> str:
    return f"time > now() - {span(seconds)}"


def _silence(inventory: Inventory) -> Iterator[Rule]:
    station = is_("station", inventory.id)
    yield Rule(
        key="silent-station", words="a_silent_station", values={"minutes": round(SILENT_S / 60)},
        query=select('count("backlog_samples")', HEALTH, station, _since(SILENT_S)),
        window_s=SILENT_S, breach="lt", limits=(1,), nothing="Alerting", severity="critical", panel="heard",
    )  # fmt: skip
    window_s = SILENT_S
    groups: dict[float, list[str]] = {}
    for instrument, interval in inventory.instruments:
        groups.setdefault(interval, []).append(instrument)
    for interval, instruments in sorted(groups.items()):
        limit = silent_after_s(interval)
        listed = "(" + " OR ".join(is_("instrument", one) for one in instruments) + ")"
        yield Rule(
            key=f"silent-probe-{span(interval)}", words="a_silent_probe", values={"minutes": round(limit / 60)},
            query=select('last("last_answer_age_s")', HEALTH, station, listed, _since(window_s), by=["instrument"]),
            window_s=window_s, breach="gt", limits=(limit,), panel="probe_age",
        )  # fmt: skip
    if inventory.instruments:
        count = len(inventory.instruments)
        slowest = max(interval for _, interval in inventory.instruments)
        inner = select(
            'last("last_answer_age_s") AS "age"', HEALTH, station, _since(window_s), by=["instrument"]
        )
        yield Rule(
            key="unheard-probe", words="a_unheard", values={"count": count},
            query=select('count("age")', f"({inner})"), window_s=window_s, breach="lt", limits=(count,),
            lasts=span(silent_after_s(slowest)), nothing="Alerting", panel="probe_age",
        )  # fmt: skip


def _quality(inventory: Inventory) -> Iterator[Rule]:
    """Stuck values are flagged suspect, impossible ones bad: nothing better than that for a while is an alarm."""
    station = is_("station", inventory.id)
    both = {row.id: row for row in (*inventory.at_depth, *inventory.at_site)}
    for variable in both.values():
        window_s = max(7200.0, 6 * inventory.longest_s(variable))
        flag = name(variable.id + "_flag")
        query = select(
            f"min({flag})",
            SOIL,
            station,
            f"{flag} <= {Flag.BAD:d}",
            _since(window_s),
            by=["profile", "position"],
        )
        yield Rule(
            key=f"unusable-{variable.id}", words="a_unusable",
            values={"variable": variable, "hours": f"{window_s / 3600:g}"},
            query=query, window_s=window_s, breach="gt", limits=(Flag.NOT_EVALUATED + 0.5,),
            panel=f"flags {variable.id}" if variable in inventory.at_depth else "flags site",
        )  # fmt: skip


def _health(inventory: Inventory) -> Iterator[Rule]:
    station = is_("station", inventory.id)
    inner = select(
        'last("backlog_samples") - first("backlog_samples") AS "growth", last("oldest_waiting_s") AS "waited"',
        HEALTH, station, _since(_GROWS_S),
    )  # fmt: skip
    yield Rule(
        key="backlog-grows", words="a_backlog", values={},
        query=select('"growth"', f"({inner})", f'"waited" > {WAITED_S}'),
        window_s=_GROWS_S, breach="gt", limits=(0,), lasts="30m", panel="backlog",
    )  # fmt: skip
    yield Rule(
        key="calibration-overdue", words="a_calibration", values={},
        query=select('last("calibration_due_days")', HEALTH, station, _since(SILENT_S), by=["instrument"]),
        window_s=SILENT_S, breach="lt", limits=(0,), lasts="1h", panel="due",
    )  # fmt: skip
    for key, field, breach, limits, values, severity, panel in (
        (
            "journal-fills",
            "journal_days_left",
            "lt",
            (JOURNAL_DAYS,),
            {"days": JOURNAL_DAYS},
            "critical",
            "days_left",
        ),
        ("disk-fills", "disk_free_bytes", "lt", (DISK_GIB * 2**30,), {"gib": DISK_GIB}, "critical", "disk"),
        (
            "clock-off",
            "clock_offset_s",
            "outside_range",
            (-CLOCK_S, CLOCK_S),
            {"seconds": CLOCK_S},
            "warning",
            "clock",
        ),
    ):
        yield Rule(
            key=key, words=f"a_{key.partition('-')[0]}", values=dict(values),
            query=select(f"last({name(field)})", HEALTH, station, _since(SILENT_S)),
            window_s=SILENT_S, breach=breach, limits=limits, severity=severity, panel=panel,
        )  # fmt: skip


def group(inventory: Inventory, source: str, folder: str, shown_on: list[Dashboard]) -> dict[str, Any]:
    """The group of a station for Grafana's provisioning file.

    Parameters
    ----------
    inventory : Inventory
    source : str
        The uid of the data source.
    folder : str
        Where Grafana keeps them.
    shown_on : list of Dashboard
        Dashboards of the station in one language, on whose panels the alerts are marked.
    """
    return {
        "orgId": 1,
        "name": f"soilco2 {inventory.id}",
        "folder": folder,
        "interval": EVERY,
        "rules": [_provisioned(inventory, rule, source, shown_on) for rule in rules(inventory)],
    }


def _provisioned(inventory: Inventory, rule: Rule, source: str, shown_on: list[Dashboard]) -> dict[str, Any]:
    spoken = {language: _sentences(inventory, rule, language) for language in LANGUAGES}
    annotations = {
        "summary": spoken["en"][0],
        "description": spoken["en"][1],
        "summary_zh": spoken["zh"][0],
        "description_zh": spoken["zh"][1],
    }
    for board in shown_on:
        try:
            number = board.panel_id(rule.panel)
        except KeyError:
            continue
        annotations |= {"__dashboardUid__": board.uid, "__panelId__": str(number)}
        break
    return {
        "uid": uid("soilco2", inventory.id, rule.key),
        "title": f"{inventory.id}: {rule.key.replace('-', ' ')}",
        "condition": "C",
        "for": rule.lasts,
        "noDataState": rule.nothing,
        "execErrState": "Error",
        "isPaused": False,
        "labels": {"station": inventory.id, "severity": rule.severity, "source": "soilco2"},
        "annotations": annotations,
        "data": [
            _step("A", source, rule.window_s, {
                "rawQuery": True, "query": rule.query, "resultFormat": "time_series", "maxDataPoints": 43_200,
                "intervalMs": 1000,
            }),
            _step("B", _EXPRESSION, 0, {
                "type": "reduce", "expression": "A", "reducer": "last", "settings": {"mode": "dropNN"},
            }),
            _step("C", _EXPRESSION, 0, {
                "type": "threshold", "expression": "B",
                "conditions": [{"evaluator": {"type": rule.breach, "params": list(rule.limits)}}],
            }),
        ],
    }  # fmt: skip


def _step(ref: str, source: str, window_s: float, model: dict[str, Any]) -> dict[str, Any]:
    kind = _EXPRESSION if source == _EXPRESSION else "influxdb"
    return {
        "refId": ref,
        "datasourceUid": source,
        "relativeTimeRange": {"from": round(window_s), "to": 0},
        "model": {"refId": ref, "datasource": {"type": kind, "uid": source}, **model},
    }


def _sentences(inventory: Inventory, rule: Rule, language: str) -> tuple[str, str]:
    say = words(language)
    values = dict(rule.values)
    if "variable" in values:
        values["name"] = name_of(values.pop("variable"), language)  # type: ignore[arg-type]
    return say(rule.words, station=inventory.id, **values), say(f"{rule.words}_do")
