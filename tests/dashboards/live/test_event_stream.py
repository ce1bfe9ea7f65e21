"""Server-sent events: nothing lost, resumed by place, several stations on one stream, faults told."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from soilco2.dashboards.live.app import create_app
from soilco2.dashboards.live.event_stream import BATCH, Feeds
from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.stations import pages_of
from soilco2.storage.journal.writer import Writer
from tests.dashboards.live.small import START, reading, small_station

KEY = ("{}", "p1", "d1", "soil_temperature")


class Event(NamedTuple):
    id: str
    name: str
    body: dict[str, Any]


def parsed(text: bytes) -> Event:
    lines = dict(line.split(": ", 1) for line in text.decode().strip().split("\n"))
    return Event(lines["id"], lines["event"], json.loads(lines["data"]))


def pages(folder: Path, *names: str) -> dict[str, PageStation]:
    return {name: pages_of([small_station(folder, name)])[0] for name in names}


def run(
    found: dict[str, PageStation], work: Callable[[Feeds], Awaitable[None]], every_s: float = 0.02
) -> None:
    async def main() -> None:
        feeds = Feeds(found, every_s)
        task = asyncio.create_task(feeds.run())
        try:
            await asyncio.wait_for(work(feeds), 60)
        finally:
            await feeds.stop()
            await task

    asyncio.run(main())


async def whole(pieces: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The events that come in pieces."""
    text = b""
    async for piece in pieces:
        text += piece
        if text.endswith(b"\n\n"):
            yield parsed(text)
            text = b""


async def until(pieces: AsyncIterator[bytes], enough: Callable[[list[Event]], bool]) -> list[Event]:
    found: list[Event] = []
    async for event in whole(pieces):
        found.append(event)
        if enough(found):
            break
    return found


def rows(events: list[Event]) -> list[tuple[str, int, float]]:
    return [(e.body["station"], row["t"], row["v"]) for e in events for row in e.body["rows"]]


