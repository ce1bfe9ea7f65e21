"""The master on a line that misbehaves: every row of the bench table comes out right or as a typed error.

Rows: what public clients were seen to do with a bad bus (stray bytes, echo, clipped echo, split frame, wrong
count, function or address, damaged frame, refusal, silence, late answer, two devices at one address,
unplugged adapter, a second process on the port). Time-outs are real: 80 ms where an answer is not to come,
five seconds where it is, so that a busy machine changes nothing.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soilco2.ingest.errors import (
    BadFrame,
    BusError,
    DoubleAnswer,
    ExceptionAnswer,
    LocalEcho,
    NoAnswer,
    PortBusy,
    PortGone,
    WrongAnswer,
)
from soilco2.ingest.protocols.modbus import Request, answer_frame, exception_frame
from soilco2.ingest.simulate.line import Piece, PtyLine, Responder
from soilco2.ingest.transports.modbus_serial import RtuMaster

Bench = Callable[[Responder], tuple[RtuMaster, PtyLine]]

TIMEOUT = 0.08
HEARD = 0.4
"""What was sent has come within this time on a loaded machine too [s]."""
AMPLE = 5.0
ASK = Request(7, 3, 0, 3)
WORDS = (701, 702, 703)

Row = Callable[[Request, bytes], Iterable[Piece]]


def _wrong_crc(request: Request, right: bytes) -> Iterable[Piece]:
    return [(0, right[:-1] + bytes([right[-1] ^ 0x55]))]


RIGHT_ROWS: dict[str, Row] = {
    "correct": lambda q, a: [(0, a)],
    "stray 00 in front": lambda q, a: [(0, b"\x00" + a)],
    "stray FF in front": lambda q, a: [(0, b"\xff"), (0.005, a)],
    "stray byte behind": lambda q, a: [(0, a + b"\x00")],
    "echo, then the answer": lambda q, a: [(0, q.frame + a)],
    "echo, answer 60 ms later": lambda q, a: [(0, q.frame), (0.06, a)],
    "clipped echo": lambda q, a: [(0, q.frame[-3:] + a)],
    "noise all around": lambda q, a: [(0, b"\x07\x03\x06\x00" + a + b"\xff\xff")],
    "frame split by 50 ms": lambda q, a: [(0, a[:4]), (0.05, a[4:])],
    "byte by byte": lambda q, a: [(0.001, a[i : i + 1]) for i in range(len(a))],
}

WRONG_ROWS: dict[str, tuple[Row, type[BusError], str]] = {
    "two registers instead of three": (
        lambda q, a: [(0, answer_frame(q._replace(registers=2), (1, 2)))],
        WrongAnswer,
        "wrong_count",
    ),
    "answer to function 4": (
        lambda q, a: [(0, answer_frame(q._replace(function=4), WORDS))],
        WrongAnswer,
        "wrong_function",
    ),
    "another address": (
        lambda q, a: [(0, answer_frame(q._replace(address=q.address + 1), WORDS))],
        WrongAnswer,
        "wrong_address",
    ),
    "damaged frame": (_wrong_crc, BadFrame, "checksum"),
    "half a frame": (lambda q, a: [(0, a[:6])], BadFrame, "checksum"),
    "noise alone": (lambda q, a: [(0, b"\x00\xff\x55")], BadFrame, "checksum"),
    "refusal": (lambda q, a: [(0, exception_frame(q, 2))], ExceptionAnswer, "exception"),
    "silence": (lambda q, a: [], NoAnswer, "silence"),
    "echo alone": (lambda q, a: [(0, q.frame)], LocalEcho, "echo"),
    "two devices, one after the other": (
        lambda q, a: [(0, a + answer_frame(q, (1, 2, 3)))],
        DoubleAnswer,
        "clash",
    ),
}


class Script:
    """A device that plays one row at a time."""

    def __init__(self) -> None:
        self.row: Row = RIGHT_ROWS["correct"]

    def __call__(self, request: Request, foreign: int) -> Iterable[Piece]:
        words = tuple(request.address * 100 + request.start + n + 1 for n in range(request.registers))
        return self.row(request, answer_frame(request, words))


@pytest.mark.parametrize("name", RIGHT_ROWS)
def test_rows_that_come_out_right(bench: Bench, name: str) -> None:
    script = Script()
    script.row = RIGHT_ROWS[name]
    master, _ = bench(script)
    assert master.read(ASK, AMPLE) == WORDS
    assert master.read(ASK, AMPLE) == WORDS


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_rows_that_are_typed_errors(bench: Bench, name: str) -> None:
    script = Script()
    master, _ = bench(script)
    script.row, error, kind = WRONG_ROWS[name]
    with pytest.raises(BusError) as caught:
        master.read(ASK, HEARD)
    assert type(caught.value) is error
    assert caught.value.kind == kind
    assert master.port in str(caught.value)
    assert "address 7" in str(caught.value)
    script.row = RIGHT_ROWS["correct"]
    assert master.read(ASK, AMPLE) == WORDS, "the next exchange is not harmed"


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_random_order(bench: Bench, seed: int) -> None:
    script = Script()
    master, _ = bench(script)
    names = [*RIGHT_ROWS, *WRONG_ROWS]
    random.Random(seed).shuffle(names)
    for number, name in enumerate(names):
        request = Request(7 + number % 3, 3, 10 * (number % 4), 3)
        expected = tuple(request.address * 100 + request.start + n for n in (1, 2, 3))
        if name in RIGHT_ROWS:
            script.row = RIGHT_ROWS[name]
            assert master.read(request, AMPLE) == expected, name
        else:
            script.row, error, _ = WRONG_ROWS[name]
            with pytest.raises(error):
                master.read(request, HEARD)


@pytest.mark.parametrize("delay", [1.15, 1.7, 2.6, 3.4])
def test_a_late_answer_is_never_taken_for_the_next(bench: Bench, delay: float) -> None:
    """Two blocks of equal length on one slave that answers after 1.15 to 3.4 time-outs, then recovers.

    Public clients then give block A's numbers for block B, with good checksums and no error, for ever.
    """
    slow = True

    def respond(request: Request, foreign: int) -> Iterable[Piece]:
        words = tuple(request.start + n for n in range(request.registers))
        return [(delay * TIMEOUT if slow else 0, answer_frame(request, words))]

    master, _ = bench(respond)
    blocks = [Request(5, 3, 0x10, 2), Request(5, 3, 0x20, 2)]
    right = 0
    for turn in range(12):
        slow = turn < 5
        for block in blocks:
            try:
                words = master.read(block, TIMEOUT)
            except BusError:
                continue
            assert words == (block.start, block.start + 1)
            right += 1
    assert right >= 8, "it recovers once the slave does"


def test_a_late_answer_is_heard_and_counted(bench: Bench) -> None:
    master, _ = bench(lambda q, f: [(1.5 * TIMEOUT, answer_frame(q, (1,)))])
    with pytest.raises(NoAnswer):
        master.read(Request(1, 3, 0, 1), TIMEOUT)
    assert master.late == 1


def test_a_babbling_line_ends_at_its_bound(bench: Bench) -> None:
    """Noise without end: the exchange ends all the same."""
    master, _ = bench(lambda q, f: [(0.01, b"\x07\x03\x06\x55" * 8) for _ in range(60)])
    with pytest.raises(BadFrame):
        master.read(ASK, HEARD)


def test_unplugged_while_waiting(bench: Bench) -> None:
    """The adapter is pulled while an answer is due: the port is closed at once and comes back."""
    lines: list[PtyLine] = []
    pull = True

    def respond(request: Request, foreign: int) -> Iterable[Piece]:
        if pull:
            lines[0].unplug()
            return []
        return [(0, answer_frame(request, WORDS))]

    master, line = bench(respond)
    lines.append(line)
    with pytest.raises(PortGone) as caught:
        master.read(ASK, 5.0)
    assert not master.is_open
    assert caught.value.kind == "port_gone"
    with pytest.raises(PortGone, match="it is not there"):
        master.open()
    pull = False
    line.plug()
    master.open()
    assert master.read(ASK, AMPLE) == WORDS


def test_unplugged_between_two_exchanges(bench: Bench) -> None:
    master, line = bench(Script())
    assert master.read(ASK, AMPLE) == WORDS
    line.unplug()
    with pytest.raises(PortGone):
        master.read(ASK, TIMEOUT)
    assert not master.is_open
    with pytest.raises(PortGone, match="not open"):
        master.read(ASK, TIMEOUT)


def test_a_second_process_cannot_take_the_port(bench: Bench) -> None:
    _, line = bench(Script())
    second = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from soilco2.ingest.errors import PortBusy\n"
            "from soilco2.ingest.transports.modbus_serial import RtuMaster\n"
            "try: RtuMaster(sys.argv[1]).open()\n"
            "except PortBusy as error: print(error)",
            str(line.link),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "another process has the port" in second.stdout


def test_a_thief_on_the_port_costs_answers_but_nothing_wrong(bench: Bench) -> None:
    """A process that reads without asking for the port: answers vanish or are torn, none is wrong."""
    master, line = bench(Script())
    thief = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys\nf = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\nprint('up', flush=True)\n"
            "while os.read(f, 3): pass",
            str(line.link),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert thief.stdout is not None
        thief.stdout.readline()
        for _ in range(8):
            try:
                assert master.read(ASK, TIMEOUT) == WORDS
            except BusError:
                if not master.is_open:
                    master.open()
    finally:
        thief.kill()
        thief.wait()
        thief.stdout.close()
    assert master.read(ASK, AMPLE) == WORDS


def test_paths_that_are_no_port(tmp_path: Path) -> None:
    plain = tmp_path / "file"
    plain.write_text("")
    for path in (plain, tmp_path / "missing", tmp_path):
        with pytest.raises(PortGone, match="cannot be opened"):
            RtuMaster(str(path)).open()


def test_busy_is_told_from_gone(bench: Bench) -> None:
    _, line = bench(Script())
    with pytest.raises(PortBusy):
        RtuMaster(str(line.link)).open()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.002]), st.binary(max_size=40)), max_size=5))
def test_any_stream_ends_in_an_answer_or_a_typed_error(
    shared: tuple[RtuMaster, list[list[Piece]]], pieces: list[Piece]
) -> None:
    """Whatever bytes the line brings, the exchange ends within its bound and the next one is right."""
    master, plan = shared
    plan.append(list(pieces))
    with contextlib.suppress(BusError):
        master.read(ASK, 0.02)
    assert master.read(ASK, 1.0) == WORDS


@pytest.fixture
def shared(bench: Bench) -> tuple[RtuMaster, list[list[Piece]]]:
    plan: list[list[Piece]] = []

    def respond(request: Request, foreign: int) -> Iterable[Piece]:
        if plan:
            return plan.pop()
        return [(0, answer_frame(request, tuple(701 + n for n in range(request.registers))))]

    responder: Responder = respond
    return bench(responder)[0], plan


def test_a_pty_is_not_leaked(bench: Bench) -> None:
    """Pulling and plugging a hundred times leaves no open file behind."""
    _, line = bench(Script())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        line.unplug()
        line.plug()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
