"""What the service manager is told: ready, alive, reloading, stopping (sd_notify, systemd 254 man page).

The watchdog is fed only while every part makes progress: rounds that end, commits that end, threads that go
round. A cut cable stops none of them; a hung thread does.
"""

from __future__ import annotations

import logging
import os
import socket
from time import clock_gettime_ns, monotonic
from typing import NamedTuple

log = logging.getLogger(__name__)
LONGER_S = 180
"""How much longer a start may take from each sign of life on [s]."""


class Notifier:
    """The socket of the service manager; does nothing where there is none."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval = os.environ.get("WATCHDOG_USEC", "")
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(interval) / 1e6 if interval.isdigit() and mine else None
        """The manager restarts the service when it hears nothing for this long [s]; None: it does not."""

    def send(self, **words: str | int) -> None:
        """Tell the service manager, such as ``send(READY=1, STATUS="...")``."""
        if not self._address:
            return
        text = "\n".join(f"{key}={value}" for key, value in words.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            try:
                out.sendto(text.encode(), self._address)
            except OSError as error:
                log.warning("the service manager was not reached: %s", error.strerror)

    def starting(self) -> None:
        """Not ready yet, and at work: what runs now may take longer than the start's time-out."""
        self.send(EXTEND_TIMEOUT_USEC=LONGER_S * 1_000_000)

    def ready(self, status: str) -> None:
        """Started, or loaded anew."""
        self.send(READY=1, STATUS=status)

    def reloading(self) -> None:
        """The station file is being read anew."""
        self.send(RELOADING=1, MONOTONIC_USEC=clock_gettime_ns(1) // 1000)

    def stopping(self) -> None:
        """On the way out."""
        self.send(STOPPING=1)

    def alive(self, status: str) -> None:
        """Feed the watchdog."""
        self.send(WATCHDOG=1, STATUS=status)


class Pulse(NamedTuple):
    """One part: when it last got something done [s, monotonic] and how long it may take [s]."""

    name: str
    beat: float
    patience_s: float


def hung(pulses: list[Pulse]) -> list[str]:
    """Names of the parts that make no progress."""
    now = monotonic()
    return [pulse.name for pulse in pulses if now - pulse.beat > pulse.patience_s]
