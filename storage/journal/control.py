"""Commands that change something go through the running collector, or become the writer when none runs."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from soilco2.quality.runs import Bulk
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, pack, unpack
from soilco2.storage.errors import ControlError, JournalBusyError, StorageError
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.writer import Writer

LONGEST = 64 * 1024 * 1024
"""Bytes of a request at most."""
_ASK_S = 5.0
"""How long a collector may take to say how it is [s]."""
_PAUSE_S = 0.2
"""Between two tries to take a request while every descriptor of the process is in use [s]."""
_ROWS_ALONE, _ROWS_BESIDE_OTHERS = 20_000, 5000
_USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def socket_path(journal: Path) -> Path:
    """Where the collector of a journal listens; a short path, since the system allows about 100 bytes."""
    beside = journal.resolve().with_name(journal.name + ".sock")
    if len(os.fsencode(beside)) < 100:
        return beside
    name = hashlib.sha256(os.fsencode(journal.resolve())).hexdigest()[:16]
    return (
        Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        / f"soilco2-{os.getuid()}-{name}.sock"
    )


def _plain(value: Bulk | bytes) -> Any:
    """What JSON has no word for."""
    return list(value) if isinstance(value, Bulk) else value.hex()


class ControlServer:
    """Takes requests on a socket that only this user can open, and hands them to the writer's thread.

    Parameters
    ----------
    journal : Path
    call : callable
        ``call(op, arguments)``, carried out on the writer's thread; returns the result or raises.
    """

    def __init__(self, journal: Path, call: Callable[[str, dict[str, Any]], Any]) -> None:
        self.path = socket_path(journal)
        self._call = call
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            self._listener.bind(str(self.path))
        finally:
            os.umask(old)
        self._listener.listen(8)
        self._closing = threading.Event()
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more requests."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self._give_spare()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def _serve(self) -> None:
        """Take requests; a descriptor is kept for one that comes when all others are in use."""
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError as error:
                if self._closing.is_set() or error.errno not in _USED_UP:
                    return
                if not self._give_spare():
                    self._closing.wait(_PAUSE_S)
                continue
            if self._spare is None:
                with contextlib.suppress(OSError):
                    self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            threading.Thread(target=self._answer, args=(peer,), name="control-request", daemon=True).start()

    def _give_spare(self) -> bool:
        """Let the descriptor go that was kept, if it is there."""
        if self._spare is None:
            return False
        os.close(self._spare)
        self._spare = None
        return True

    def _answer(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer, peer.makefile("rwb") as lines:
            while line := lines.readline(LONGEST):
                with contextlib.closing(self._said(line)) as said:  # who asked may go away in the middle
                    for part in said:
                        lines.write(json.dumps(pack(part)).encode() + b"\n")
                        lines.flush()

    def _said(self, line: bytes) -> Generator[dict[str, Any]]:
        """The parts of what an operation gives piece by piece, and its result."""
        try:
            request = unpack(json.loads(line))
            result = self._call(request["op"], request["arguments"])
            if isinstance(result, Generator):
                with contextlib.closing(result):
                    yield from ({"part": part} for part in result)
                result = None
            yield {"result": result}
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            yield {"error": Message("the request cannot be read: {why}", why=error)}
        except StorageError as error:
            yield {"error": Message.of(error)}


class Submitter:
    """Submits operations one after the other, through the collector or as the writer; a context manager."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._peer: Any = None
        self._writer: Writer | None = None

    def __enter__(self) -> Submitter:
        try:
            self._writer = Writer.open(self._station)
        except JournalBusyError as busy:
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                peer.connect(str(socket_path(self._station.journal_path)))
            except OSError:
                peer.close()
                raise busy from None
            self._peer = peer.makefile("rwb")
            peer.close()
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if self._writer is not None:
            try:
                while failed is None and self._writer.judge():
                    pass
            finally:
                self._writer.close()
        if self._peer is not None:
            self._peer.close()

    @property
    def rows_at_once(self) -> int:
        """How many rows of an import are best kept at once: few, where a collector has readings to keep meanwhile."""
        return _ROWS_BESIDE_OTHERS if self._writer is None else _ROWS_ALONE

    def submit(self, op: str, **arguments: Any) -> Any:
        """Have an operation carried out and return its result.

        Raises
        ------
        StorageError
            What the writer said, here or there.
        """
        if self._writer is not None:
            return run(self._writer, op, arguments)
        try:
            request = json.dumps(pack({"op": op, "arguments": arguments}), default=_plain)
            self._peer.write(request.encode() + b"\n")
            self._peer.flush()
            answer = self._peer.readline()
        except OSError as error:
            raise ControlError(Message("the collector went away: {why}", why=error)) from error
        if not answer:
            raise ControlError(Message("the collector went away before it answered; try again"))
        body = unpack(json.loads(answer))
        if "error" in body:
            raise ControlError(Message.of(body["error"]))
        return body["result"]


def submit(station: Station, op: str, **arguments: Any) -> Any:
    """Submit one operation."""
    with Submitter(station) as submitter:
        return submitter.submit(op, **arguments)


def ask(journal: Path, op: str, **arguments: Any) -> Iterator[Any] | None:
    """What a running collector gives piece by piece; None when none runs.

    It goes on only while it is listened to: an iterator that is closed ends the operation.

    Raises
    ------
    ControlError
        What the collector said, while it is read.
    """
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer.connect(str(socket_path(journal)))
    except OSError:
        peer.close()
        return None
    return _parts(peer, {"op": op, "arguments": arguments})


def _parts(peer: socket.socket, request: dict[str, Any]) -> Iterator[Any]:
    try:
        with peer, peer.makefile("rwb") as lines:
            lines.write(json.dumps(pack(request)).encode() + b"\n")
            lines.flush()
            for line in lines:
                said = unpack(json.loads(line))
                if "error" in said:
                    raise ControlError(Message.of(said["error"]))
                if "part" not in said:
                    return
                yield said["part"]
    except OSError as error:
        raise ControlError(Message("the collector went away: {why}", why=error)) from error
    raise ControlError(Message("the collector went away before it answered; try again"))


def ask_collector(journal: Path) -> dict[str, Any] | None:
    """What the running collector says of itself; None when none runs."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(_ASK_S)
            peer.connect(str(socket_path(journal)))
            peer.sendall(b'{"op": "status", "arguments": {}}\n')
            with peer.makefile("rb") as answer:
                found: dict[str, Any] | None = unpack(json.loads(answer.readline() or b"{}")).get("result")
    except (OSError, ValueError):
        return None
    return found
