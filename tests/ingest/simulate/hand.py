"""A schedule clock that is moved by hand."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from soilco2.ingest.drivers.polling import PollingThread

START = 1_654_041_600_000_000
"""2022-06-01T00:00Z [µs]: the first slot of the measured data."""
HALF_HOUR = 1_800_000_000


class HandClock:
    """A schedule clock that shows what it is told."""

    boot_id = "boot"

    def __init__(self, now_us: int = START) -> None:
        self._now = now_us
        self.waits_for = 0
        self._changed = threading.Condition()

    def now_us(self) -> int:
        with self._changed:
            return self._now

    def mono_us(self) -> int:
        return self.now_us()

    def trusted(self) -> bool:
        return True

    def wait_for_members(self, threads: Sequence[PollingThread], slot_us: int) -> None:
        """Wait until each bus has finished the round of a slot."""
        with self._changed:
            assert self._changed.wait_for(lambda: all(row.next_slot_us > slot_us for row in threads), 60)

    def set(self, now_us: int, at_once: Callable[[], object] = lambda: None) -> None:
        """Show another time; whoever sees it finds `at_once` done."""
        with self._changed:
            self._now = now_us
            at_once()
            self._changed.notify_all()

    def wait_until(self, time_us: int, stop: threading.Event) -> bool:
        with self._changed:
            self.waits_for = time_us
            self._changed.notify_all()
            while self._now < time_us and not stop.is_set():
                self._changed.wait(0.02)
            return not stop.is_set()

    @contextlib.contextmanager
    def member(self) -> Iterator[None]:
        yield
