"""Rough hands on a running collector: files removed or written over, messages made to fill the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ingest.conftest import collect
from tests.ingest.running import PATIENCE_S, Collecting, message, until
from tests.servers import Mosquitto
from tests.torture.scale import count
from tests.torture.test_broker import memory_mb

__all__ = ["collect"]

pytestmark = pytest.mark.mosquitto
Collect = Callable[..., Collecting]
Record = Callable[[str, object], None]
SIZE = 100


def ended_loudly(station: Collecting, words: str) -> None:
    """It has come to an end by itself, which is no success, and said why."""
    assert station.process is not None
    assert station.process.wait(PATIENCE_S) != 0
    assert words in station.said()


def expected(messages: int) -> list[float]:
    return [400.0 + n for n in range(messages)]


@pytest.mark.timeout(3600)
def test_the_write_ahead_log_is_removed_under_the_collector(
    collect: Collect, mosquitto: Mosquitto, record_property: Record
) -> None:
    """It ends; what was acknowledged before is there, and what was not the broker sends again."""
    station = collect(mosquitto.port)
    rounds = count(2, 50)
    for turn in range(rounds):
        station.start()
        first = turn * 2 * SIZE
        station.publish([message(n) for n in range(first, first + SIZE)])
        until(lambda first=first: len(station.stored()) >= first + SIZE, station.said)  # type: ignore[misc]
        Path(f"{station.journal}-wal").unlink()
        station.publish([message(n) for n in range(first + SIZE, first + 2 * SIZE)])
        ended_loudly(station, "write-ahead log was removed")
    station.start()
    until(lambda: len(station.stored()) >= rounds * 2 * SIZE, station.said)
    assert station.stored() == expected(rounds * 2 * SIZE)
    assert station.balanced()
    assert station.stop() == 0
    record_property("counts", f"{rounds} logs removed")


@pytest.mark.timeout(3600)
def test_an_older_copy_is_written_over_the_journal_of_the_collector(
    collect: Collect, mosquitto: Mosquitto, record_property: Record
) -> None:
    """It ends; what the copy holds is taken over, and what was not acknowledged comes from the broker."""
    station = collect(mosquitto.port)
    rounds = count(1, 20)
    held: set[float | None] = set()
    for turn in range(rounds):
        older = b""
        for part in range(3):
            station.start()
            first = (3 * turn + part) * SIZE
            if part == 2:
                with station.journal.open("r+b") as file:
                    file.write(older)
                    file.truncate()
            station.publish([message(n) for n in range(first, first + SIZE)])
            if part == 2:
                ended_loudly(station, "has written over the journal")
                held |= {400.0 + n for n in range(first, first + SIZE)}
                continue
            until(lambda first=first: 400.0 + first + SIZE - 1 in station.stored(), station.said)  # type: ignore[misc]
            assert station.stop() == 0
            if part == 0:
                older = station.journal.read_bytes()
                held |= set(station.stored())
    station.start()
    until(lambda: held <= set(station.stored()), station.said)
    found = station.stored()
    assert len(found) == len(set(found))
    assert station.stop() == 0
    record_property("counts", f"{rounds} journals written over")


@pytest.mark.timeout(3600)
def test_messages_made_to_fill_the_disk_and_the_memory(
    collect: Collect, mosquitto: Mosquitto, record_property: Record
) -> None:
    """Each has a key of 130 kB that nobody reads and 1000 readings that are refused."""
    station = collect(mosquitto.port)
    station.start()
    row = {"serial": "X", "channel": "co2", "time": None, "value": 1, "unit": "ppm"}
    messages = count(5, 100)
    fat = [
        json.dumps(
            {"node": "n", "sequence": n, "ballast": "x" * 130_000, "readings": [row] * 1000},
            separators=(",", ":"),
        ).encode()
        for n in range(messages)
    ]
    station.publish(fat)
    station.until_in(1000 * messages)
    with station.reader() as reader:
        assert sum(reader.accounting.parked_counts().values()) == messages
        assert reader.accounting.size()[0] < 2**20 + 1.2 * sum(map(len, fat))
    assert station.counters()["rejected"] == 1000 * messages
    assert station.balanced()
    highest = memory_mb(station, "VmHWM")
    assert highest < 90
    assert station.stop() == 0
    record_property(
        "counts", f"{messages} messages of {len(fat[0]) // 1000} kB, at most {highest:.0f} MB resident"
    )
