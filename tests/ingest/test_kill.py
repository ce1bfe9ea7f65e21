"""SIGKILL at every step of the path and at random: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from soilco2.storage.journal.failpoint import POINTS
from tests.ingest.conftest import Collect
from tests.ingest.running import held, message, sink_of, until
from tests.servers import InfluxBucket, Mosquitto

KILLS = int(os.environ.get("SOILCO2_KILLS", "20"))

pytestmark = [pytest.mark.mosquitto, pytest.mark.influx]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_step(
    collect: Collect, mosquitto: Mosquitto, influx: InfluxBucket, point: str
) -> None:
    station = collect(mosquitto.port, sinks=(sink_of(influx, batch=7),))
    station.start(SOILCO2_FAULT=f"{point}:2")
    number = 0
    while not station.ended and number < 400:
        station.publish([message(n) for n in range(number, number + 10)])
        number += 10
        end = time.monotonic() + 0.3
        while not station.ended and time.monotonic() < end:
            time.sleep(0.01)
    assert station.process is not None
    assert station.process.wait(30) == -signal.SIGKILL
    station.start()
    station.publish([message(n) for n in range(number, number + 10)])
    expected = [400.0 + n for n in range(number + 10)]
    until(lambda: held(influx) == expected, lambda: (len(held(influx)), number, station.said()))
    assert station.stored() == expected
    assert station.balanced()
    counters = station.counters()
    if point == "after-commit":  # stored and not acknowledged: it comes again
        assert counters["duplicate"] > 0
    assert counters["stored"] == number + 10
    assert counters.get("rejected", 0) == 0
    assert station.stop() == 0


@pytest.mark.timeout(120 + 15 * KILLS)
def test_killed_at_random(
    collect: Collect,
    mosquitto: Mosquitto,
    influx: InfluxBucket,
    record_property: Callable[[str, object], None],
) -> None:
    """The seed is the process id, and stands in the message when it fails."""
    seed = int(os.environ.get("SOILCO2_SEED", os.getpid()))
    dice = random.Random(seed)
    station = collect(mosquitto.port, sinks=(sink_of(influx, batch=50),))
    station.start()
    number = 0
    for _ in range(KILLS):
        end = time.monotonic() + dice.uniform(0.0, 0.5)
        while time.monotonic() < end:
            count = dice.randint(1, 60)
            station.publish([message(n) for n in range(number, number + count)])
            number += count
        station.kill()
        station.start(ready=dice.random() < 0.7)
        if not station.ended and dice.random() < 0.3:
            time.sleep(dice.uniform(0, 1.5))  # killed while it is still starting, too
    station.publish([message(n) for n in range(number, number + 5)])
    expected = [400.0 + n for n in range(number + 5)]
    until(
        lambda: len(held(influx)) >= len(expected),
        lambda: (seed, len(held(influx)), len(expected), station.said()),
    )
    assert held(influx) == expected, seed
    assert station.stored() == expected, seed
    assert station.balanced(), seed
    with station.reader() as reader:
        assert reader.integrity.verify_batches() == [], seed
    record_property("counts", f"{KILLS} kills, {number + 5} messages, 0 lost, 0 doubled")
