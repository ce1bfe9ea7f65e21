"""Fixtures that every room shares."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.servers import amqtt, influx, influxd, mosquitto, own_influxd

__all__ = ["amqtt", "influx", "influxd", "mosquitto", "own_influxd"]

# no test asserts a time, nor how fast examples are made
settings.register_profile("soilco2", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("soilco2")
