"""A running collector under a list of hostile inputs: its memory stays bounded, and it answers meanwhile."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable

import pytest

from benchmarks.publish import publish
from tests.ingest.conftest import collect
from tests.ingest.running import TOPIC, Collecting, message, until
from tests.paths import ROOT
from tests.servers import Mosquitto
from tests.torture.scale import SEED, count
from tests.torture.test_broker import memory_mb
from tests.torture.test_hostile import hostile

__all__ = ["collect"]

pytestmark = pytest.mark.mosquitto

MOST_MB = 90


def refused(number: int, readings: int = 1000) -> bytes:
    """The longest message that is understood, of which no reading is taken."""
    whole = json.loads(message(number))
    one = {**whole["readings"][0], "serial": f"nobody-{number}", "unit": "x" * 120}
    return json.dumps({**whole, "readings": [one] * readings}, separators=(",", ":")).encode()[:262_144]


def hostile_list(dice: random.Random) -> Iterable[tuple[str, list[bytes]]]:
    """(topic, messages), small beginnings of which stand in the gate."""
    many = count(1, 20)
    yield TOPIC, [b"x" * 1_100_000] * (3 * many)
    yield TOPIC, [b"[" * 250_000, b'{"a":' * 50_000, b'"' * 262_144] * many
    yield TOPIC, [refused(n) for n in range(3 * many)]
    yield TOPIC, [hostile(dice, n) for n in range(2000 * many)]
    yield TOPIC, [message(n, node=f"node-{n}") for n in range(2000 * many)]  # as many nodes as messages
    yield (
        TOPIC,
        [message(7).replace(b'"sequence":7', b'"sequence":%d' % 2**n) for n in range(10, 63)],
    )  # jumps
    yield TOPIC, [b""] * (5000 * many)
    for n in range(50 * many):
        yield f"shed/data/{n}/\u200b/{'deep/' * 20}", [message(n)]
    yield "shed/data", [message(n) for n in range(200 * many)]


def answered_s(station: Collecting) -> float:
    """How long `soilco2 status` takes to hear from the collector [s]."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "status", str(station.file), "--json"],
        env=station.environment, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    took = time.monotonic() - begun
    assert json.loads(done.stdout)["collector"] == "running", "within the five seconds that it is given"
    return took


@pytest.mark.timeout(3600)
def test_a_list_of_hostile_inputs_leaves_it_small_and_answering(
    collect: Callable[..., Collecting], mosquitto: Mosquitto, record_property: Callable[[str, object], None]
) -> None:
    station = collect(mosquitto.port)
    station.start()
    sent = 0
    over = threading.Event()
    longest: list[float] = []

    def ask() -> None:
        while True:
            longest.append(answered_s(station))
            if over.wait(0.5):
                return

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for topic, messages in hostile_list(random.Random(SEED)):
            sent += publish(mosquitto.port, topic, messages)
        publish(mosquitto.port, TOPIC, [message(10**6)])
        until(lambda: 400.0 + 10**6 in station.stored(), station.said, patience_s=600)
    finally:
        over.set()
        asking.join()
    most = memory_mb(station, "VmHWM")
    assert station.balanced()
    assert station.stop() == 0
    assert most < MOST_MB
    assert len(longest) > 0
    record_property(
        "counts", f"{sent} messages, {most:.0f} MB at most, status after {max(longest):.1f} s at most"
    )
