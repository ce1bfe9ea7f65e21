"""Writing to InfluxDB 2: one synchronous request per batch, every answer told apart."""

from __future__ import annotations

import gzip

from soilco2.station_config.message import Message
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.errors import SinkUnavailable
from soilco2.storage.http import where
from soilco2.storage.influx.http import InfluxHttp
from soilco2.storage.influx.line_protocol import encode

__all__ = ["InfluxSink", "encode"]


class InfluxSink:
    """A bucket that takes line protocol.

    Parameters
    ----------
    table : InfluxdbTable
        The token is asked for once, here.

    Raises
    ------
    StationConfigError
        When the token is not where the station file says.
    """

    def __init__(self, table: InfluxdbTable) -> None:
        self.table = table
        self._http = InfluxHttp(table)
        self.close = self._http.close

    def write(self, lines: bytes) -> None:
        """Store these lines; when this returns, the database has acknowledged all of them.

        Parameters
        ----------
        lines : bytes
            Line protocol with times in microseconds.

        Raises
        ------
        SinkRefused
            400: nothing was stored; 422: all but the refused points were stored.
        SinkTooLarge, SinkDenied, SinkUnavailable
        """
        if not lines:
            return
        answer = self._http.request(
            "POST",
            "/api/v2/write",
            {"org": self.table.org, "bucket": self.table.bucket, "precision": "us"},
            gzip.compress(lines, 1),
            {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
        )
        if answer.status == 204:
            return
        if 200 <= answer.status < 300:
            raise SinkUnavailable(
                Message(
                    "{place}: answered {status} where InfluxDB answers 204; something else answers there, perhaps a "
                    "login page of the network",
                    place=where(self.table),
                    status=answer.status,
                )
            )
        raise self._http.error(answer)
