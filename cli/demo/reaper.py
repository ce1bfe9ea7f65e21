"""Ends a program's children when the program itself has died: ``python -m soilco2.cli.demo.reaper``.

The program keeps the other end of this process's standard input and writes a child's process id a line. When
the pipe ends, for whatever reason, the children are told to stop, and after a while made to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

PATIENCE_S = 10.0
"""How long a child may take to stop by itself [s]."""


class Reaper:
    """The program's side: start children through it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soilco2.cli.demo.reaper"], stdin=subprocess.PIPE, start_new_session=True
        )
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, words: list[str], **options: object) -> subprocess.Popen[bytes]:
        """Start a child that will not outlive this program."""
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True, **options)  # type: ignore[call-overload]
        assert self._process.stdin is not None
        self._process.stdin.write(f"{child.pid}\n".encode())
        self._process.stdin.flush()
        self.children[name] = child
        return child  # type: ignore[no-any-return]

    def stop(self, *order: str) -> None:
        """Stop the children, the named ones first and one after the other."""
        for name in [*order, *(n for n in reversed(self.children) if n not in order)]:
            child = self.children.pop(name, None)
            if child is None or child.poll() is not None:
                continue
            child.terminate()
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Read process ids until the pipe ends, then end the children one after the other, the last one first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for pid in [int(line) for line in sys.stdin][::-1]:
        for number, patience in ((signal.SIGTERM, PATIENCE_S), (signal.SIGKILL, 1.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + patience
            while _alive(pid) and time.monotonic() < end:
                time.sleep(0.02)


if __name__ == "__main__":
    main()
