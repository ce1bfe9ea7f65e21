"""A Grafana dashboard as frozen values, and the JSON it becomes. The same values give the same bytes.

What a dashboard may hold is given by Grafana's published schemas; panels are laid out here, left to right and down, so
that none overlaps and none leaves the grid of 24 columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

SCHEMA_VERSION = 41
"""Of the dashboard's JSON; Grafana brings older ones up to date by itself."""

COLUMNS = 24
Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """One question to the database.

    Parameters
    ----------
    text : str
        InfluxQL.
    alias : str
        Name of its series; ``$tag_x`` is the value of a tag.
    table : bool
        Rows and columns instead of series in time.
    """

    text: str
    alias: str = ""
    table: bool = False

    def json(self, ref: str, source: Json) -> Json:
        """The target of a panel."""
        return {
            "refId": ref,
            "datasource": source,
            "rawQuery": True,
            "query": self.text,
            "resultFormat": "table" if self.table else "time_series",
            "alias": self.alias,
        }


@dataclass(frozen=True)
class Step:
    """From `value` upward (None: from below everything) a value has this colour."""

    value: float | None
    color: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Parameters
    ----------
    kind : str
        Grafana's name of it: timeseries, heatmap, stat, state-timeline, table.
    title, about : str
        Heading, and what stands behind the question mark.
    queries : sequence of Query
    width, height : int
        In grid units; the grid is 24 wide.
    key : str
        Name that alert rules know it by.
    unit : str
        Grafana's name of the unit.
    decimals : int, optional
    low, high : float, optional
        Ends of the axis.
    steps : sequence of Step
        Thresholds.
    color : str
        Mode of colouring.
    words : mapping of str to (str, str)
        Number to word and colour.
    interval : str
        Shortest step of ``$__interval``.
    options, custom : mapping
        What only this kind of panel has.
    """

    kind: str
    title: str
    queries: tuple[Query, ...]
    width: int = 12
    height: int = 9
    about: str = ""
    key: str = ""
    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[Step, ...] = ()
    color: str = "palette-classic"
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    interval: str = ""
    options: Json = field(default_factory=dict)
    custom: Json = field(default_factory=dict)

    def json(self, number: int, x: int, y: int, source: Json) -> Json:
        """The panel at its place."""
        panel: Json = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "datasource": source,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                query.json(ref, source) for query, ref in zip(self.queries, references(), strict=False)
            ],
            "options": self.options,
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
        }
        if self.about:
            panel["description"] = self.about
        if self.interval:
            panel["interval"] = self.interval
        return panel

    def _defaults(self) -> Json:
        found: Json = {"color": {"mode": self.color}, "custom": self.custom}
        optional = {"unit": self.unit or None, "decimals": self.decimals, "min": self.low, "max": self.high}
        found |= {key: value for key, value in optional.items() if value is not None}
        if self.steps:
            steps = [{"value": step.value, "color": step.color} for step in self.steps]
            found["thresholds"] = {"mode": "absolute", "steps": steps}
        if self.words:
            table = {
                value: {"text": word, "color": color, "index": index}
                for index, (value, (word, color)) in enumerate(self.words.items())
            }
            found["mappings"] = [{"type": "value", "options": table}]
        return found


@dataclass(frozen=True)
class Row:
    """A heading with the panels under it; a closed one asks nothing until it is opened."""

    title: str
    panels: tuple[Panel, ...]
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A template variable: `choices` (value and what people read), or a `query` that finds them."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    query: str = ""
    hidden: bool = False
    many: bool = False

    def json(self, source: Json) -> Json:
        """The entry of ``templating.list``."""
        found: Json = {"name": self.name, "label": self.label, "hide": 2 if self.hidden else 0}
        if self.query:
            found |= {
                "type": "query",
                "datasource": source,
                "query": self.query,
                "definition": self.query,
                "refresh": 1,
                "sort": 7,
                "multi": self.many,
                "includeAll": self.many,
                "options": [],
            }
            if self.many:
                found["current"] = {"selected": True, "text": ["All"], "value": ["$__all"]}
            return found
        options = [
            {"selected": not number, "text": read, "value": value}
            for number, (value, read) in enumerate(self.choices)
        ]
        # Grafana reads this list again when the dashboard is edited: "text : value", commas escaped
        listed = ", ".join(
            f"{read} : {value}".replace(",", "\\,") if read != value else value.replace(",", "\\,")
            for value, read in self.choices
        )
        found |= {"type": "custom", "query": listed, "options": options, "multi": False, "includeAll": False}
        if options:
            found["current"] = options[0]
        return found


@dataclass(frozen=True)
class Link:
    """A way to all dashboards that have these tags, with the same time and variables."""

    title: str
    tags: tuple[str, ...]
    dropdown: bool = False

    def json(self) -> Json:
        """The entry of ``links``."""
        return {
            "title": self.title,
            "type": "dashboards",
            "icon": "external link",
            "tooltip": self.title,
            "tags": list(self.tags),
            "asDropdown": self.dropdown,
            "targetBlank": False,
            "includeVars": True,
            "keepTime": True,
        }


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard.

    Parameters
    ----------
    uid : str
        Its name for ever; Grafana takes 40 letters, digits, ``-`` and ``_``.
    title, about : str
    source : str
        The uid of the data source.
    rows : sequence of Row
    variables : sequence of Variable
    links : sequence of Link
    tags : sequence of str
    timezone : str
        Of the station.
    since : str
        Beginning of the time span, such as ``"now-7d"``.
    annotation : str
        Name of the marks that people set.
    marks : tuple of (str, str)
        Name and query of the marks that the station sets: what happened to it.
    """

    uid: str
    title: str
    about: str
    source: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...]
    links: tuple[Link, ...]
    tags: tuple[str, ...]
    timezone: str
    annotation: str
    marks: tuple[str, str]
    since: str = "now-7d"

    def json(self) -> Json:
        """What Grafana takes."""
        source = {"type": "influxdb", "uid": self.source}
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": list(self.tags),
            "timezone": self.timezone,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "5m",
            "schemaVersion": SCHEMA_VERSION,
            "time": {"from": self.since, "to": "now"},
            "timepicker": {"refresh_intervals": ["1m", "5m", "15m", "30m", "1h"]},
            "templating": {"list": [one.json(source) for one in self.variables]},
            "annotations": {
                "list": [
                    {
                        "name": self.annotation,
                        "builtIn": 1,
                        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                        "enable": True,
                        "hide": False,
                        "iconColor": "rgba(0, 211, 255, 1)",
                        "type": "dashboard",
                    },
                    {
                        "name": self.marks[0],
                        "datasource": source,
                        "enable": True,
                        "hide": False,
                        "iconColor": "rgba(255, 152, 48, 1)",
                        "target": {
                            "refId": "Events",
                            "query": self.marks[1],
                            "rawQuery": True,
                            "fromAnnotations": True,
                            "textColumn": "text",
                            "tagsColumn": "kind,subject",
                        },
                    },
                ]
            },
            "links": [one.json() for one in self.links],
            "panels": list(_laid_out(self.rows, source)),
        }

    @property
    def text(self) -> str:
        """The JSON of a file."""
        return json.dumps(self.json(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def panel_id(self, key: str) -> int:
        """The number of the panel with this key."""
        numbers = iter(range(1, 1 + sum(1 + len(row.panels) for row in self.rows)))
        for row in self.rows:
            next(numbers)
            for panel in row.panels:
                number = next(numbers)
                if panel.key == key:
                    return number
        raise KeyError(key)


def references() -> Iterator[str]:
    """A, B, … Z, AA, AB, …: the names of queries."""
    yield from ascii_uppercase
    for first in ascii_uppercase:
        for second in ascii_uppercase:
            yield first + second


def _laid_out(rows: Sequence[Row], source: Json) -> Iterator[Json]:
    number = y = 0
    for row in rows:
        number += 1
        heading: Json = {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": row.closed,
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        panels = []
        below = y + 1
        for panel, x, top in _places(row.panels, y + 1):
            number += 1
            panels.append(panel.json(number, x, top, source))
            below = max(below, top + panel.height)
        if row.closed:
            heading["panels"] = panels
            y += 1
            yield heading
        else:
            y = below
            yield heading
            yield from panels


def _places(panels: Iterable[Panel], y: int) -> Iterator[tuple[Panel, int, int]]:
    x = tallest = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        yield panel, x, y
        x, tallest = x + panel.width, max(tallest, panel.height)
