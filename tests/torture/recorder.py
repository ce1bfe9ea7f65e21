"""A layer under SQLite that records what it writes and syncs, and can make a sync fail.

SQLite's own file layer stays at work; the methods write, truncate and sync of each opened file are led through
Python. From the record the disk can be made as a power cut would have left it: what was synced is there, and
of the rest any part, in pieces of a sector.

What it cannot show: a disk that says "synced" and lies; a directory entry that is lost (files are taken to
exist); sectors that die while they are written.
"""

from __future__ import annotations

import ctypes
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers import missing

SECTOR = 512
IOERR_FSYNC = 10 | 4 << 8

_FILE = ctypes.c_void_p
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int)
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, _FILE, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)


class _Methods(ctypes.Structure):
    """sqlite3_io_methods, sqlite3.h."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("rest", ctypes.c_void_p * 13),
    ]


class _Vfs(ctypes.Structure):
    """The head of sqlite3_vfs, sqlite3.h."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _OPEN),
    ]


class Step(NamedTuple):
    """One thing that happened: ``write``, ``truncate``, ``sync`` of a file, or a ``mark`` of the test."""

    kind: str
    file: str
    at: int = 0
    data: bytes = b""


class Recorder:
    """What SQLite did to the files of a folder, and whether its next syncs fail."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.failing = False

    def mark(self, number: int) -> None:
        """Note a moment, such as an acknowledgement."""
        self.steps.append(Step("mark", "", number))

    def after_a_cut(self, moment: int, dice: random.Random) -> tuple[dict[str, bytes], int]:
        """The files when the power goes after `moment` steps, and the last mark before it."""
        done: dict[str, bytearray] = {}
        loose: dict[str, list[Step]] = {}
        mark = 0
        for step in self.steps[:moment]:
            if step.kind == "mark":
                mark = step.at
            elif step.kind == "sync":
                for row in loose.pop(step.file, []):
                    _apply(done, row)
            else:
                done.setdefault(step.file, bytearray())
                loose.setdefault(step.file, []).append(step)
        for rows in loose.values():
            for row in rows:
                for piece in _sectors(row):
                    if dice.random() < 0.5:
                        _apply(done, piece)
        return {name: bytes(data) for name, data in done.items()}, mark


def _sectors(step: Step) -> Iterator[Step]:
    if step.kind == "truncate":
        yield step
    for start in range(0, len(step.data), SECTOR):
        yield step._replace(at=step.at + start, data=step.data[start : start + SECTOR])


def _apply(files: dict[str, bytearray], step: Step) -> None:
    data = files.setdefault(step.file, bytearray())
    end = step.at + len(step.data)
    if step.kind == "truncate":
        del data[step.at :]
    elif len(data) < end:
        data.extend(bytes(end - len(data)))
    data[step.at : end] = step.data


def _library() -> ctypes.CDLL:
    """The very library that Python's sqlite3 is linked with."""
    sqlite3.connect(":memory:").close()
    found = {
        line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libsqlite3" in line
    }
    if len(found) != 1:
        missing("a shared libsqlite3 under Python's sqlite3", "use the system's Python")
    return ctypes.CDLL(found.pop())


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """A block in which SQLite's work on the files of `folder` is recorded."""
    library = _library()
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    vfs = library.sqlite3_vfs_find(None).contents
    place = ctypes.c_void_p.from_address(ctypes.addressof(vfs) + _Vfs.open.offset)
    before = place.value
    assert before is not None
    real_open = _OPEN(before)
    recorder = Recorder()
    kept: list[Any] = []  # what C code still points at

    def opened(this: int, at: int | None, file: int, flags: int, out: Any) -> int:
        # the name goes on as the pointer that it is: SQLite reads it, and what lies behind it, as long as it is open
        code = int(real_open(this, at, file, flags, out))
        path = Path(ctypes.string_at(at).decode()) if at is not None else None
        if code == 0 and path is not None and path.parent == folder:
            slot = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
            real = ctypes.cast(slot[0], ctypes.POINTER(_Methods)).contents
            mine = _Methods.from_buffer_copy(real)
            mine.write, mine.truncate, mine.sync = _wrapped(recorder, path.name, real)
            kept.append((real, mine, mine.write, mine.truncate, mine.sync))
            slot[0] = ctypes.addressof(mine)
        return code

    held = _OPEN(opened)
    place.value = ctypes.cast(held, ctypes.c_void_p).value
    try:
        yield recorder
    finally:
        place.value = before
        kept.append(held)
        _ALIVE.append(kept)


_ALIVE: list[Any] = []


def _wrapped(recorder: Recorder, name: str, real: _Methods) -> tuple[Callable[..., Any], ...]:
    write, truncate, sync = real.write, real.truncate, real.sync

    def on_write(file: int, data: int, size: int, at: int) -> int:
        recorder.steps.append(Step("write", name, at, ctypes.string_at(data, size)))
        return int(write(file, data, size, at))

    def on_truncate(file: int, size: int) -> int:
        recorder.steps.append(Step("truncate", name, size))
        return int(truncate(file, size))

    def on_sync(file: int, flags: int) -> int:
        if recorder.failing:
            return IOERR_FSYNC
        recorder.steps.append(Step("sync", name))
        return int(sync(file, flags))

    return _WRITE(on_write), _TRUNCATE(on_truncate), _SYNC(on_sync)
