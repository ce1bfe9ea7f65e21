"""Series from InfluxDB, by InfluxQL: the one query language that InfluxDB 1.8, 2 and 3 all answer.

Values travel as bound parameters, names as quoted identifiers. A series is asked for in pages of a bounded
number of rows, each beginning after the last time of the one before.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.message import Message
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.station_config.times import TIME_MAX_US, TIME_MIN_US
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkUnavailable
from soilco2.storage.http import where
from soilco2.storage.influx.http import InfluxHttp
from soilco2.storage.influx.line_protocol import DERIVED, SOIL
from soilco2.storage.reader import PIECE, Piece, SeriesInfo

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station

_FLAG = "_flag"
_NAN = float("nan")


def identifier(name: str) -> str:
    """A name as InfluxQL quotes it.

    Raises
    ------
    SinkRefused
        For a line break, which no measurement, tag or field of ours has.
    """
    if re.search(r"[\x00-\x1f]", name):
        raise SinkRefused(Message("the name {name!r} holds a control character", name=name))
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


class InfluxReader:
    """The series that a bucket holds.

    Parameters
    ----------
    table : InfluxdbTable
    station : Station, optional
        Gives depths, periods and remarks, and narrows the series to this station.

    Raises
    ------
    StationConfigError
        When the token is not where the station file says.
    """

    def __init__(self, table: InfluxdbTable, station: Station | None = None) -> None:
        self.table = table
        self._station = station
        self.variables = VARIABLES if station is None else station.variables
        self._http = InfluxHttp(table)
        self.close = self._http.close

    # queries

    def query(self, influxql: str, parameters: dict[str, Any] | None = None) -> list[list[dict[str, Any]]]:
        """The series found by each statement, times in microseconds.

        Parameters
        ----------
        influxql : str
            Statements separated by semicolons; values as ``$name``.
        parameters : dict, optional
            Values of the names.

        Raises
        ------
        SinkUnavailable, SinkDenied, SinkRefused
        """
        fields = {"db": self.table.bucket, "q": influxql, "epoch": "u"}
        if parameters:
            fields["params"] = json.dumps(parameters)
        answer = self._http.request("GET", "/query", fields)
        if answer.status != 200:
            raise self._http.error(answer)
        try:
            results = json.loads(answer.data)["results"]
        except (ValueError, KeyError, TypeError):
            raise SinkUnavailable(
                Message(
                    "{place}: the answer is not InfluxDB's; something else answers there, perhaps a login page of the "
                    "network",
                    place=where(self.table),
                )
            ) from None
        found = []
        for result in results:
            if "error" in result:
                raise self._refusal(str(result["error"]))
            found.append(result.get("series", []))
        return found

    def _refusal(self, words: str) -> SinkError:
        words = " ".join(words.split()).replace(self._http.token, "***")
        if "database not found" in words or "not authorized" in words or "unauthorized" in words:
            return SinkDenied(
                Message(
                    "{place}: bucket {bucket!r} is not there, or the token may not read it ({words})",
                    place=where(self.table),
                    bucket=self.table.bucket,
                    words=words,
                )
            )
        return SinkRefused(Message("{place}: {words}", place=where(self.table), words=words))

    def _where(self, key: SeriesKey) -> tuple[str, dict[str, Any]]:
        # a series without position has no such tag, which InfluxQL finds as an empty one
        return (
            '"station" = $station AND "profile" = $profile AND "position" = $position',
            {"station": key.station, "profile": key.profile, "position": key.position},
        )

    # the read interface

    def series(self) -> list[SeriesInfo]:
        """Every series of the station (of the bucket without one), sorted by profile, depth and variable."""
        (fields,) = self.query(f"SHOW FIELD KEYS FROM {identifier(SOIL)}")
        names = sorted(
            row[0].removesuffix(_FLAG)
            for series in fields
            for row in series["values"]
            if row[0].endswith(_FLAG) and row[0].removesuffix(_FLAG) in self.variables
        )
        narrow, parameters = "", {}
        if self._station is not None:
            narrow, parameters = ' AND "station" = $station', {"station": self._station.file.station.id}
        # without a bound an aggregate ends at the server's present
        condition = f"time >= {TIME_MIN_US}u AND time <= {TIME_MAX_US}u{narrow}"
        place = 'GROUP BY "station", "profile", "position"'
        statements = []
        for function in ("FIRST", "LAST"):
            statements += [
                f"SELECT {function}({identifier(name + _FLAG)}) AS {identifier(name)} "  # noqa: S608 - quoted
                f"FROM {identifier(SOIL)} WHERE {condition} {place}"
                for name in names
            ]
            statements.append(
                f'SELECT {function}("value") FROM {identifier(DERIVED)} '  # noqa: S608 - quoted
                f'WHERE {condition} {place}, "variable"'
            )
        ends: dict[SeriesKey, list[int]] = {}
        for series in self.query(";".join(statements), parameters):
            for row in series:
                tags = row["tags"]
                name = tags.get("variable", row["columns"][1])
                if name in self.variables:
                    key = SeriesKey(tags["station"], tags["profile"], tags["position"], name)
                    ends.setdefault(key, []).append(row["values"][0][0])
        return sorted((self._info(key, sorted(found)) for key, found in ends.items()), key=self._rank)

    def _info(self, key: SeriesKey, ends: list[int]) -> SeriesInfo:
        unit = self.variables[key.variable].unit
        if self._station is None:
            return SeriesInfo(key, unit, first_us=ends[0], last_us=ends[-1])
        deployments = self._station.deployments
        return SeriesInfo(
            key,
            unit,
            depth_m=deployments.depth_at(key.profile, key.position),
            first_us=ends[0],
            last_us=ends[-1],
            period_s=deployments.period_s(key),
            note=deployments.note(key),
        )

    def _rank(self, info: SeriesInfo) -> tuple[str, str, float, str, tuple[int, str]]:
        depth = -1e9 if info.depth_m is None else info.depth_m
        place = info.key
        return place.station, place.profile, depth, place.position, self.variables.rank(place.variable)

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        """Pieces of these series with ``start_us <= time < end_us``, series by series, oldest first.

        A flag of 9 means there is no value, whatever number the field still holds from before.
        """
        for key in map(SeriesKey._make, keys):
            found = False
            for piece in self._read_soil(key, start_us, end_us):
                found = True
                yield piece
            if not found:
                yield from self._read_derived(key, start_us, end_us)

    def _pages(
        self, select: str, measurement: str, condition: str, parameters: dict[str, Any],
        start_us: int | None, end_us: int | None,
    ) -> Iterator[list[list[Any]]]:  # fmt: skip
        low = TIME_MIN_US if start_us is None else max(start_us, TIME_MIN_US)
        high = TIME_MAX_US if end_us is None else min(end_us - 1, TIME_MAX_US)
        while low <= high:
            (found,) = self.query(
                f"SELECT {select} FROM {identifier(measurement)} WHERE {condition} "  # noqa: S608 - quoted, bound
                f"AND time >= {low}u AND time <= {high}u ORDER BY time LIMIT {PIECE}",
                parameters,
            )
            if not found:
                return
            rows = found[0]["values"]
            yield rows
            if len(rows) < PIECE:
                return
            low = rows[-1][0] + 1

    def _read_soil(self, key: SeriesKey, start_us: int | None, end_us: int | None) -> Iterator[Piece]:
        select = f"{identifier(key.variable)}, {identifier(key.variable + _FLAG)}"
        condition, parameters = self._where(key)
        for rows in self._pages(select, SOIL, condition, parameters, start_us, end_us):
            yield _piece(key, rows)

    def _read_derived(self, key: SeriesKey, start_us: int | None, end_us: int | None) -> Iterator[Piece]:
        """Results in time; of several methods the one with the newest value, never a mixture."""
        condition, parameters = self._where(key)
        condition += ' AND "variable" = $variable'
        parameters["variable"] = key.variable
        tail = f'FROM {identifier(DERIVED)} WHERE {condition} GROUP BY "method"'
        asked = f'SELECT last("flag") {tail}; SELECT last("value") {tail}'
        methods = [row for rows in self.query(asked, parameters) for row in rows]
        if not methods:
            return
        newest = max(methods, key=lambda row: (row["values"][0][0], row["tags"]["method"]))
        parameters["method"] = newest["tags"]["method"]
        condition += ' AND "method" = $method'
        select = '"value", "lower", "upper", "flag"'
        for rows in self._pages(select, DERIVED, condition, parameters, start_us, end_us):
            missing = Flag.MISSING.value
            # a missing result may have a number beside it from before
            columns = [
                array("d", [_NAN if row[n] is None or row[4] == missing else row[n] for row in rows])
                for n in (1, 2, 3)
            ]
            flags = array("b", [int(Flag.GOOD if row[4] is None else row[4]) for row in rows])
            yield Piece(key, array("q", [row[0] for row in rows]), columns[0], flags, columns[1], columns[2])


def _piece(key: SeriesKey, rows: list[list[Any]]) -> Piece:
    missing = float(Flag.MISSING)
    return Piece(
        key,
        array("q", [row[0] for row in rows]),
        array("d", [_NAN if row[1] is None or row[2] == missing else row[1] for row in rows]),
        array("b", [int(Flag.NOT_EVALUATED if row[2] is None else row[2]) for row in rows]),
    )
