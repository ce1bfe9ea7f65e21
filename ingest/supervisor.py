"""Parts that run in threads of their own: one that fails is started again, with growing pauses, alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol, TypeVar

from soilco2.ingest.errors import CollectorError
from soilco2.ingest.systemd import Pulse

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
"""Between two starts of a part that fails again and again [s]."""
CALM_S = 120.0
"""A part that ran longer than this counts as healthy again [s]."""
STOP_S = 20.0
"""A part may take this long to stop [s]."""


class Part(Protocol):
    """A thread that is watched over."""

    failure: BaseException | None

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Ask it to end."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        ...


_P = TypeVar("_P")


@dataclass
class Kept:
    """A part, how it is made, and how often it failed.

    Parameters
    ----------
    make : callable
    key : object
        What it is made from; with another key it is another part.
    patience_s : float or None
        Without a sign of life for longer than this it hangs [s]; None: it may be silent.
    """

    make: Callable[[], Part]
    key: object
    patience_s: float | None = None
    part: Part | None = None
    started: float = field(default_factory=monotonic)
    failures: int = 0
    again_at: float = 0.0
    beat: float = field(default_factory=monotonic)


class Keeper:
    """Starts, watches and stops parts by name.

    Parameters
    ----------
    on_failure : callable
        Takes the name of a part that failed and one sentence.
    """

    def __init__(self, on_failure: Callable[[str, str], None]) -> None:
        self._on_failure = on_failure
        self._kept: dict[str, Kept] = {}
        self._mutex = threading.Lock()

    def _all(self) -> list[tuple[str, Kept]]:
        with self._mutex:
            return list(self._kept.items())

    def of(self, kind: type[_P]) -> list[_P]:
        """The parts of one kind."""
        return [kept.part for _, kept in self._all() if isinstance(kept.part, kind)]

    def states(self) -> dict[str, str]:
        """How each part is doing, in words."""
        return {name: _state(kept) for name, kept in self._all()}

    def beat(self, name: str) -> None:
        """A part got something done."""
        kept = self._kept.get(name)
        if kept is not None:
            kept.beat = monotonic()

    def pulses(self, excused: float = 0.0) -> list[Pulse]:
        """Signs of life; `excused` is a moment at which every part counts as alive [s, monotonic]."""
        return [
            Pulse(name, max(excused, kept.beat, getattr(kept.part, "beat", 0.0)), kept.patience_s)
            for name, kept in self._all()
            if kept.patience_s is not None and kept.part is not None
        ]

    def install(self, wanted: Mapping[str, Kept]) -> None:
        """Stop the parts that are not wanted any more, start those that are new or made from something else."""
        for name, kept in self._all():
            if name not in wanted or wanted[name].key != kept.key:
                with self._mutex:
                    del self._kept[name]
                if kept.part is not None:
                    kept.part.stop()
                    _join(name, kept.part)
        for name, kept in wanted.items():
            if name not in self._kept:
                with self._mutex:
                    self._kept[name] = kept
                self._start(name, kept)

    def look(self) -> None:
        """Start again what has failed, when its pause is over."""
        for name, kept in self._all():
            if kept.part is not None and not kept.part.alive:
                self._failed(name, kept, kept.part.failure or CollectorError("it ended by itself"))
            elif kept.part is None and monotonic() >= kept.again_at:
                self._start(name, kept)

    def stop(self, *kinds: type) -> None:
        """Stop the parts of these kinds, all of them when none is named, and wait for their end."""
        parts = [(name, kept.part) for name, kept in self._all() if kept.part is not None]
        chosen = [(name, part) for name, part in parts if not kinds or isinstance(part, kinds)]
        for _, part in chosen:
            part.stop()
        for name, part in chosen:
            _join(name, part)

    def _start(self, name: str, kept: Kept) -> None:
        kept.started = kept.beat = monotonic()
        try:
            kept.part = kept.make()
            kept.part.start()
        except Exception as error:  # noqa: BLE001 - one part must not stop the others
            self._failed(name, kept, error)

    def _failed(self, name: str, kept: Kept, error: BaseException) -> None:
        kept.part = None
        if monotonic() - kept.started > CALM_S:
            kept.failures = 0
        wait = min(2.0**kept.failures, LONGEST_PAUSE_S)
        kept.failures += 1
        kept.again_at = monotonic() + wait
        text = f"{name} failed ({type(error).__name__}: {error}); it is started again in {wait:.0f} s"
        log.error("%s", text, exc_info=error)
        self._on_failure(name, text)


def _state(kept: Kept) -> str:
    if kept.part is None:
        return f"failed {kept.failures} times, starts again"
    return "running" if kept.part.alive else "ended"


def _join(name: str, part: Part) -> None:
    part.join(STOP_S)
    if part.alive:
        log.warning("%s did not stop within %.0f s", name, STOP_S)
