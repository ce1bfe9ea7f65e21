"""A thread that looks again and again for what has come, and has the writer keep it with how far it has got."""

from __future__ import annotations

import threading
from time import monotonic

from soilco2.ingest.drivers.driver import Host
from soilco2.station_config.connections.kind import Connection
from soilco2.storage.journal.reader import JournalReader


class WatchThread:
    """What such threads have in common; what one does is its `_work`.

    Parameters
    ----------
    host : Host
    connection : Connection
    name : str
        Of the thread.
    """

    def __init__(self, host: Host, connection: Connection, name: str) -> None:
        self.failure: BaseException | None = None
        """What ended the thread, if it was not asked to end."""
        self.beat = monotonic()
        """When the thread last got something done [s]."""
        self._host = host
        self._source = connection.id
        self._error = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - kept for the supervisor
            self.failure = error

    def _work(self) -> None:
        """Go on until it is asked to end."""
        raise NotImplementedError

    def _known_places(self) -> dict[str, str]:
        """How far it had got, by its own keys, as the journal knows it."""
        journal = self._host.station().journal_path
        if not journal.is_file():
            return {}
        with JournalReader(journal) as reader:
            return reader.accounting.places(f"{self._source}:")