def test_who_comes_back_gets_everything_after_the_place(tmp_path: Path) -> None:
    found = pages(tmp_path, "a")
    with Writer.open(found["a"].station) as writer:
        writer.commit([reading(k) for k in range(10)])

        async def work(feeds: Feeds) -> None:
            (first,) = await until(feeds.follow(["a"], ""), lambda e: len(e) == 1)
            assert (first.name, first.body["rows"]) == ("now", [])
            journal, rev = first.id.split(":")
            writer.commit([reading(k) for k in range(10, 13)])
            again = await until(feeds.follow(["a"], f"{journal}:{int(rev) - 2}"), lambda e: len(rows(e)) >= 5)
            minutes = [(t - START // 1000) // 60_000 for _, t, _ in rows(again)]
            assert minutes == [8, 9, 10, 11, 12]
            assert again[-1].id == f"{journal}:{int(rev) + 3}"

        run(found, work)


def test_the_newest_value_of_a_series_comes_with_what_was_a_day_before(tmp_path: Path) -> None:
    found = pages(tmp_path, "a")
    with Writer.open(found["a"].station) as writer:
        writer.commit([reading(0, 11.5), reading(20, 13.5)])

        async def work(feeds: Feeds) -> None:
            (first,) = await until(feeds.follow(["a"], ""), lambda e: len(e) == 1)
            writer.commit([reading(1430, 12.25), reading(1439, 12.0), reading(1440, 12.5)])
            got = await until(feeds.follow(["a"], first.id), lambda e: len(rows(e)) == 3)
            assert [row.get("yesterday", "-") for e in got for row in e.body["rows"]] == ["-", "-", 11.5]
            writer.commit([reading(1480, 12.0)])  # nothing within a quarter of an hour of a day before
            got = await until(feeds.follow(["a"], got[-1].id), lambda e: len(rows(e)) == 1)
            assert [row["yesterday"] for e in got for row in e.body["rows"]] == [None]

        run(found, work)


def test_listeners_share_the_bytes_of_an_event(tmp_path: Path) -> None:
    found = pages(tmp_path, "a")
    with Writer.open(found["a"].station) as writer:

        async def work(feeds: Feeds) -> None:
            listeners = [feeds.follow(["a"], "") for _ in range(3)]
            for one in listeners:
                await anext(one)
            writer.commit([reading(k) for k in range(100)])
            got: list[bytes] = []
            for one in listeners:
                assert (await anext(one)).startswith(b"id: ")
                got.append(await anext(one))
            assert len(got[0]) > 100 * 50
            assert all(
                event is got[0] for event in got
            )  # two hundred copies would be more than the rest of the server

        run(found, work)


def test_one_stream_follows_several_stations_and_is_resumed_in_each(tmp_path: Path) -> None:
    found = pages(tmp_path, "a", "b")
    with Writer.open(found["a"].station) as a, Writer.open(found["b"].station) as b:

        async def work(feeds: Feeds) -> None:
            begun = await until(feeds.follow(["a", "b"], ""), lambda e: len(e) == 2)
            a.commit([reading(0), reading(1)])
            b.commit([reading(5)])
            place = begun[-1].id
            for at_once in (True, False):  # at once, and after each event was the last that came
                got: list[Event] = []
                while len(rows(got)) < 3:
                    some = await until(
                        feeds.follow(["a", "b"], place),
                        lambda e: len(rows(e)) >= (3 if at_once else 1),  # noqa: B023
                    )
                    got += some
                    place = some[-1].id
                assert sorted((s, (t - START // 1000) // 60_000) for s, t, _ in rows(got)) == [
                    ("a", 0), ("a", 1), ("b", 5)
                ]  # fmt: skip
                place = begun[-1].id

        run(found, work)


def test_many_listeners_lose_nothing_while_the_station_goes_on(tmp_path: Path) -> None:
    found = pages(tmp_path, "a")
    last = 3 * BATCH
    with Writer.open(found["a"].station) as writer:

        async def work(feeds: Feeds) -> None:
            ready = asyncio.Semaphore(0)

            async def listen() -> list[int]:
                minutes: list[int] = []
                async for event in whole(feeds.follow(["a"], "")):
                    ready.release()
                    minutes += [(row["t"] - START // 1000) // 60_000 for row in event.body["rows"]]
                    if minutes and minutes[-1] == last - 1:
                        break
                return minutes

            listeners = [asyncio.create_task(listen()) for _ in range(30)]
            for _ in listeners:
                await ready.acquire()
            for k in range(0, last, 500):
                await asyncio.to_thread(writer.commit, [reading(n) for n in range(k, k + 500)])
            for minutes in await asyncio.gather(*listeners):
                assert sorted(set(minutes)) == list(range(last))

        run(found, work)


def test_a_revision_without_an_observation_is_passed_over(tmp_path: Path) -> None:
    found = pages(tmp_path, "a")
    with Writer.open(found["a"].station) as writer:
        writer.commit([reading(0)])

        async def work(feeds: Feeds) -> None:
            (first,) = await until(feeds.follow(["a"], ""), lambda e: len(e) == 1)
            key = ("a", "p1", "d1", "co2_flux")
            writer.append_derived([(key, START, 1.0, 0.5, 1.5, "gradient", "")])
            events: list[Event] = []

            async def listen() -> None:
                async for event in whole(feeds.follow(["a"], first.id)):
                    events.append(event)
                    if events[-1].body["rows"]:
                        return

            task = asyncio.create_task(listen())
            while len(events) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)  # in which it would send itself hoarse
            assert len(events) == 2
            writer.commit([reading(1)])
            await task
            assert len(events) == 3

        run(found, work)


def test_a_journal_that_is_not_there_yet_is_told_and_then_followed(tmp_path: Path) -> None:
    found = pages(tmp_path, "a", "b")
    with Writer.open(found["b"].station) as b:

        async def work(feeds: Feeds) -> None:
            seen = await until(feeds.follow(["a", "b"], ""), lambda e: len(e) == 2)
            assert "no journal yet" in seen[0].body["fault"]
            assert "fault" not in seen[1].body
            (said,) = await until(feeds.follow(["a"], "", "zh"), lambda e: len(e) == 1)
            assert re.fullmatch("台站日志库暂时无法读取（.*还没有日志库；.*）", said.body["fault"])
            b.commit([reading(1)])
            with Writer.open(found["a"].station) as a:
                a.commit([reading(0)])
                events = await until(feeds.follow(["a", "b"], seen[1].id), lambda e: len(rows(e)) >= 1)
            assert {row[0] for row in rows(events)} <= {"a", "b"}

        run(found, work)


def test_a_listener_is_there_before_the_journal_and_gets_all_of_it(tmp_path: Path) -> None:
    found = pages(tmp_path, "a")

    async def work(feeds: Feeds) -> None:
        task = asyncio.create_task(until(feeds.follow(["a"], ""), lambda e: len(rows(e)) >= 2))
        await asyncio.sleep(0.1)
        with Writer.open(found["a"].station) as writer:
            writer.commit([reading(0), reading(1)])
            await task

    run(found, work)


def test_a_damaged_journal_does_not_end_the_watch_over_the_others(tmp_path: Path) -> None:
    found = pages(tmp_path, "a", "b")
    found["a"].station.journal_path.write_bytes(b"no database at all, " * 400)
    with Writer.open(found["b"].station) as b:

        async def work(feeds: Feeds) -> None:
            seen = await until(feeds.follow(["a"], ""), lambda e: len(e) == 1)
            assert "journal" in seen[0].body["fault"]
            task = asyncio.create_task(until(feeds.follow(["b"], ""), lambda e: len(rows(e)) >= 1))
            await asyncio.sleep(0.1)
            b.commit([reading(0)])
            await task

        run(found, work)


@pytest.mark.parametrize("since", ["²:²", "abc:" + "9" * 5000, "0:-1", "abc:1e9", ":", ",,,", "\x00"])
def test_a_place_that_is_none_begins_with_what_comes_next(tmp_path: Path, since: str) -> None:
    found = pages(tmp_path, "a")
    with Writer.open(found["a"].station) as writer:
        writer.commit([reading(0)])

        async def work(feeds: Feeds) -> None:
            journal = (await until(feeds.follow(["a"], ""), lambda e: True))[0].id.split(":")[0]
            for asked in (since, since.replace("abc", journal)):
                (first,) = await until(feeds.follow(["a"], asked), lambda e: len(e) == 1)
                assert first.body["rows"] == []

        run(found, work)


def test_an_unknown_station_on_a_stream_is_told(tmp_path: Path) -> None:
    with TestClient(create_app(list(pages(tmp_path, "a").values()), version="0")) as client:
        answer = client.get("/api/v1/stream?station=a&station=<b>")
        assert answer.status_code == 404
        assert "'<b>' is not shown here; shown are a" in answer.json()["error"]
        assert client.head("/api/v1/stream").status_code == 200
