"""Devices that publish JSON of any layout to a broker, with a mapping in the station file: table, rules, words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from soilco2.station_config.connections.kind import Draft, Key, Models
from soilco2.station_config.connections.mqtt import NodeModel
from soilco2.station_config.connections.over_mqtt import MqttKind, OverMqtt
from soilco2.station_config.errors import Fault
from soilco2.station_config.json_mapping import KEYS, LEFT_OUT, JsonMapping, by_address, mapping_faults
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument


class MqttJsonConnection(OverMqtt, JsonMapping):
    """Devices that publish JSON of any layout to a broker; `reading` says where in it each value stands."""

    kind: Literal["mqtt-json"]
    """`"mqtt-json"`."""
    topic: str = Field(min_length=1)
    """Topic they publish to; `+` stands for one level, `#` for all that follow."""
    device_level: Annotated[int, Field(ge=1, le=64)] | None = None
    """The level of the topic that names the device, from 1."""


class _MqttJson(MqttKind):
    name = "mqtt-json"
    label = ("JSON over MQTT", "MQTT 上的 JSON")
    table = MqttJsonConnection
    models = (NodeModel,)
    driver = "soilco2.ingest.drivers.mqtt_json:DRIVER"
    open_ended = True
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "broker": ("broker", "消息代理"),
        "topic": ("topic", "主题"),
        "device_level": ("level that names the device", "指明设备的主题层级"),
        **KEYS,
    }
    left_out: ClassVar = {
        "broker": ("that of `[mqtt]`", "`[mqtt]` 的消息代理"),
        "device_level": ("none", "无"),
        **LEFT_OUT,
    }

    def describe(self, connection: MqttJsonConnection, station: str) -> str:
        return f"{self.label[0]}, {connection.topic}"

    def topics(self, connection: MqttJsonConnection, station: str) -> tuple[str, ...]:
        return (connection.topic,)

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        yield from by_address(draft, path, row)

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        yield from super().rules(draft, models)
        for n, row in self.connections(draft):
            path: Key = ("connection", n)
            if row.device is not None and row.device_level is not None:
                yield draft.fault(
                    (*path, "device_level"), row.device_level,
                    Message("device and device_level both say where the device is named; take one of them out"),
                )  # fmt: skip
            levels = row.topic.split("/")
            if row.device_level is not None and row.device_level > len(levels) and levels[-1] != "#":
                yield draft.fault(
                    (*path, "device_level"), row.device_level,
                    Message("a level of the topic is expected, 1 to {most}", most=len(levels)),
                )  # fmt: skip
            yield from mapping_faults(draft, path, row, models)


KIND = _MqttJson()
