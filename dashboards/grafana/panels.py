"""How Grafana shows a variable: unit, decimals, colours; and the panels that the dashboards are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from soilco2.dashboards.grafana.inventory import span
from soilco2.dashboards.grafana.model import Panel, Query, Step
from soilco2.dashboards.grafana.words import Say
from soilco2.quality.records import Flag
from soilco2.station_config.variables import Variable

UNITS = {
    "ppm": "ppm",
    "degC": "celsius",
    "hPa": "pressurehpa",
    "%": "percent",
    "m/s": "velocityms",
    "mm": "lengthmm",
    "V": "volt",
}
"""Canonical unit to Grafana's own; the others are written as they stand in the registry."""

# colours of Okabe and Ito (2008), which colour-blind eyes tell apart; each state has its word beside them
GOOD, UNSURE, SUSPECT, BAD, MISSING = "#009E73", "#56B4E9", "#E69F00", "#D55E00", "#999999"
PLAIN = "text"

_RASTER = {
    "co2": "Viridis",
    "soil_temperature": "Inferno",
    "air_temperature": "Inferno",
    "soil_water": "Blues",
}
_COLUMN = {"soil_temperature": "continuous-BlYlRd", "air_temperature": "continuous-BlYlRd",
           "soil_water": "continuous-blues", "co2": "continuous-YlRd"}  # fmt: skip
_TOOLTIP = {"mode": "multi", "sort": "none"}
_LEGEND = {"displayMode": "list", "placement": "right", "showLegend": True, "calcs": []}
_LOW = -1e9
"""Grafana hides cells at or below this; by default it hides zero and frost."""


def unit_of(variable: Variable) -> str:
    """Grafana's name of a variable's unit."""
    return UNITS.get(variable.unit) or f"suffix: {variable.unit_text}"


def decimals_of(variable: Variable) -> int:
    """Decimals worth showing."""
    return max(0, -math.floor(math.log10(variable.resolution) + 1e-9))


def name_of(variable: Variable, language: str) -> str:
    """Its name, beginning with a capital in English."""
    text = variable.name_zh if language == "zh" else variable.name_en
    return text[:1].upper() + text[1:]


def flag_words(say: Say) -> dict[str, tuple[str, str]]:
    """Flags as words and colours."""
    colors = {
        Flag.GOOD: GOOD,
        Flag.NOT_EVALUATED: UNSURE,
        Flag.SUSPECT: SUSPECT,
        Flag.BAD: BAD,
        Flag.MISSING: MISSING,
    }
    return {f"{flag:d}": (say(f"flag_{flag:d}"), color) for flag, color in colors.items()}


def steps(*pairs: tuple[float, str], base: str = GOOD) -> tuple[Step, ...]:
    """Thresholds upward from `base`."""
    return (Step(None, base), *(Step(value, color) for value, color in pairs))


def series(
    title: str,
    queries: Sequence[Query],
    *,
    period_s: float,
    bars: bool = False,
    points: bool = False,
    limits: Sequence[tuple[float, Flag]] = (),
    **more: Any,
) -> Panel:
    """Lines in time; a pause of three periods is a gap, and limits are dashed."""
    custom: dict[str, Any] = {
        "drawStyle": "bars" if bars else "line",
        "lineWidth": 1,
        "fillOpacity": 60 if bars else 0,
        "showPoints": "always" if points else "auto",
        "pointSize": 4,
        "spanNulls": False,
        "insertNulls": round(3000 * period_s),
    }
    if limits:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        more["steps"] = steps(
            *((value, BAD if flag is Flag.BAD else SUSPECT) for value, flag in limits), base=PLAIN
        )
    options = {"legend": _LEGEND, "tooltip": _TOOLTIP}
    return Panel(kind="timeseries", title=title, queries=tuple(queries), custom=custom, options=options,
                 interval=span(period_s), **more)  # fmt: skip


def raster(
    title: str, queries: Sequence[Query], variable: Variable, *, period_s: float, **more: Any
) -> Panel:
    """Depth × time; each query is a row, the first on top."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": _RASTER.get(variable.id, "Purples"), "fill": "dark-orange",
                  "scale": "linear", "exponent": 0.5, "steps": 64, "reverse": False},
        "filterValues": {"le": _LOW},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "cellGap": 0,
        "cellValues": {"unit": unit_of(variable), "decimals": decimals_of(variable)},
        "yAxis": {"axisPlacement": "left", "reverse": True},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "selectionMode": "x",
    }  # fmt: skip
    return Panel(kind="heatmap", title=title, queries=tuple(queries), unit=unit_of(variable), options=options,
                 interval=span(period_s), **more)  # fmt: skip


def stat(
    title: str,
    queries: Sequence[Query],
    *,
    fields: str = "",
    down: bool = False,
    background: bool = False,
    graph: bool = False,
    **more: Any,
) -> Panel:
    """Newest values; `down` stacks them like the soil, `fields` picks others than the numbers."""
    options = {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": fields},
        "orientation": "horizontal" if down else "auto",
        "textMode": "value_and_name" if down or len(queries) > 1 else "auto",
        "colorMode": "background_solid" if background else "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    return Panel(kind="stat", title=title, queries=tuple(queries), options=options, **more)


def column(title: str, queries: Sequence[Query], variable: Variable, **more: Any) -> Panel:
    """The soil column: newest value of each depth, the uppermost on top."""
    return stat(
        title,
        queries,
        down=True,
        background=True,
        unit=unit_of(variable),
        decimals=decimals_of(variable),
        color=_COLUMN.get(variable.id, "continuous-purples"),
        **more,
    )


def states(
    title: str, queries: Sequence[Query], known: dict[str, tuple[str, str]], *, period_s: float, **more: Any
) -> Panel:
    """States in time as coloured words."""
    options = {
        "showValue": "auto",
        "rowHeight": 0.9,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {**_LEGEND, "placement": "bottom"},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"fillOpacity": 80, "lineWidth": 0, "insertNulls": round(3000 * period_s)}
    return Panel(kind="state-timeline", title=title, queries=tuple(queries), words=known, options=options,
                 custom=custom, color="thresholds", steps=(Step(None, MISSING),), interval=span(period_s),
                 **more)  # fmt: skip


def table(title: str, queries: Sequence[Query], **more: Any) -> Panel:
    """Rows and columns."""
    options = {"frameIndex": 0, "showHeader": True, "cellHeight": "sm"}
    return Panel(kind="table", title=title, queries=tuple(queries), options=options,
                 custom={"align": "auto", "inspect": False}, **more)  # fmt: skip
