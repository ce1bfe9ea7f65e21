"""Instruments whose node publishes the message of soilco2 to the station's broker: table, models, rules, words."""

from __future__ import annotations

from typing import ClassVar, Literal

from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.over_mqtt import MqttKind, OverMqtt


class MqttConnection(OverMqtt):
    """Instruments whose node publishes the message of soilco2 to a broker.

    Without `topic` it is ``soilco2/<station>/data``.
    """

    kind: Literal["mqtt"]
    """`"mqtt"`."""
    topic: str | None = None
    """Topic the nodes publish to; `soilco2/<station>/data` when left out."""
    numbers_as_text: bool = False
    """Whether numbers written as text (`"-1.6"`) are taken as numbers; otherwise such a reading is parked."""


class NodeModel(ProbeModel):
    """A model of node that sends the JSON message of soilco2."""

    protocols: ClassVar[tuple[str, ...]] = ("json-mqtt",)

    protocol: Literal["json-mqtt"]
    """How it is read."""


class _Mqtt(MqttKind):
    name = "mqtt"
    label = ("MQTT", "MQTT")
    table = MqttConnection
    models = (NodeModel,)
    driver = "soilco2.ingest.drivers.mqtt:DRIVER"
    open_ended = True
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "broker": ("broker", "消息代理"),
        "topic": ("topic", "主题"),
        "numbers_as_text": ("numbers as text", "数字写成文本"),
    }
    left_out: ClassVar = {
        "broker": ("that of `[mqtt]`", "`[mqtt]` 的消息代理"),
        "topic": ("`soilco2/<station>/data`", "`soilco2/<站点>/data`"),
    }

    def describe(self, connection: MqttConnection, station: str) -> str:
        return f"MQTT, {self.topics(connection, station)[0]}"

    def topics(self, connection: MqttConnection, station: str) -> tuple[str, ...]:
        return (connection.topic or usual_topic(station),)


def usual_topic(station: str) -> str:
    """Where the nodes of a station publish, unless the station file says otherwise."""
    return f"soilco2/{station}/data"


KIND = _Mqtt()
