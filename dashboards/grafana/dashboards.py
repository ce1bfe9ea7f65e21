"""The dashboards of a station, in one language: overview, profile, quality and instruments, analysis and flux.

That of all stations needs no station file: whichever station publishes it, it is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from soilco2.dashboards.grafana.influxql import (
    POSITION,
    PROFILE,
    SITE,
    STATION,
    STATIONS,
    TIME,
    doubtful,
    events,
    is_,
    judged,
    name,
    select,
    tag_values,
    usable,
)
from soilco2.dashboards.grafana.inventory import Inventory, Level, longest, uid
from soilco2.dashboards.grafana.model import Dashboard, Link, Panel, Query, Row, Variable
from soilco2.dashboards.grafana.panels import (
    BAD,
    GOOD,
    MISSING,
    PLAIN,
    SUSPECT,
    column,
    decimals_of,
    flag_words,
    name_of,
    raster,
    series,
    stat,
    states,
    steps,
    table,
    unit_of,
)
from soilco2.dashboards.grafana.words import Say, words
from soilco2.quality.records import Flag
from soilco2.station_config import variables
from soilco2.station_config.times import DAY_S
from soilco2.storage.influx.line_protocol import DERIVED, HEALTH, SOIL

EVERY = "$__interval"
HEALTH_S = 300.0
"""Between two reports of a station about itself [s]."""
TAG = "soilco2"
_FLUX = variables.VARIABLES["co2_flux"]


@dataclass(frozen=True)
class _Part:
    """What the dashboards of one station and language share."""

    inventory: Inventory
    language: str
    source: str
    say: Say

    def board(
        self, kind: str, rows: list[Row], *, position: bool = False, since: str = "now-7d"
    ) -> Dashboard:
        """A dashboard of the station."""
        say, inventory = self.say, self.inventory
        profiles = inventory.profiles(self.language)
        known = [
            Variable(
                name="station", label=say("v_station"), choices=((inventory.id, inventory.id),), hidden=True
            )
        ]
        if profiles:
            known.append(Variable(name="profile", label=say("v_profile"), choices=profiles))
        if profiles and position:
            query = tag_values("position", STATION, PROFILE)
            known.append(Variable(name="position", label=say("v_position"), query=query))
        return Dashboard(
            uid=inventory.uid(kind, self.language),
            title=f"{inventory.title(self.language)} · {say(kind)}",
            about=say(f"{kind}_about"),
            source=self.source,
            rows=tuple(row for row in rows if row.panels),
            variables=tuple(known),
            links=(Link(say("this_station"), (station_tag(inventory), self.language)),
                   Link(say("stations"), (f"{TAG}-stations", self.language))),
            tags=(TAG, station_tag(inventory), self.language),
            timezone=inventory.timezone,
            annotation=say("people"),
            marks=(say("events"), events(STATION)),
            since=since,
        )  # fmt: skip

    def name(self, variable: variables.Variable) -> str:
        """Its name, with a star where some of its numbers are modelled and not measured."""
        return name_of(variable, self.language) + (" *" if self.inventory.modelled(variable) else "")

    def about(self, variable: variables.Variable) -> str:
        """What must be known of the numbers of a variable."""
        return "\n\n".join(
            self.say("modelled", how=how) for how in self.inventory.modelled(variable, self.language)
        )

    def by_depth(
        self, variable: variables.Variable, what: str, *conditions: str, every: str = EVERY
    ) -> list[Query]:
        """The same question for each depth, the uppermost first."""
        return [
            Query(
                select(what, SOIL, STATION, PROFILE, level.condition, *conditions, TIME, every=every),
                level.label,
            )
            for level in self.inventory.levels(variable)
        ]


def station_tag(inventory: Inventory) -> str:
    """The tag that joins the dashboards of one station."""
    return f"{TAG}-{inventory.id}"


def dashboards(inventory: Inventory, language: str, source: str) -> list[Dashboard]:
    """The dashboards of a station in one language.

    Parameters
    ----------
    inventory : Inventory
    language : str
        ``en`` or ``zh``.
    source : str
        The uid of Grafana's data source.
    """
    part = _Part(inventory, language, source, words(language))
    found = [_station(part), _quality(part), _flux(part)]
    if inventory.at_depth:
        found.insert(1, _profile(part))
    return found


def _mean(variable: variables.Variable, field: str = "") -> str:
    # InfluxQL knows no mean of directions
    how = "sum" if variable.sums else "last" if variable.turns else "mean"
    return f"{how}({name(field or variable.id)})"


# station


def _station(part: _Part) -> Dashboard:
    say = part.say
    by_depth = [_lines(part, variable, width=12) for variable in part.inventory.at_depth]
    return part.board(
        "station",
        [
            Row(say("row_state"), tuple(_state(say))),
            Row(say("row_by_depth"), tuple(by_depth)),
            Row(say("row_site"), tuple(_site_lines(part, row) for row in part.inventory.at_site)),
            Row(say("row_health"), tuple(_health_lines(say)), closed=True),
        ],
    )


def _last(field: str, *conditions: str) -> str:
    return select(f"last({name(field)})", HEALTH, STATION, *conditions, TIME)


def _state(say: Say) -> Iterator[Panel]:
    """How the station is doing, as numbers."""
    size: dict[str, Any] = {"height": 4, "color": "thresholds"}
    yield stat(say("heard"), [Query(_last("backlog_samples"), say("heard"))], key="heard", width=4,
               fields="/^time$/i", unit="dateTimeFromNow", steps=steps(base=PLAIN), **size)  # fmt: skip
    yield stat(say("backlog"), [Query(_last("backlog_samples"), say("backlog"))], key="backlog", width=4,
               unit="short", decimals=0, steps=steps(base=PLAIN), graph=True, **size)  # fmt: skip
    yield stat(say("oldest"), [Query(_last("oldest_waiting_s"), say("oldest"))], width=4, unit="s",
               steps=steps((1800, SUSPECT), (DAY_S, BAD)), **size)  # fmt: skip
    yield stat(say("days_left"), [Query(_last("journal_days_left"), say("days_left"))], key="days_left", width=3,
               unit="d", steps=steps((14, SUSPECT), (30, GOOD), base=BAD), **size)  # fmt: skip
    yield stat(say("disk"), [Query(_last("disk_free_bytes"), say("disk"))], key="disk", width=3, unit="bytes",
               steps=steps((2**30, SUSPECT), (4 * 2**30, GOOD), base=BAD), **size)  # fmt: skip
    yield stat(say("clock"), [Query(_last("clock_offset_s"), say("clock"))], key="clock", width=3, unit="s",
               decimals=3, steps=steps((-1, GOOD), (1, BAD), base=BAD), **size)  # fmt: skip
    yield stat(say("supply"), [Query(_last("supply_voltage"), say("supply"))], width=3, unit="volt", decimals=2,
               steps=steps(base=PLAIN), graph=True, **size)  # fmt: skip


def _lines(part: _Part, variable: variables.Variable, *, width: int) -> Panel:
    return series(
        part.name(variable),
        part.by_depth(variable, _mean(variable), usable(variable.id)),
        period_s=part.inventory.longest_s(variable),
        limits=part.inventory.limits(variable),
        about=part.about(variable),
        width=width,
        unit=unit_of(variable),
        decimals=decimals_of(variable),
    )


def _site_lines(part: _Part, variable: variables.Variable) -> Panel:
    asked = select(_mean(variable), SOIL, STATION, SITE, usable(variable.id), TIME, every=EVERY)
    title = part.name(variable)
    return series(
        title,
        [Query(asked, title)],
        period_s=part.inventory.period_s(variable),
        bars=variable.sums,
        limits=part.inventory.limits(variable),
        about=part.about(variable),
        height=7,
        unit=unit_of(variable),
        decimals=decimals_of(variable),
    )


def _health_lines(say: Say) -> Iterator[Panel]:
    for field, key, unit in (
        ("supply_voltage", "supply", "volt"),
        ("clock_offset_s", "clock", "s"),
        ("backlog_samples", "backlog", "short"),
        ("disk_free_bytes", "disk", "bytes"),
    ):
        asked = select(f"mean({name(field)})", HEALTH, STATION, TIME, every=EVERY)
        yield series(say(key), [Query(asked, say(key))], period_s=HEALTH_S, height=7, unit=unit)


# profile


def _profile(part: _Part) -> Dashboard:
    say, inventory = part.say, part.inventory
    rows = []
    for number, variable in enumerate(inventory.at_depth):
        title, period_s = part.name(variable), inventory.longest_s(variable)
        shown = usable(variable.id)
        rows.append(Row(title, (
            raster(say("raster", name=title), part.by_depth(variable, _mean(variable), shown), variable,
                   period_s=period_s, width=17, height=13, about=part.about(variable)),
            column(say("newest", name=title),
                   part.by_depth(variable, f"last({name(variable.id)})", shown, every=""),
                   variable, width=7, height=13, about=part.about(variable)),
            _lines(part, variable, width=24),
        ), closed=number > 0))  # fmt: skip
    return part.board("profile", rows)


# quality and instruments


def _quality(part: _Part) -> Dashboard:
    say, inventory = part.say, part.inventory
    both = [*inventory.at_depth, *(row for row in inventory.at_site if row not in inventory.at_depth)]
    return part.board(
        "quality",
        [
            Row(say("row_instruments"), tuple(_instruments(part))),
            Row(say("row_flags"), tuple(_flags(part))),
            Row(say("row_usable"), tuple(_usable(part, row) for row in both), closed=True),
            Row(say("row_position"), tuple(_detail(part, row) for row in inventory.at_depth), closed=True),
        ],
        position=True,
    )


def _flags(part: _Part) -> Iterator[Panel]:
    say, inventory = part.say, part.inventory
    known = flag_words(say)

    def worst(variable: variables.Variable) -> str:
        return f"max({name(variable.id + '_flag')})"

    for variable in inventory.at_depth:
        asked = part.by_depth(variable, worst(variable), judged(variable.id))
        yield states(say("flags", name=part.name(variable)), asked, known, period_s=inventory.longest_s(variable),
                     key=f"flags {variable.id}")  # fmt: skip
    if inventory.at_site:
        asked = [
            Query(select(worst(row), SOIL, STATION, SITE, judged(row.id), TIME, every=EVERY), part.name(row))
            for row in inventory.at_site
        ]
        period_s = longest(inventory.period_s(row) for row in inventory.at_site)
        yield states(say("flags_site"), asked, known, period_s=period_s, key="flags site")


def _usable(part: _Part, variable: variables.Variable) -> Panel:
    """Share of the values that should have come in a day [%]."""
    inventory, count = part.inventory, f"count({name(variable.id)})"

    def share(period_s: float) -> str:
        return f"{count} * {100.0 * period_s / DAY_S!r}"

    queries = []
    for level in inventory.levels(variable):
        for period_s in sorted({spot.period_s for spot in level.spots}):
            there = Level(level.label, tuple(spot for spot in level.spots if spot.period_s == period_s))
            asked = select(share(period_s), SOIL, STATION, PROFILE, there.condition, usable(variable.id), TIME,
                           every="1d")  # fmt: skip
            queries.append(Query(asked, level.label))
    if variable in inventory.at_site:
        asked = select(
            share(inventory.period_s(variable)), SOIL, STATION, SITE, usable(variable.id), TIME, every="1d"
        )
        queries.append(Query(asked, part.name(variable)))
    return series(part.say("usable", name=part.name(variable)), queries, period_s=DAY_S, points=True, unit="percent",
                  decimals=0, low=0, about=part.say("usable_about"))  # fmt: skip


def _detail(part: _Part, variable: variables.Variable) -> Panel:
    """Value, the same before correction, and what was flagged, at the chosen position."""
    say, place = part.say, (STATION, PROFILE, POSITION)

    def ask(field: str, condition: str) -> str:
        return select(_mean(variable, field), SOIL, *place, condition, TIME, every=EVERY)

    queries = [
        Query(ask(variable.id, usable(variable.id)), say("value")),
        Query(ask(variable.id + "_raw", usable(variable.id)), say("raw")),
        Query(ask(variable.id, doubtful(variable.id)), say("doubtful")),
    ]
    return series(say("detail", name=part.name(variable)), queries, period_s=part.inventory.longest_s(variable),
                  points=True, unit=unit_of(variable), decimals=decimals_of(variable),
                  about=part.about(variable))  # fmt: skip


def _instruments(part: _Part) -> Iterator[Panel]:
    say = part.say
    each = "$tag_instrument"

    def newest(field: str) -> str:
        return select(f"last({name(field)})", HEALTH, STATION, TIME, by=["instrument"])

    slow = longest(interval for _, interval in part.inventory.instruments)
    yield stat(say("probe_age"), [Query(newest("last_answer_age_s"), each)], key="probe_age", down=True, height=14,
               width=6, unit="s", decimals=0, color="thresholds",
               steps=steps((2 * slow, SUSPECT), (silent_after_s(slow), BAD)))  # fmt: skip
    yield stat(say("due"), [Query(newest("calibration_due_days"), each)], key="due", down=True, height=14, width=6,
               unit="d", decimals=0, color="thresholds", about=say("due_about"),
               steps=steps((0, SUSPECT), (30, GOOD), base=BAD))  # fmt: skip
    fresh = 'non_negative_difference(last("errors"))'
    asked = select(fresh, HEALTH, STATION, TIME, every="1h", by=["instrument", "kind"])
    yield series(say("errors"), [Query(asked, "$tag_instrument $tag_kind")], period_s=3600.0, points=True,
                 unit="short", decimals=0, low=0, height=14)  # fmt: skip
    asked = select('"version", "configuration"', HEALTH, STATION, TIME) + " ORDER BY time DESC LIMIT 1"
    yield table(say("software"), [Query(asked, table=True)], width=24, height=4)


def silent_after_s(interval_s: float) -> float:
    """After how long without an answer an instrument counts as silent [s]."""
    return 3 * interval_s + 900.0


# analysis and flux


def _flux(part: _Part) -> Dashboard:
    say, inventory = part.say, part.inventory
    here = (STATION, PROFILE, is_("variable", _FLUX.id))
    co2 = variables.VARIABLES["co2"]
    period_s = inventory.longest_s(co2)

    def line(field: str, alias: str) -> Query:
        asked = select(f'mean("{field}")', DERIVED, *here, f'"flag" <= {Flag.NOT_EVALUATED:d}', TIME, every=EVERY,
                       by=["method"])  # fmt: skip
        return Query(asked, alias)

    method = "$tag_method"
    results = (
        series(say("efflux", name=part.name(_FLUX)),
               [line("value", method), line("lower", say("lower", what=method)),
                line("upper", say("upper", what=method))],
               period_s=period_s, width=24, height=11, unit=unit_of(_FLUX), decimals=decimals_of(_FLUX),
               about=say("efflux_about")),
        states(say("refused"),
               [Query(select('max("flag")', DERIVED, *here, '"flag" >= 1', TIME, every=EVERY, by=["method"]), method)],
               {"1": (say("answered"), GOOD), "9": (say("refusal"), MISSING)},
               period_s=period_s, width=24, height=5),
    )  # fmt: skip
    rest_on = ("co2", "soil_temperature", "soil_water", "air_temperature", "air_pressure", "rain")
    inputs = [_lines(part, row, width=12) for row in inventory.at_depth if row.id in rest_on]
    inputs += [_site_lines(part, row) for row in inventory.at_site if row.id in rest_on]
    return part.board("flux", [Row(say("row_results"), results), Row(say("row_inputs"), tuple(inputs))])


# all stations


def stations_dashboard(language: str, source: str) -> Dashboard:
    """How every station in the database is doing; it needs no station file."""
    say = words(language)
    each = "$tag_station"

    def newest(field: str) -> list[Query]:
        return [Query(select(f"last({name(field)})", HEALTH, STATIONS, TIME, by=["station"]), each)]

    def of_instruments(which: str, field: str) -> list[Query]:
        inner = select(f'last({name(field)}) AS "x"', HEALTH, STATIONS, TIME, by=["station", "instrument"])
        return [Query(select(f'{which}("x")', f"({inner})", TIME, by=["station"]), each)]

    size: dict[str, Any] = {"down": True, "width": 8, "color": "thresholds"}
    heard = select('last("backlog_samples") AS "backlog"', HEALTH, STATIONS, TIME, by=["station"])
    panels = (
        table(say("heard"), [Query(heard, table=True)], width=8),
        stat(say("oldest"), newest("oldest_waiting_s"), unit="s", steps=steps((1800, SUSPECT), (DAY_S, BAD)), **size),
        stat(say("probe_age_max"), of_instruments("max", "last_answer_age_s"), unit="s", decimals=0,
             steps=steps((7200, SUSPECT), (DAY_S, BAD)), **size),
        stat(say("supply"), newest("supply_voltage"), unit="volt", decimals=2, steps=steps(base=PLAIN), **size),
        stat(say("days_left"), newest("journal_days_left"), unit="d", decimals=0,
             steps=steps((14, SUSPECT), (30, GOOD), base=BAD), **size),
        stat(say("disk"), newest("disk_free_bytes"), unit="bytes",
             steps=steps((2**30, SUSPECT), (4 * 2**30, GOOD), base=BAD), **size),
        stat(say("clock"), newest("clock_offset_s"), unit="s", decimals=3,
             steps=steps((-1, GOOD), (1, BAD), base=BAD), **size),
        stat(say("due_min"), of_instruments("min", "calibration_due_days"), unit="d", decimals=0,
             about=say("due_about"), steps=steps((0, SUSPECT), (30, GOOD), base=BAD), **size),
    )  # fmt: skip
    waiting = select('mean("backlog_samples")', HEALTH, STATIONS, TIME, every=EVERY, by=["station"])
    history = series(
        say("backlog"), [Query(waiting, each)], period_s=HEALTH_S, unit="short", decimals=0, width=24
    )
    return Dashboard(
        uid=uid(TAG, "stations", language),
        title=f"soilco2 · {say('stations')}",
        about=say("stations_about"),
        source=source,
        rows=(Row(say("row_state"), (*panels, history)),),
        variables=(Variable(name="station", label=say("v_station"), query=tag_values("station"), many=True),),
        links=(Link(say("station"), (TAG, language), dropdown=True),),
        tags=(TAG, f"{TAG}-stations", language),
        timezone="browser",
        annotation=say("people"),
        marks=(say("events"), events(STATIONS)),
        since="now-2d",
    )
