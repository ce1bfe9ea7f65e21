"""What the kinds of connection have in common whose instruments are heard through an MQTT broker.

Connections of all these kinds share one session for each broker. A kind says which topics it listens to; its driver
brings the decoder of their messages (`soilco2.ingest.drivers.over_mqtt`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soilco2.station_config.base import Identifier
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Kind, Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import nearest


class OverMqtt(Connection):
    """A connection through a broker."""

    broker: Identifier | None = None
    """The broker, by the id of its table `[[broker]]`; left out: that of `[mqtt]`."""


class MqttKind(Kind):
    """A kind of connection through a broker: what is its own are its topics."""

    contract = "pushed"
    session = "mqtt"

    def broker(self, connection: Any) -> str | None:
        return connection.broker or ""

    def claims(self, connection: Any, station: str) -> Iterator[Claim]:
        what = Message("topic")
        if connection.broker:
            what = Message("topic of the broker {broker}", broker=connection.broker)
        for topic in self.topics(connection, station):
            yield Claim("topic", what, topic)

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        known = [row["id"] for row in draft.data.get("broker", []) if isinstance(row, dict) and "id" in row]
        for n, row in self.connections(draft):
            if row.broker is None and draft.file.mqtt is None and "mqtt" not in draft.data:
                expected = Message(
                    "an mqtt connection needs the broker's table: add [mqtt] with host and port"
                )
                yield draft.fault(("connection", n, "kind"), row.kind, expected)
            elif row.broker is not None and row.broker not in known:
                expected = Message("no such broker; {nearest}", nearest=nearest(row.broker, known))
                yield draft.fault(("connection", n, "broker"), row.broker, expected)


def meet(one: str, other: str) -> bool:
    """Whether some topic fits both filters."""
    a, b = one.split("/"), other.split("/")
    for x, y in zip(a, b, strict=False):
        if "#" in (x, y):
            return True
        if x != y and "+" not in (x, y):
            return False
    longer = a if len(a) > len(b) else b
    rest = longer[min(len(a), len(b)) :]
    return not rest or rest == ["#"]  # a/# fits a as well
