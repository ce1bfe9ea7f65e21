"""LoRaWAN devices through the MQTT integration of their network server: table, rules, words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from soilco2.station_config.connections.kind import Draft, Key, Models
from soilco2.station_config.connections.line_rules import addresses
from soilco2.station_config.connections.lorawan_model import LorawanModel
from soilco2.station_config.connections.over_mqtt import MqttKind, OverMqtt
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

_USUAL = {"chirpstack": "application/+/device/+/event/up", "tts": "v3/+/devices/+/up"}
_NAMES = {"chirpstack": "ChirpStack", "tts": "The Things Stack"}
_EUI = re.compile(r"[0-9a-f]{16}").fullmatch


def dev_eui(text: str) -> str | None:
    """A device's EUI as 16 small hexadecimal digits, written with or without separators; None when it is none."""
    found = re.sub(r"[-: ]", "", text).lower()
    return found if _EUI(found) else None


class LorawanConnection(OverMqtt):
    """LoRaWAN devices, whose network server publishes their uplinks to a broker.

    Whose messages they are is known by their keys: ChirpStack 4 and 3 and The Things Stack. `server` says where they
    are published.
    """

    kind: Literal["lorawan"]
    """`"lorawan"`."""
    server: Literal["chirpstack", "tts"] = "chirpstack"
    """The network server: ChirpStack (4 or 3) or The Things Stack."""
    topic: str | None = None
    """Topic of the uplinks; left out: `application/+/device/+/event/up` of ChirpStack, `v3/+/devices/+/up` of The
    Things Stack."""


class _Lorawan(MqttKind):
    name = "lorawan"
    label = ("LoRaWAN", "LoRaWAN")
    table = LorawanConnection
    models = (LorawanModel,)
    driver = "soilco2.ingest.drivers.lorawan:DRIVER"
    open_ended = False
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "broker": ("broker", "消息代理"),
        "server": ("network server", "网络服务器"),
        "topic": ("topic", "主题"),
    }
    left_out: ClassVar = {
        "broker": ("that of `[mqtt]`", "`[mqtt]` 的消息代理"),
        "topic": ("that of the network server", "网络服务器的主题"),
    }

    def describe(self, connection: LorawanConnection, station: str) -> str:
        return f"LoRaWAN, {_NAMES[connection.server]}, {self.topics(connection, station)[0]}"

    def topics(self, connection: LorawanConnection, station: str) -> tuple[str, ...]:
        return (connection.topic or _USUAL[connection.server],)

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        if not isinstance(row.address, str) or dev_eui(row.address) is None:
            yield draft.fault(
                (*path, "address"), row.address,
                Message('the device\'s EUI is expected, 16 hexadecimal digits, such as address = "a84041fffe000010"'),
            )  # fmt: skip

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        yield from super().rules(draft, models)
        yield from addresses(draft, {row.id: row for _, row in self.connections(draft)})


KIND = _Lorawan()
