"""What a clock must tell."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Protocol


class Clock(Protocol):
    """What the parts of the collector know of time."""

    boot_id: str
    """The boot, or run, that `mono_us` belongs to."""

    def now_us(self) -> int:
        """The schedule's time [µs UTC]."""
        ...

    def mono_us(self) -> int:
        """Real monotonic time of this boot [µs]."""
        ...

    def trusted(self) -> bool:
        """Whether `now_us` may become the time of a sample."""
        ...

    def wait_until(self, time_us: int, stop: threading.Event) -> bool:
        """Wait until the clock shows `time_us` [µs UTC].

        Returns
        -------
        bool
            True when it does; False when `stop` was set or the clock was stepped: look at the clock anew.
        """
        ...

    def member(self) -> AbstractContextManager[None]:
        """A block in which the calling thread belongs to the schedule: a replay waits for all of them."""
        ...
