"""What Grafana's schemas do not say of a dashboard: places, numbers, units, fields, flags, links, variables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from soilco2.station_config.variables import VARIABLES
from tests.dashboards.grafana.filled import panels

KINDS = {"timeseries", "heatmap", "stat", "state-timeline", "table"}
# docs/reference/influxdb.md
TAGS = {
    "soil": {"station", "profile", "position"},
    "soil_derived": {"station", "profile", "position", "variable", "method"},
    "soil_health": {"station", "instrument", "kind"},
    "soil_event": {"station", "kind"},
}
FIELDS = {
    "soil": {name + end for name in VARIABLES for end in ("", "_raw", "_flag")},
    "soil_derived": {"value", "lower", "upper", "flag"},
    "soil_event": {"subject", "text"},
    "soil_health": {
        "backlog_samples", "oldest_waiting_s", "journal_days_left", "disk_free_bytes", "clock_offset_s",
        "supply_voltage", "last_answer_age_s", "calibration_due_days", "errors", "version", "configuration",
    },
}  # fmt: skip
MACROS = {"timeFilter", "__interval", "tag_station", "tag_instrument", "tag_kind", "tag_method"}


def faults(board: dict[str, Any], units: set[str]) -> list[str]:
    """Everything that is wrong with a dashboard."""
    found = [*_places(board), *_numbers(board), *_links(board)]
    known = {variable["name"] for variable in board["templating"]["list"]}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            found += _query(variable["query"], known)
    for panel in panels(board):
        name = panel["title"]
        if panel["type"] not in KINDS:
            found.append(f"{name}: unknown kind {panel['type']}")
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if unit is not None and unit not in units and not _of_registry(unit):
            found.append(f"{name}: unknown unit {unit}")
        if not panel["targets"] and name:
            found.append(f"{name}: asks nothing")
        for target in panel["targets"]:
            found += [f"{name}: {fault}" for fault in _query(target["query"], known)]
            found += [
                f"{name}: ${one} in an alias"
                for one in re.findall(r"\$(\w+)", target["alias"])
                if one not in MACROS
            ]
    return found


def _of_registry(unit: str) -> bool:
    return unit.startswith("suffix: ") and unit.removeprefix("suffix: ") in {
        v.unit_text for v in VARIABLES.values()
    }


def _boxes(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    for panel in board["panels"]:
        yield panel["title"], panel["gridPos"]


def _places(board: dict[str, Any]) -> Iterator[str]:
    groups = [list(_boxes(board))]
    groups += [
        [(p["title"], p["gridPos"]) for p in row["panels"]] for row in board["panels"] if row.get("panels")
    ]
    for group in groups:
        for (one, a), (other, b) in itertools.combinations(group, 2):
            apart = (
                a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            )  # fmt: skip
            if not apart:
                yield f"{one} and {other} overlap"
        for name, box in group:
            if box["x"] < 0 or box["x"] + box["w"] > 24:
                yield f"{name} leaves the grid"


def _numbers(board: dict[str, Any]) -> Iterator[str]:
    rows = [panel for panel in board["panels"] if panel["type"] == "row"]
    ids = [panel["id"] for panel in [*rows, *panels(board)]]
    if len(set(ids)) != len(ids):
        yield "two panels have one id"
    for panel in panels(board):
        refs = [target["refId"] for target in panel["targets"]]
        if len(set(refs)) != len(refs):
            yield f"{panel['title']}: two queries have one name"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", board["uid"]):
        yield f"uid {board['uid']!r}"


def _links(board: dict[str, Any]) -> Iterator[str]:
    for link in board["links"]:
        if link["type"] != "dashboards" or not link["tags"]:
            yield f"link {link['title']} leads nowhere"


def _query(query: str, known: set[str]) -> Iterator[str]:
    for variable in re.findall(r"\$\{(\w+):\w+\}", query):
        if variable not in known:
            yield f"unknown variable {variable} in {query}"
    for macro in re.findall(r"\$(\w+)", query):
        if macro not in MACROS:
            yield f"unknown macro {macro} in {query}"
    sources = re.findall(r'FROM "(\w+)"', query)
    if len(sources) != 1 or sources[0] not in FIELDS:
        yield f"no known measurement in {query}"
        return
    source = sources[0]
    made_here = set(re.findall(r'AS "(\w+)"', query))
    quoted = set(re.findall(r'"([^"]+)"', query)) - {source} - made_here
    unknown = quoted - TAGS[source] - FIELDS[source]
    if unknown:
        yield f"{source} has no {', '.join(sorted(unknown))}: {query}"
    if query.startswith("SHOW"):
        return
    if '"station"' not in query:
        yield f"asks for every station: {query}"
    if source != "soil_health":
        flags = {"flag"} if source == "soil_derived" else {f + "_flag" for f in VARIABLES}
        asked = {name for name in flags if re.search(rf'"{name}" (<=|>=) \d', query)}
        about = {name for name in quoted & FIELDS[source] if not name.endswith("flag")}
        for name in about:
            flag = "flag" if source == "soil_derived" else name.removesuffix("_raw") + "_flag"
            if flag not in asked:
                yield f"does not ask for {flag}: {query}"
        if not asked:
            yield f"asks for no flag: {query}"
