"""Commands that stay beside a running station: told to stop, they end after what they are at."""

from __future__ import annotations

import signal
import threading


def stop_event(once: bool) -> threading.Event:
    """An event that SIGINT and SIGTERM set; with `once` they end the command as usual."""
    stop = threading.Event()
    for number in () if once else (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def last_end(now_us: int, every_us: int, offset_us: int = 0) -> int:
    """End of the last period that is over [µs UTC]; periods are counted from midnight, `offset_us` east of UTC."""
    return (now_us + offset_us) // every_us * every_us - offset_us
