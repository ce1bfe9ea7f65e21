"""A clock that runs a stretch of the past at any speed, also in several processes."""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from soilco2.ingest.clock.system import mono_us, read_boot_id
from soilco2.ingest.errors import CollectorError
from soilco2.station_config.message import Message


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
            raise CollectorError(Message("a replay needs a start before its end, and a speed above zero"))
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
                        Message("{path}: no replay clock; the collector that owns it does not run", path=path)
                    ) from None
                continue
            if shared.time_us:
                return cls(shared, owner=False)
            shared.close()
            if time.monotonic() > end or stop.wait(0.05):
                raise CollectorError(Message("{path}: the replay clock was never set", path=path)) from None

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
