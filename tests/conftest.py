"""Fixtures that every room shares."""

from __future__ import annotations

from tests.servers import amqtt, influx, influxd, mosquitto, own_influxd

__all__ = ["amqtt", "influx", "influxd", "mosquitto", "own_influxd"]
