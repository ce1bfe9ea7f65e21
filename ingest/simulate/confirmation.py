"""Which of a node's messages the journal has: asked of the journal itself, where it lies on the same machine."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from soilco2.ingest.simulate.outbox import Outbox
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.tidy.times import parse_time

LOOK_S = 5.0
"""Between two looks at the journal [s]."""
SHORTEST_S, LONGEST_S = 30.0, 600.0
"""An acknowledged message that is not in the journal is sent again after this long, later less and less often [s]."""
TRIES = 5
"""So often a message is sent again that the journal does not take, although it takes newer ones: it refuses it."""


class Confirmation:
    """Keeps a node's acknowledged messages until the journal has them.

    Parameters
    ----------
    journal : Path
    outbox : Outbox
    """

    def __init__(self, journal: Path, outbox: Outbox) -> None:
        self._journal, self._outbox = journal, outbox
        self._look_at = monotonic() + LOOK_S
        self._wait_s = SHORTEST_S
        self._again_at = monotonic() + SHORTEST_S
        self._tries: Counter[int] = Counter()

    @property
    def possible(self) -> bool:
        """Whether there is a journal here."""
        return self._journal.is_file()

    @property
    def due_s(self) -> float:
        """Until the next look [s]."""
        return max(0.0, self._look_at - monotonic())

    def look(self) -> bool:
        """Forget what the journal has; put what it should have by now among what is sent. Whether there is any."""
        self._look_at = monotonic() + LOOK_S
        waiting = self._outbox.unconfirmed()
        if not waiting or not self.possible:
            return False
        try:
            with JournalReader(self._journal) as reader:
                kept = {number for number, payload in waiting if _holds(reader, payload)}
        except (StorageError, sqlite3.Error):  # not readable now
            return False
        newest = max(kept, default=-1)
        refused = {n for n, _ in waiting if n not in kept and n < newest and self._tries[n] >= TRIES}
        self._outbox.confirmed(kept | refused)
        for number in kept | refused:
            self._tries.pop(number, None)
        if kept:
            self._wait_s = SHORTEST_S
        if monotonic() < self._again_at:
            return False
        self._again_at = monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_S)
        again = [number for number, _ in waiting if number not in kept | refused]
        self._tries.update(number for number in again if number < newest)
        self._outbox.again(again)
        return bool(again)


def _holds(reader: JournalReader, payload: bytes) -> bool:
    """Whether a reading of a message is in the journal; they go in together."""
    readings: Sequence[dict[str, str]] = json.loads(payload)["readings"]
    for one in readings:
        at = parse_time(one["time"], None)
        if reader.count_samples(one["serial"], one["channel"], at, at + 1):
            return True
    return False
