"""Trust in the system's clock, and the replay clock that several processes share."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from soilco2.ingest.clock.replay import ReplayClock
from soilco2.ingest.clock.system import BUILT_US, SystemClock, read_boot_id
from soilco2.ingest.errors import CollectorError

HOUR = 3_600_000_000


class Hands:
    """Clocks moved by hand."""

    def __init__(
        self, wall: int = BUILT_US + HOUR, *, synchronised: bool = False, keeps: bool = True
    ) -> None:
        self.wall, self.mono, self.synchronised, self.keeps = wall, 5_000_000, synchronised, keeps

    def clock(self) -> SystemClock:
        return SystemClock(
            wall=lambda: self.wall,
            mono=lambda: self.mono,
            synchronised=lambda: self.synchronised,
            keeps_time=lambda: self.keeps,
        )

    def pass_time(self, seconds: float, *, wall_error: float = 0.0) -> None:
        self.mono += int(seconds * 1e6)
        self.wall += int((seconds + wall_error) * 1e6)


@pytest.mark.parametrize(
    ("wall", "synchronised", "keeps", "trusted"),
    [
        (0, True, True, False),  # 1970: even a time service would not leave it there
        (946_684_800_000_000, False, True, False),  # 2000: flat battery
        (BUILT_US - 1, True, True, False),
        (BUILT_US + 1, False, True, True),  # battery clock, no network: a station in the desert
        (BUILT_US + 1, False, False, False),  # no battery clock, no time service yet
        (BUILT_US + 1, True, False, True),
    ],
)
def test_trust(wall: int, synchronised: bool, keeps: bool, trusted: bool) -> None:
    assert Hands(wall, synchronised=synchronised, keeps=keeps).clock().trusted() is trusted


@pytest.mark.parametrize("step", [-3600.0, 3600.0, -1.0, 1.0])
def test_a_step_by_an_unknown_hand_ends_trust_until_a_time_service_speaks(step: float) -> None:
    hands = Hands()
    clock = hands.clock()
    hands.pass_time(60, wall_error=step)
    assert not clock.trusted()
    assert clock.take_steps() == [int(step * 1e6)]
    assert clock.take_steps() == []
    hands.pass_time(60)
    hands.synchronised = True
    assert clock.trusted()
    hands.pass_time(60)
    hands.synchronised = False
    assert clock.trusted()


def test_slow_drift_is_no_step() -> None:
    hands = Hands()
    clock = hands.clock()
    for _ in range(100):
        hands.pass_time(3600, wall_error=3600 * 400e-6)  # 400 ppm: within what the kernel slews
        assert clock.trusted()
    assert clock.take_steps() == []


def test_a_wait_ends_when_the_clock_is_stepped_or_the_stop_is_set() -> None:
    hands = Hands()
    clock = hands.clock()
    stop = threading.Event()
    assert clock.wait_until(hands.wall - 1, stop)
    hands.pass_time(1, wall_error=-3600)
    done: list[bool] = []
    clock.take_steps()
    waiter = threading.Thread(target=lambda: done.append(clock.wait_until(hands.wall + 10 * HOUR, stop)))
    waiter.start()
    hands.pass_time(0, wall_error=-60)
    waiter.join(10)
    assert done == [False]
    stop.set()
    assert not clock.wait_until(hands.wall + HOUR, stop)


def test_a_system_without_boot_id_gets_one_for_the_run(tmp_path: Path) -> None:
    first, second = (read_boot_id(tmp_path / "none") for _ in range(2))
    assert first.startswith("run-")
    assert first != second


def test_a_replay_waits_for_every_member_and_for_what_they_read(tmp_path: Path) -> None:
    start, slots = 1_000 * HOUR, 20
    clock = ReplayClock.own(tmp_path / "clock", start, start + slots * HOUR, speed=math.inf, slot_us=HOUR)
    seen: dict[str, list[int]] = {"fast": [], "slow": []}
    lag: list[int] = []
    stop = threading.Event()
    unsettled = threading.Event()
    clock.settled = lambda: not unsettled.is_set()
    joined = threading.Barrier(3)

    def reader(name: str, work: float) -> None:
        with clock.member():
            joined.wait()
            slot = start
            while clock.wait_until(slot, stop) and slot < start + slots * HOUR:
                threading.Event().wait(work)
                lag.append(clock.now_us() - slot)  # the clock must not have gone on while we read
                seen[name].append(slot)
                slot += HOUR

    threads = [threading.Thread(target=reader, args=row) for row in (("fast", 0.0), ("slow", 0.005))]
    for thread in threads:
        thread.start()
    joined.wait()
    clock.start()
    for thread in threads:
        thread.join(30)
    every = [start + n * HOUR for n in range(slots)]
    assert seen == {"fast": every, "slow": every}
    assert set(lag) == {0}
    clock.close()


def test_a_replay_does_not_go_on_before_the_round_is_committed(tmp_path: Path) -> None:
    clock = ReplayClock.own(tmp_path / "clock", HOUR, 3 * HOUR, speed=math.inf, slot_us=HOUR)
    asked = threading.Event()

    def settled() -> bool:
        asked.set()
        return False

    clock.settled = settled
    clock.start()
    assert asked.wait(10)
    assert clock.now_us() == HOUR
    clock.settled = lambda: True
    assert clock.wait_until(3 * HOUR, threading.Event())
    clock.close()


def test_a_halted_replay_stays_where_it_is_when_its_members_leave(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = ReplayClock.own(path, HOUR, 100 * HOUR, speed=math.inf, slot_us=HOUR)
    joined, reached, leave, stop = (threading.Event() for _ in range(4))

    def read() -> None:
        with clock.member():
            joined.set()
            clock.wait_until(2 * HOUR, stop)
            reached.set()
            leave.wait(60)

    reader = threading.Thread(target=read)
    reader.start()
    assert joined.wait(60)
    clock.start()
    assert reached.wait(60)
    clock.halt()
    leave.set()
    reader.join(60)
    assert clock.now_us() == 2 * HOUR
    clock.close()
    again = ReplayClock.own(path, HOUR, 100 * HOUR, speed=1.0)
    assert again.now_us() == 2 * HOUR
    again.close()


def test_a_follower_in_another_process_sees_the_owner_and_a_restart_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = ReplayClock.own(path, HOUR, 4 * HOUR, speed=math.inf, slot_us=HOUR)
    code = (
        "import sys, threading; from pathlib import Path; from soilco2.ingest.clock.replay import ReplayClock\n"
        "clock = ReplayClock.follow(Path(sys.argv[1]))\n"
        "print(clock.now_us(), flush=True)\n"
        "clock.wait_until(int(sys.argv[2]), threading.Event())\n"
        "print(clock.now_us(), flush=True)\n"
    )
    follower = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(4 * HOUR)], stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None
    assert int(follower.stdout.readline()) == HOUR
    clock.start()
    assert int(follower.stdout.readline()) == 4 * HOUR
    follower.stdout.close()
    assert follower.wait(10) == 0
    clock.wait_until(4 * HOUR, threading.Event())
    clock.close()
    again = ReplayClock.own(path, HOUR, 5 * HOUR, speed=1.0)
    assert again.now_us() == 4 * HOUR
    again.close()


def test_a_follower_without_an_owner_says_so(tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match="no replay clock"):
        ReplayClock.follow(tmp_path / "none", patience_s=0.1)
    (tmp_path / "zero").write_bytes(bytes(16))
    with pytest.raises(CollectorError, match="never set"):
        ReplayClock.follow(tmp_path / "zero", patience_s=0.1)


def test_speed_is_kept(tmp_path: Path) -> None:
    """At 36 000 s/s ten hours take a second of real time; the end is never reached early."""
    clock = ReplayClock.own(tmp_path / "clock", HOUR, 2 * HOUR, speed=36_000.0, slot_us=HOUR // 10)
    began = SystemClock().mono_us()
    clock.start()
    assert clock.wait_until(2 * HOUR, threading.Event())
    assert SystemClock().mono_us() - began >= 0.099e6
    clock.close()
