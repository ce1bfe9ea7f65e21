"""Fixtures that every room shares."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from soilco2.cli.options import choose
from tests.present import now_us, present_us
from tests.servers import amqtt, influx, influxd, mosquitto, own_influxd

__all__ = ["amqtt", "influx", "influxd", "mosquitto", "now_us", "own_influxd"]

# no test asserts a time, nor how fast examples are made
settings.register_profile("soilco2", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("soilco2")


def pytest_configure() -> None:
    """End here, with one sentence, when the present of the run cannot be read."""
    present_us()


@pytest.fixture(autouse=True)
def _the_language_of_nobody() -> None:
    """A command that a test before this one called in this process chose no language for it."""
    choose(None)
