"""What commands ask of a running collector: how it is, operations on its journal, and a line for a while."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.errors import IngestError
from soilco2.ingest.events import event_of, log_event
from soilco2.ingest.supervisor import Supervisor
from soilco2.ingest.writer_thread import WriterThread
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.errors import ControlError


class Requests:
    """Answers the commands of a collector; called with the name of an operation and its arguments.

    Parameters
    ----------
    station : callable
        The station as it is configured now.
    supervisor : Supervisor
        Of the threads that poll.
    writer_thread : WriterThread
    status : callable
        How the collector is.
    """

    def __init__(
        self,
        station: Callable[[], Station],
        supervisor: Supervisor,
        writer_thread: WriterThread,
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._station = station
        self._supervisor = supervisor
        self._writer_thread = writer_thread
        self._status = status

    def __call__(self, op: str, arguments: dict[str, Any]) -> Any:
        """The result of an operation, or a generator of its parts."""
        if op == "status":
            return self._status()
        if op == "commission":
            return self._commission(**arguments)
        return self._writer_thread.carry_out(op, arguments)

    def _commission(self, connection: str, task: str, **arguments: Any) -> Generator[Any, None, None]:
        """Do something on a line between two of its rounds; what it gives, piece by piece."""
        from soilco2.ingest.commissioning import carry_out

        station = self._station()
        thread = _thread_of(self._supervisor.of(PollingThread), station, connection)
        with thread.borrowed() as line:
            if task != "read":
                self._note(connection, Message("the line is paused for soilco2 {task}", task=task))
            try:
                for part in carry_out(station, connection, line, task, arguments):
                    self._supervisor.beat(f"bus {connection}")
                    if "changed" in part:
                        self._note(connection, part["changed"])
                    yield part
                    if thread.ending:
                        raise ControlError(
                            Message(
                                "the collector ends or takes over a changed station file; try again in a moment"
                            )
                        )
            except IngestError as error:
                raise ControlError(Message.of(error)) from error

    def _note(self, connection: str, text: Message) -> None:
        event = event_of("commissioned", connection, text)
        log_event(event)
        self._writer_thread.note(event)


def _thread_of(threads: Sequence[PollingThread], station: Station, connection: str) -> PollingThread:
    for thread in threads:
        if thread.connection == connection and thread.alive:
            return thread
    if any(row.id == connection for row in station.file.connection):
        raise ControlError(
            Message(
                "the running collector does not poll {connection} now: it has no instruments, or is being started "
                "again; try again in a moment, or stop the collector",
                connection=connection,
            )
        )
    raise ControlError(
        Message(
            "the running collector has no connection {connection}: it runs with the last valid station file",
            connection=connection,
        )
    )
