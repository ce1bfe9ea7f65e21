"""Services that run in threads of their own: one that fails is started again, with growing pauses, alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol, TypeVar

from soilco2.ingest.errors import CollectorError
from soilco2.ingest.events import log_failure
from soilco2.ingest.systemd import Pulse
from soilco2.station_config.message import Message

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
"""Between two starts of a service that fails again and again [s]."""
CALM_S = 120.0
"""A service that ran longer than this counts as healthy again [s]."""
STOP_S = 20.0
"""A service may take this long to stop [s]."""


class Service(Protocol):
    """A thread that is watched over."""

    @property
    def failure(self) -> BaseException | None:
        """What ended it, if it was not asked to end."""
        ...

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


class Listener(Service):
    """A port that instruments, or their modems, connect to, shared by connections."""

    def status(self) -> dict[str, Any]:
        """`port`, `error`, `connections` by id with `connected`, and who is `unknown`: see `soilco2 status --json`."""
        raise NotImplementedError


_P = TypeVar("_P")


@dataclass
class Managed:
    """A service, how it is made, and how often it failed.

    Parameters
    ----------
    make : callable
    key : object
        What it is made from; with another key it is another service.
    patience_s : float or None
        Without a sign of life for longer than this it hangs [s]; None: it may be silent.
    """

    make: Callable[[], Service]
    key: object
    patience_s: float | None = None
    service: Service | None = None
    started: float = field(default_factory=monotonic)
    failures: int = 0
    again_at: float = 0.0
    beat: float = field(default_factory=monotonic)


class Supervisor:
    """Starts, watches and stops services by name.

    Parameters
    ----------
    on_failure : callable
        Takes the name of a service that failed and one sentence.
    """

    def __init__(self, on_failure: Callable[[str, Message], None]) -> None:
        self._on_failure = on_failure
        self._managed: dict[str, Managed] = {}
        self._mutex = threading.Lock()

    def _all(self) -> list[tuple[str, Managed]]:
        with self._mutex:
            return list(self._managed.items())

    def of(self, kind: type[_P]) -> list[_P]:
        """The services of one kind."""
        return [managed.service for _, managed in self._all() if isinstance(managed.service, kind)]

    def states(self) -> dict[str, str]:
        """How each service is doing, in words."""
        return {name: _state(managed) for name, managed in self._all()}

    def beat(self, name: str) -> None:
        """A service got something done."""
        managed = self._managed.get(name)
        if managed is not None:
            managed.beat = monotonic()

    def pulses(self, excused: float = 0.0) -> list[Pulse]:
        """Signs of life; `excused` is a moment at which every service counts as alive [s, monotonic]."""
        return [
            Pulse(name, max(excused, managed.beat, getattr(managed.service, "beat", 0.0)), managed.patience_s)
            for name, managed in self._all()
            if managed.patience_s is not None and managed.service is not None
        ]

    def install(self, wanted: Mapping[str, Managed]) -> None:
        """Stop the services that are not wanted any more, start those that are new or made from something else."""
        for name, managed in self._all():
            if name not in wanted or wanted[name].key != managed.key:
                with self._mutex:
                    del self._managed[name]
                if managed.service is not None:
                    managed.service.stop()
                    _join(name, managed.service)
        for name, managed in wanted.items():
            if name not in self._managed:
                with self._mutex:
                    self._managed[name] = managed
                self._start(name, managed)

    def look(self) -> None:
        """Start again what has failed, when its pause is over."""
        for name, managed in self._all():
            if managed.service is not None and not managed.service.alive:
                self._failed(
                    name, managed, managed.service.failure or CollectorError(Message("it ended by itself"))
                )
            elif managed.service is None and monotonic() >= managed.again_at:
                self._start(name, managed)

    def stop(self, *kinds: type) -> None:
        """Stop the services of these kinds, all of them when none is named, and wait for their end."""
        services = [(name, managed.service) for name, managed in self._all() if managed.service is not None]
        chosen = [(name, service) for name, service in services if not kinds or isinstance(service, kinds)]
        for _, service in chosen:
            service.stop()
        for name, service in chosen:
            _join(name, service)

    def _start(self, name: str, managed: Managed) -> None:
        managed.started = managed.beat = monotonic()
        try:
            managed.service = managed.make()
            managed.service.start()
        except Exception as error:  # noqa: BLE001 - one service must not stop the others
            self._failed(name, managed, error)

    def _failed(self, name: str, managed: Managed, error: BaseException) -> None:
        managed.service = None
        if monotonic() - managed.started > CALM_S:
            managed.failures = 0
        wait = min(2.0**managed.failures, LONGEST_PAUSE_S)
        managed.failures += 1
        managed.again_at = monotonic() + wait
        text = Message(
            "{name} failed ({kind}: {why}); it is started again in {wait_s:.0f} s",
            name=name,
            kind=type(error).__name__,
            why=error,
            wait_s=wait,
        )
        log_failure(text, error)
        self._on_failure(name, text)


def _state(managed: Managed) -> str:
    if managed.service is None:
        return Message("failed {count} times, starts again", count=managed.failures)
    return "running" if managed.service.alive else "ended"


def _join(name: str, service: Service) -> None:
    service.join(STOP_S)
    if service.alive:
        log.warning("%s did not stop within %.0f s", name, STOP_S)


def dialled(bus: dict[str, Any], listeners: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How a line is doing: one whose modem was away is read in its next round once the modem has dialled in."""
    name = bus["connection"]
    there = any(one["connections"].get(name, {}).get("connected") for one in listeners if not one["error"])
    if not (there and bus["error"]):
        return bus
    rows = {serial: row | {"state": "not read yet"} for serial, row in bus["instruments"].items()}
    return bus | {"state": "dialled in", "error": Message.of(""), "instruments": rows}
