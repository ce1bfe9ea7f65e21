"""Observations as InfluxDB's line protocol, and the layout of the database: one place for both.

``soil``          tags station, profile, position;
                  fields ``<variable>``, ``<variable>_raw``, ``<variable>_flag``
``soil_derived``  tags station, profile, position, variable, method; fields value, lower, upper, flag
``soil_health``   tags station and what the row is about; see docs/reference/influxdb.md
``soil_event``    tags station and kind; what happened, as text

Every field is a float, so that a field never changes its type. Times are microseconds. A series without a
position (profile ``site``) has no tag position: the database refuses an empty one, and its query language
finds a missing tag by ``"position" = ''``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from soilco2.quality.records import Observation, SeriesKey
from soilco2.station_config.message import Message
from soilco2.station_config.times import TIME_MAX_US, TIME_MIN_US
from soilco2.storage.errors import LineError

SOIL = "soil"
DERIVED = "soil_derived"
HEALTH = "soil_health"
EVENT = "soil_event"


_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_LARGEST = 1.7976931348623157e308
_MEASUREMENT, _TAG, _FIELD = Message("measurement"), Message("tag"), Message("field")
_VALUE, _RAW = Message("the value"), Message("the raw value")


def _name(text: str, what: str) -> str:
    """A measurement, tag key, tag value or field key, escaped.

    Raises
    ------
    LineError
        When line protocol has no way to write it.
    """
    if not text:
        raise LineError(Message("{what} is empty, and line protocol has no empty names", what=what))
    if _CONTROL.search(text):
        raise LineError(
            Message(
                "{what} {name!r} holds a line break or control character, which has no escape",
                what=what,
                name=text,
            )
        )
    if "\\" in text:
        raise LineError(
            Message(
                "{what} {name!r} holds a backslash, which line protocol cannot write unambiguously",
                what=what,
                name=text,
            )
        )
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


@lru_cache(maxsize=4096)
def _series(key: SeriesKey) -> tuple[str, str]:
    """Measurement with tags, and the name of the field."""
    tags = f"{SOIL},station={_name(key.station, 'station')},profile={_name(key.profile, 'profile')}"
    if key.position:
        tags += f",position={_name(key.position, 'position')}"
    return tags, _name(key.variable, "variable")


def _finite(value: float, name: str, about: object) -> float:
    if not -_LARGEST <= value <= _LARGEST:
        raise LineError(
            Message(
                "{about}: {name} is {value}; a database holds finite numbers only",
                about=about,
                name=name,
                value=value,
            )
        )
    return value


def line(observation: Observation) -> str:
    """One observation as one line, without its line break.

    A missing value is left out; the flag is always there and tells that it is missing.

    Raises
    ------
    LineError
        When value or raw is NaN or infinite, the time is out of range or a name cannot be written.
    """
    key, time_us, value, raw, flag = observation[:5]
    tags, field = _series(key)
    if not TIME_MIN_US <= time_us <= TIME_MAX_US:
        raise LineError(
            Message(
                "{about}: the time {time_us} µs is beyond what the database can hold",
                about=key,
                time_us=time_us,
            )
        )
    if value is None:
        text = f"{tags} {field}_flag={flag:d}"
    else:
        if not -_LARGEST <= value <= _LARGEST:
            _finite(value, _VALUE, Message("{series} at {time_us} µs", series=key, time_us=time_us))
        text = f"{tags} {field}={value!r},{field}_flag={flag:d}"
    if raw is not None:
        if not -_LARGEST <= raw <= _LARGEST:
            _finite(raw, _RAW, Message("{series} at {time_us} µs", series=key, time_us=time_us))
        text = f"{text},{field}_raw={raw!r}"
    return f"{text} {time_us}"


def encode(observations: Iterable[Observation]) -> bytes:
    """Observations as line protocol, one line each, for `soilco2.storage.influx.sink.InfluxSink.write`.

    Raises
    ------
    LineError
        At the first observation that cannot be written; nothing is dropped in silence.
    """
    return "\n".join(map(line, observations)).encode()


def point(
    measurement: str, tags: Mapping[str, str], fields: Mapping[str, float | str], time_us: int
) -> bytes:
    """Any other point as one line: numbers as floats, words as strings; empty tags are left out.

    Parameters
    ----------
    measurement : str
    tags : mapping of str to str
    fields : mapping of str to float or str
        At least one.
    time_us : int
        [µs UTC]

    Raises
    ------
    LineError
        As `line`; also for a point without fields.
    """
    if not fields:
        raise LineError(Message("a point of {measurement} has no field", measurement=measurement))
    if not TIME_MIN_US <= time_us <= TIME_MAX_US:
        raise LineError(
            Message(
                "{about}: the time {time_us} µs is beyond what the database can hold",
                about=measurement,
                time_us=time_us,
            )
        )
    text = _name(measurement, _MEASUREMENT)
    for key, tag in sorted(tags.items()):
        if tag:
            text += f",{_name(key, _TAG)}={_name(tag, key)}"
    parts = []
    for key, value in fields.items():
        if isinstance(value, str):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'{_name(key, _FIELD)}="{quoted}"')
        else:
            parts.append(f"{_name(key, _FIELD)}={_finite(float(value), key, measurement)!r}")
    return f"{text} {','.join(parts)} {time_us}".encode()
