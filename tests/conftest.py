"""Fixtures that every room shares."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from soilco2.cli.options import choose
from tests.paths import ROOT
from tests.present import now_us, present_us
from tests.servers import amqtt, influx, influxd, mosquitto, own_influxd

__all__ = ["amqtt", "influx", "influxd", "mosquitto", "now_us", "own_influxd"]

# no test asserts a time, nor how fast examples are made
settings.register_profile("soilco2", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("soilco2")


def pytest_configure() -> None:
    """End here, with one sentence, when the present of the run cannot be read."""
    present_us()


_spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
"""Seconds of a processor, child processes counted, and of the clock, by folder of tests."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count what a test and its fixtures take."""
    processor, clock = sum(os.times()[:4]), time.perf_counter()
    result = yield
    spent = _spent[item.path.relative_to(ROOT / "tests").parts[0]]
    spent[0] += sum(os.times()[:4]) - processor
    spent[1] += time.perf_counter() - clock
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each folder of tests."""
    for folder, (processor, clock) in sorted(_spent.items()):
        terminalreporter.write_line(f"tests/{folder}: {processor:.0f} s processor, {clock:.0f} s clock")


@pytest.fixture(autouse=True)
def _the_language_of_nobody() -> None:
    """A command that a test before this one called in this process chose no language for it."""
    choose(None)
