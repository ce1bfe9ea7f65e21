"""Server-sent events that follow the journals' revisions and can be resumed by ``journal:rev``."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from starlette.concurrency import run_in_threadpool

from soilco2.dashboards.live.queries import PageStation, rows_of, unreadable
from soilco2.station_config.message import Message, translate
from soilco2.storage.errors import StorageError

BATCH = 2000
"""Observations in one event at most."""
QUIET_S = 15.0
"""A sign of life is sent when nothing came for this long [s]."""
_KEPT = 8
_PLACE = re.compile(r"([0-9a-f]{1,64}):([0-9]{1,18})", re.ASCII)


class Feed:
    """Follows one station's journal once for all its listeners."""

    def __init__(self, page: PageStation) -> None:
        self.page = page
        self.name = page.station.file.station.id
        self.rev = 0
        self.journal = ""
        self.fault: Message | None = None
        """Why the journal cannot be read now; None when it can."""
        self._reading = asyncio.Lock()
        self._kept: OrderedDict[tuple[str, int], tuple[int, bytes]] = OrderedDict()

    async def look(self) -> bool:
        """Look at the journal; whether anything changed."""
        before = (self.rev, self.journal, self.fault)
        try:
            self.rev, self.journal = await run_in_threadpool(self._newest)
            self.fault = None
        except (StorageError, sqlite3.Error) as error:
            self.fault = unreadable(error)
        return before != (self.rev, self.journal, self.fault)

    def _newest(self) -> tuple[int, str]:
        with closing(self.page.open_reader()) as reader:
            return reader.last_rev(), reader.journal_id

    async def after(self, rev: int) -> tuple[int, bytes]:
        """How far the next event goes, and the event without its id: read and kept once for all at the same place.

        Raises
        ------
        StorageError, sqlite3.Error
            When the journal cannot be read.
        """
        mark = (self.journal, rev)
        async with self._reading:
            if mark not in self._kept:
                self._kept[mark] = await run_in_threadpool(self._after, rev)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return self._kept[mark]

    def _after(self, rev: int) -> tuple[int, bytes]:
        with closing(self.page.open_reader()) as reader:
            newest = reader.last_rev()
            found = reader.observations_after(rev, BATCH)
            known = self.page.station.variables
            rows = rows_of(reader, [o for _, o in found if o.series.variable in known])
        last = found[-1][0] if found else rev
        # past the last observation there may be revisions of other tables
        return (last if len(found) == BATCH else max(last, newest)), self.event("observations", rows)

    def event(self, name: str, rows: Sequence[Mapping[str, Any]] = (), lang: str = "en") -> bytes:
        """An event as it is sent, but for its id."""
        body: dict[str, Any] = {"station": self.name, "now_ms": self.page.now_us() // 1000}
        if self.fault:
            body["fault"] = translate(self.fault, lang)
        body["rows"] = rows
        return f"event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


class Feeds:
    """The feeds of all stations and the one task that looks at their journals."""

    def __init__(self, pages: Mapping[str, PageStation], every_s: float) -> None:
        self._feeds = {name: Feed(page) for name, page in pages.items()}
        self._every_s = every_s
        self._changed = asyncio.Condition()
        self._turn = 0
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Look at every journal until stopped."""
        while not self._stopped.is_set():
            if any([await feed.look() for feed in self._feeds.values()]):
                await self._wake()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._every_s)

    async def _wake(self) -> None:
        async with self._changed:
            self._turn += 1
            self._changed.notify_all()

    async def stop(self) -> None:
        """End `run` and let every listener go."""
        self._stopped.set()
        await self._wake()

    async def follow(self, stations: Sequence[str], since: str, lang: str = "en") -> AsyncIterator[bytes]:
        """Events of some stations from `since` on, as they are sent.

        The id of an event names the place in every journal: ``journal:rev``, by comma. A journal that `since` does
        not name begins with what comes next. Nothing is queued: who reads slowly finds the rest in the journal.
        """
        feeds = [self._feeds[name] for name in stations]
        asked = dict(_PLACE.findall(since[:8192]))
        at: dict[str, tuple[str, int]] = {}
        turn = -1
        for feed in feeds:
            await feed.look()
            at[feed.name] = (feed.journal, min(int(asked.get(feed.journal, feed.rev)), feed.rev))
        for feed in feeds:
            yield _id(at.values()) + feed.event("now", lang=lang)
        while not self._stopped.is_set():
            quiet = await self._wait(turn)
            turn = self._turn
            for feed in feeds:
                told = False
                if at[feed.name][0] != feed.journal:
                    # all of a journal that was not there before; of one that took another's place, what comes next
                    at[feed.name] = (feed.journal, feed.rev if at[feed.name][0] else 0)
                while not feed.fault and at[feed.name][1] < feed.rev and not self._stopped.is_set():
                    try:
                        rev, event = await feed.after(at[feed.name][1])
                    except (StorageError, sqlite3.Error) as error:
                        feed.fault = unreadable(error)
                        break
                    at[feed.name] = (feed.journal, rev)
                    yield _id(at.values())
                    yield event  # the same bytes for all: many listeners' copies would take most of their memory
                    told = True
                if (quiet or feed.fault) and not told and not self._stopped.is_set():
                    yield _id(at.values()) + feed.event("now", lang=lang)

    async def _wait(self, turn: int) -> bool:
        """Wait for the next change; True when none came for `QUIET_S`."""
        try:
            async with self._changed, asyncio.timeout(QUIET_S):
                await self._changed.wait_for(lambda: self._turn != turn or self._stopped.is_set())
        except TimeoutError:
            return True
        return False


def _id(found: Iterable[tuple[str, int]]) -> bytes:
    return f"id: {','.join(f'{journal}:{rev}' for journal, rev in found)}\n".encode()
