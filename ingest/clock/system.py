"""The clocks that are handed in: the system's, and one that replays a real month at any speed.

A schedule clock says what time it is and when to read. Deadlines of lines and connections are never taken
from it: they are real monotonic time.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUILT_US = 1_793_491_200_000_000
"""2026-11-01: no clock that shows an earlier time is right [µs UTC]."""

_STEP_US = 500_000
_SLEW = 600e-6
"""A wall clock may run away from the monotonic one by this much [s/s]; the kernel slews by 500 ppm."""


def mono_us() -> int:
    """Monotonic time that goes on while the machine sleeps [µs]."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def read_boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """The kernel's name of this boot; a name of this run where the system has none."""
    try:
        return path.read_text(encoding="ascii").strip() or f"run-{uuid.uuid4()}"
    except (OSError, UnicodeDecodeError):
        return f"run-{uuid.uuid4()}"


_TIME_ERROR = 5
_STA_NANO = 0x2000


def kernel_clock() -> float | None:
    """How far the wall clock is off by the time service that keeps it [s]; None when none does.

    adjtimex(2): an int of modes (0: only ask), then longs of offset, freq, maxerror, esterror, an int of status.
    """
    try:
        state = ctypes.create_string_buffer(512)
        code = ctypes.CDLL(None).adjtimex(state)
    except (OSError, AttributeError):
        return None
    if code in (-1, _TIME_ERROR):
        return None
    offset, _, _, _, status = struct.unpack_from("@illlli", state)[1:]
    return float(offset) * (1e-9 if status & _STA_NANO else 1e-6)


def _synchronised() -> bool:
    """Whether the kernel says that a time service keeps the clock."""
    return kernel_clock() is not None


def _keeps_time(sys: Path = Path("/sys")) -> bool:
    """Whether the machine had the time when it started: from a battery clock, or a virtual machine's host."""
    for rtc in sorted((sys / "class" / "rtc").glob("rtc*")):
        try:
            if (rtc / "hctosys").read_text(encoding="ascii").strip() == "1":
                return True
        except OSError:
            continue
    try:
        source = sys / "devices" / "system" / "clocksource" / "clocksource0" / "current_clocksource"
        name = source.read_text(encoding="ascii").strip()
    except OSError:
        return False
    return name in ("kvm-clock", "xen") or name.startswith("hyperv")


class SystemClock:
    """The machine's clock, with a judgement on it.

    It is trusted when it shows a time after this version was built, was not stepped unless a time service did
    it, and either a time service keeps it or the machine has a clock that runs without power. Where a person
    knows better, the environment variable ``SOILCO2_CLOCK`` is ``trusted`` or ``untrusted``.

    Parameters
    ----------
    wall, mono, synchronised, keeps_time : callable
        What to ask; tests hand in their own.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
        mono: Callable[[], int] = mono_us,
        synchronised: Callable[[], bool] = _synchronised,
        keeps_time: Callable[[], bool] = _keeps_time,
        boot_id: str | None = None,
    ) -> None:
        self.boot_id = read_boot_id() if boot_id is None else boot_id
        self._wall, self._mono, self._synchronised = wall, mono, synchronised
        self._mutex = threading.Lock()
        self._verdict = os.environ.get("SOILCO2_CLOCK", "")
        self._keeps = keeps_time()
        self._at = mono()
        self._offset = wall() - self._at
        self._stepped = False
        self._steps: list[int] = []
        self._asked: tuple[int, bool] | None = None

    def now_us(self) -> int:
        """The wall clock [µs UTC]."""
        return self._wall()

    def mono_us(self) -> int:
        """Monotonic time of this boot [µs]."""
        return self._mono()

    def offset_us(self) -> int:
        """Wall clock minus monotonic clock [µs]: turns the one into the other."""
        return self._wall() - self._mono()

    def _look(self) -> bool:
        """Compare wall and monotonic clock; True when the wall clock was stepped since the last look."""
        with self._mutex:
            at = self._mono()
            offset = self._wall() - at
            step = offset - self._offset
            stepped = abs(step) > _STEP_US + _SLEW * (at - self._at)
            if stepped:
                self._stepped = True
                self._steps.append(step)
                self._asked = None
            self._at, self._offset = at, offset
            return stepped

    def take_steps(self) -> list[int]:
        """Steps of the wall clock since the last call [µs], positive forward."""
        self._look()
        with self._mutex:
            steps, self._steps = self._steps, []
            return steps

    def trusted(self) -> bool:
        """Whether the wall clock may give a sample its time."""
        self._look()
        if self._verdict in ("trusted", "untrusted"):
            return self._verdict == "trusted"
        if self._wall() < BUILT_US:
            return False
        now = self._mono()
        with self._mutex:
            if self._asked is None or now - self._asked[0] > 1_000_000:
                self._asked = (now, self._synchronised())
            if self._asked[1]:
                self._stepped = False
                return True
            return self._keeps and not self._stepped

    def wait_until(self, time_us: int, stop: threading.Event) -> bool:
        """Wait; see `Clock.wait_until`."""
        if self._look():
            return False
        while True:
            left = time_us - self._wall()
            if left <= 0:
                return not stop.is_set()
            if stop.wait(min(left / 1e6, 1.0)) or self._look():
                return False

    @contextmanager
    def member(self) -> Iterator[None]:
        """Nothing: real time waits for nobody."""
        yield
