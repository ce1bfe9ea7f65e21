"""InfluxQL as Grafana's panels ask it: quoted names and texts, the flag in every question about data.

InfluxQL is the one language that InfluxDB 1.8, 2 and 3 all answer. ``$timeFilter`` and ``$__interval`` are Grafana's,
``${name:singlequote}`` is a template variable as a quoted, escaped text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from soilco2.dashboards.errors import GrafanaError
from soilco2.quality.records import Flag
from soilco2.station_config.message import Message
from soilco2.storage.influx.line_protocol import EVENT, HEALTH, SOIL

TIME = "$timeFilter"
"""The time span of the dashboard."""

STATION = '"station" = ${station:singlequote}'
STATIONS = '"station" =~ /^${station:regex}$/'
PROFILE = '"profile" = ${profile:singlequote}'
POSITION = '"position" = ${position:singlequote}'
SITE = "\"profile\" = 'site' AND \"position\" = ''"
"""Series without depth: the profile ``site``, and no tag ``position``."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _plain(value: str) -> str:
    if _CONTROL.search(value):
        raise GrafanaError(
            Message(
                "{value!r} holds a control character, which no query of a dashboard can carry", value=value
            )
        )
    return value.replace("\\", "\\\\")


def name(value: str) -> str:
    """A measurement, field or tag key, quoted."""
    return '"' + _plain(value).replace('"', '\\"') + '"'


def text(value: str) -> str:
    """A tag's value, quoted."""
    return "'" + _plain(value).replace("'", "\\'") + "'"


def is_(tag: str, value: str) -> str:
    """The condition that a tag has this value."""
    return f"{name(tag)} = {text(value)}"


def any_of(conditions: Iterable[str]) -> str:
    """The condition that one of these holds."""
    return "(" + " OR ".join(f"({one})" for one in conditions) + ")"


def events(condition: str) -> str:
    """What happened, as marks."""
    return f'SELECT "text", "subject", "kind" FROM {name(EVENT)} WHERE {condition} AND {TIME}'  # noqa: S608 - names


def usable(variable: str) -> str:
    """The condition that a value may be shown: flagged good or not evaluated."""
    return f"{name(variable + '_flag')} <= {Flag.NOT_EVALUATED:d}"


def doubtful(variable: str) -> str:
    """The condition that a value is suspect or bad."""
    flag = name(variable + "_flag")
    return f"{flag} >= {Flag.SUSPECT:d} AND {flag} <= {Flag.BAD:d}"


def judged(variable: str) -> str:
    """The condition that there is a flag at all."""
    return f"{name(variable + '_flag')} >= {Flag.GOOD:d}"


def select(
    what: str,
    source: str,
    *conditions: str,
    every: str = "",
    by: Iterable[str] = (),
) -> str:
    """One statement.

    Parameters
    ----------
    what : str
        Fields or aggregates.
    source : str
        A measurement, or a statement in parentheses.
    *conditions : str
        All of which must hold.
    every : str
        Length of the steps that are aggregated, such as ``"$__interval"``; empty steps are left out.
    by : iterable of str
        Tags that tell series apart.
    """
    groups = ([f"time({every})"] if every else []) + [name(tag) for tag in by]
    from_ = source if source.startswith("(") else name(source)
    words = [f"SELECT {what} FROM {from_}"]  # noqa: S608 - quoted above
    if conditions:
        words.append("WHERE " + " AND ".join(conditions))
    if groups:
        words.append("GROUP BY " + ", ".join(groups))
    if every:
        words.append("fill(none)")
    return " ".join(words)


def tag_values(key: str, *conditions: str) -> str:
    """The values of a tag, for a template variable."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SHOW TAG VALUES FROM {name(HEALTH if key == 'station' else SOIL)} WITH KEY = {name(key)}{where}"
