"""The live page beside the collector: a process of its own, so that nothing it does can hurt the collector."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from soilco2.ingest.errors import CollectorError
from soilco2.station_config.message import Message

_NICE = 5
CLOCK_NAME = "replay-clock"
"""File of a replay's clock, beside its station file."""


class PageProcess:
    """A part of the collector that runs ``soilco2 dashboard serve``; ended when the collector ends, however it ends.

    Parameters
    ----------
    station : Path
        The station file.
    clock_file : Path, optional
        The replay clock.
    """

    def __init__(self, station: Path, clock_file: Path | None = None) -> None:
        self._words = [sys.executable, "-m", "soilco2", "dashboard", "serve", str(station), "--with-parent"]
        if clock_file is not None:
            self._words += ["--clock-file", str(clock_file)]
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def failure(self) -> BaseException | None:
        """Why it ended, if nobody asked it to."""
        if self._child is None or self._child.poll() is None or self._stopped:
            return None
        return CollectorError(
            Message("the page ended with code {code}; the lines above say why", code=self._child.returncode)
        )

    def start(self) -> None:
        """Begin."""
        # its standard input ends with this process, and it ends with its standard input
        self._child = subprocess.Popen(self._words, stdin=subprocess.PIPE, start_new_session=True)

    def stop(self) -> None:
        """Ask it to end."""
        self._stopped = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end; it is not waited for longer than this."""
        if self._child is None:
            return
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdin is not None:
            self._child.stdin.close()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child is not None and self._child.poll() is None


def end_with_parent() -> None:
    """In the page's process: give way to the collector, and end when it is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    with contextlib.suppress(OSError):
        os.nice(_NICE)
    threading.Thread(target=wait, name="parent", daemon=True).start()
