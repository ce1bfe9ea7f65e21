"""Server-sent events that follow the journal's revisions and can be resumed by ``journal:rev``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool

from dashboards.live.data import PageStation, row
from station_config.variables import VARIABLES
from storage.errors import StorageError

BATCH = 2000
"""Observations in one event at most."""
QUIET_S = 15.0
"""A sign of life is sent when nothing came for this long [s]."""


class Feed:
    """Follows one station's journal once for all its listeners."""

    def __init__(self, page: PageStation) -> None:
        self.page = page
        self.rev = 0
        self.journal = ""
        self.stopped = False
        self.changed = asyncio.Condition()

    async def look(self) -> None:
        """Look for a newer revision and wake the listeners."""
        rev, journal = await run_in_threadpool(self._newest)
        if rev != self.rev or journal != self.journal:
            async with self.changed:
                self.rev, self.journal = rev, journal
                self.changed.notify_all()

    def _newest(self) -> tuple[int, str]:
        try:
            reader = self.page.open_reader()
        except StorageError:
            return self.rev, self.journal
        try:
            return reader.last_rev(), reader.journal_id
        finally:
            reader.close()

    def _after(self, rev: int) -> tuple[int, list[dict[str, Any]]]:
        reader = self.page.open_reader()
        try:
            found = reader.observations_after(rev, BATCH)
        finally:
            reader.close()
        rows = [row(o) for _, o in found if o.series.variable in VARIABLES]
        return (found[-1][0] if found else rev), rows

    async def follow(self, since: str) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
        """Events from `since` on: (id, name, body).

        An id of another journal, or none, begins with what comes next.
        """
        await self.look()
        journal, _, text = since.partition(":")
        rev = int(text) if journal == self.journal and text.isdigit() else self.rev
        yield f"{self.journal}:{rev}", "now", {"now_ms": self.page.now_us() // 1000, "rows": []}
        while not self.stopped:
            async with self.changed:
                if rev >= self.rev and not self.stopped:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.changed.wait(), QUIET_S)
            if self.stopped:
                return
            if rev > self.rev:
                rev = self.rev
            name, rows = "now", list[dict[str, Any]]()
            if rev < self.rev:
                rev, rows = await run_in_threadpool(self._after, rev)
                name = "observations"
            yield f"{self.journal}:{rev}", name, {"now_ms": self.page.now_us() // 1000, "rows": rows}

    async def stop(self) -> None:
        """Let every listener go."""
        async with self.changed:
            self.stopped = True
            self.changed.notify_all()


class Feeds:
    """The feeds of all stations and the one task that looks at their journals."""

    def __init__(self, pages: Mapping[str, PageStation], every_s: float) -> None:
        self._feeds = {name: Feed(page) for name, page in pages.items()}
        self._every_s = every_s
        self._stop = asyncio.Event()

    def of(self, station: str) -> Feed:
        """The feed of a station."""
        return self._feeds[station]

    async def run(self) -> None:
        """Look at every journal until stopped."""
        while not self._stop.is_set():
            for feed in self._feeds.values():
                await feed.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._every_s)

    async def stop(self) -> None:
        """End `run` and every listener."""
        self._stop.set()
        for feed in self._feeds.values():
            await feed.stop()
