"""The clocks that are handed in: the system's, and one that replays a real month at any speed.

A schedule clock says what time it is and when to read. Deadlines of lines and connections are never taken
from it: they are real monotonic time.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ingest.errors import CollectorError

BUILT_US = 1_793_491_200_000_000
"""2026-11-01: no clock that shows an earlier time is right [µs UTC]."""

_STEP_US = 500_000
_SLEW = 600e-6
"""A wall clock may run away from the monotonic one by this much [s/s]; the kernel slews by 500 ppm."""


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


class _SharedTime:
    """Two aligned words in a file that several processes map: time [µs UTC] and speed [s of replay per s]."""

    def __init__(self, path: Path, *, create: bool) -> None:
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        handle = os.open(path, flags, 0o644)
        try:
            if os.fstat(handle).st_size < 16:
                if not create:
                    raise FileNotFoundError(path)
                os.ftruncate(handle, 16)
            self._map = mmap.mmap(handle, 16)
        finally:
            os.close(handle)
        whole = memoryview(self._map)
        self._time = whole[:8].cast("q")
        self._speed = whole[8:].cast("d")
        whole.release()

    @property
    def time_us(self) -> int:
        return int(self._time[0])

    @time_us.setter
    def time_us(self, value: int) -> None:
        self._time[0] = value

    @property
    def speed(self) -> float:
        return float(self._speed[0])

    @speed.setter
    def speed(self, value: float) -> None:
        self._speed[0] = value

    def close(self) -> None:
        self._time.release()
        self._speed.release()
        self._map.close()


class ReplayClock:
    """A clock that several processes share through a file: one owns and steps it, the others follow.

    The owner goes to the next moment that a member of the schedule waits for, and only once every member
    waits, what they read is settled (`settled` says so) and the real time that belongs to the stretch has
    passed. So a value cannot land in the wrong slot however slow the machine is. A restart goes on from the
    stored moment.

    Use `own` or `follow`. A replay clock is trusted.
    """

    def __init__(self, shared: _SharedTime, *, owner: bool) -> None:
        self.boot_id = read_boot_id()
        self.owner = owner
        self.settled: Callable[[], bool] = lambda: True
        self.end_us = 0
        self._shared = shared
        self._speed = 0.0
        self._slot_us = 0
        self._changed = threading.Condition()
        self._members: dict[int, int | None] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._now_us = 0

    @classmethod
    def own(
        cls, path: Path, start_us: int, end_us: int, *, speed: float, slot_us: int = 1_800_000_000
    ) -> ReplayClock:
        """Own the clock of `path`, from `start_us` or where the file says it stood, to `end_us` [µs UTC].

        Parameters
        ----------
        path : Path
        start_us, end_us : int
            [µs UTC]
        speed : float
            Seconds of replay in a second; infinite means as fast as the readings allow.
        slot_us : int
            The longest step taken at once [µs].
        """
        if not start_us < end_us or not speed > 0 or slot_us <= 0:
            raise CollectorError("a replay needs a start before its end, and a speed above zero")
        path.parent.mkdir(parents=True, exist_ok=True)
        shared = _SharedTime(path, create=True)
        if not start_us <= shared.time_us <= end_us:
            shared.time_us = start_us
        clock = cls(shared, owner=True)
        clock._now_us, clock.end_us, clock._speed, clock._slot_us = shared.time_us, end_us, speed, slot_us
        shared.speed = speed if clock._now_us < end_us else 0.0
        return clock

    @classmethod
    def follow(
        cls, path: Path, *, patience_s: float = 30.0, stop: threading.Event | None = None
    ) -> ReplayClock:
        """Follow the clock of `path`, which its owner may still have to make.

        Raises
        ------
        CollectorError
            When it is not there within `patience_s` [s].
        """
        stop = stop or threading.Event()
        end = time.monotonic() + patience_s
        while True:
            try:
                shared = _SharedTime(path, create=False)
            except FileNotFoundError:
                if time.monotonic() > end or stop.wait(0.05):
                    raise CollectorError(
                        f"{path}: no replay clock; the collector that owns it does not run"
                    ) from None
                continue
            if shared.time_us:
                return cls(shared, owner=False)
            shared.close()
            if time.monotonic() > end or stop.wait(0.05):
                raise CollectorError(f"{path}: the replay clock was never set") from None

    @property
    def speed(self) -> float:
        """Seconds of replay in a second; 0 when the replay has come to its end."""
        return self._shared.speed

    def start(self) -> None:
        """Let the clock run (owner only)."""
        self._thread = threading.Thread(target=self._run, name="replay clock", daemon=True)
        self._thread.start()

    def halt(self) -> None:
        """Take no further step; nobody waits any more. Members leave after this, or time would run on without them."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Stop; the file keeps the moment."""
        self.halt()
        self._shared.close()

    def now_us(self) -> int:
        """The replayed moment [µs UTC]."""
        return self._now_us if self.owner else self._shared.time_us

    def mono_us(self) -> int:
        """Real monotonic time of this boot [µs]."""
        return mono_us()

    def trusted(self) -> bool:
        """Always: nobody else sets it."""
        return True

    def wait_until(self, time_us: int, stop: threading.Event) -> bool:
        """Wait; see `Clock.wait_until`. The wait of a member tells that its round is finished."""
        if not self.owner:
            while self._shared.time_us < time_us:
                if stop.wait(0.01):
                    return False
            return not stop.is_set()
        me = threading.get_ident()
        with self._changed:
            belongs = me in self._members
            if belongs and time_us > self._now_us:
                self._members[me] = time_us
                self._changed.notify_all()
            # `stop` has no way to wake this condition, so look at it now and then
            while self._now_us < time_us and not stop.is_set() and not self._stop.is_set():
                self._changed.wait(0.05)
            if belongs:
                self._members[me] = None
            return self._now_us >= time_us and not stop.is_set()

    @contextmanager
    def member(self) -> Iterator[None]:
        """A block in which the calling thread belongs to the schedule."""
        me = threading.get_ident()
        with self._changed:
            self._members[me] = None
        try:
            yield
        finally:
            with self._changed:
                del self._members[me]
                self._changed.notify_all()

    def _due(self) -> int | None:
        """The next moment, or None while a member still works."""
        waited = list(self._members.values())
        if any(moment is None for moment in waited):
            return None
        return min([*(m for m in waited if m is not None), self._now_us + self._slot_us, self.end_us])

    def _run(self) -> None:
        since = time.monotonic()
        while not self._stop.is_set() and self._now_us < self.end_us:
            with self._changed:
                due = self._due()
                if due is None:
                    self._changed.wait(0.05)
                    continue
                wait = since + (due - self._now_us) / 1e6 / self._speed - time.monotonic()
                if wait > 0:  # a member that joins or leaves meanwhile may change what is due
                    self._changed.wait(min(wait, 0.05))
                    continue
            if not self.settled():
                self._stop.wait(0.002)
                continue
            with self._changed:
                if self._due() != due:
                    continue
                self._now_us = self._shared.time_us = due
                for member, moment in self._members.items():
                    if moment is not None and moment <= due:
                        self._members[member] = None
                self._changed.notify_all()
            since = time.monotonic()
        if self._now_us >= self.end_us:
            self._shared.speed = 0.0
