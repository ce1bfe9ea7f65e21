"""JSON that is asked for over HTTP or HTTPS, in rounds, each from where the one before ended.

How far a device has been read is kept in the journal, in the transaction of its readings; where an answer has pages,
the page that comes next is kept too, and the time of the newest reading only when all pages are through.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from soilco2.ingest.drivers.driver import Batch, Bench, Driver, FarEnd, Fetcher, Host
from soilco2.ingest.drivers.watch_thread import WatchThread
from soilco2.ingest.errors import FetchError, IngestError
from soilco2.ingest.protocols.decoded import Decoded, Refusal
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_mapping_decode import Decoder, Said
from soilco2.ingest.protocols.json_object import RefusedError
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.http import MOST_BYTES, Asker, same_server
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.http_json import ADDRESS, HttpJsonConnection
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.json_path import path_of, places
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import iso
from soilco2.storage.errors import StorageError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 3600.0
"""After a fault, twice as long after each that follows it [s]."""
LONGEST_WISH_S = 86_400.0
"""A server that says when to come again is left alone so long, at most [s]."""
_AT_ONCE = 5000
_KNOWN_REFUSALS = 1000
_NEXT = 4000
_UNITS = {"s": 1_000_000, "ms": 1000}


class Place(NamedTuple):
    """How far a device has been read, as the journal keeps it.

    Parameters
    ----------
    newest_us : int or None
        Time of the newest reading up to which nothing is missing [µs UTC].
    asked_us : int or None
        From when on the answer was asked for whose pages are not through [µs UTC].
    seen_us : int or None
        Time of the newest reading on its pages [µs UTC].
    next : str
        What its next page is asked for by.
    """

    newest_us: int | None = None
    asked_us: int | None = None
    seen_us: int | None = None
    next: str = ""


class HttpWatch(WatchThread, Fetcher):
    """Asks one connection's address again and again.

    Parameters
    ----------
    host : Host
    connection : HttpJsonConnection
    """

    def __init__(self, host: Host, connection: HttpJsonConnection) -> None:
        super().__init__(host, connection, f"http {connection.id}")
        self._connection = connection
        station = host.station()
        mine = [row.address for row in station.file.instrument if row.connection == connection.id]
        self._devices = [str(name) for name in mine if name] if ADDRESS in connection.url else [""]
        self._decoder = Decoder(
            station.deployments, connection.id, host.clock.boot_id, Heard(), most=MOST_BYTES
        )
        self._next = None if connection.next is None else path_of(connection.next)
        self._asker: Asker | None = None
        self._places: dict[str, Place] = {}
        self._refused: set[int] = set()
        self._rounds = self._faults = 0

    def start(self) -> None:
        """Begin; where everything is read once, with the first round itself."""
        if self._host.once:
            self.round()
        self._thread.start()

    def status(self) -> dict[str, Any]:
        """How it is doing."""
        newest = [place.newest_us for place in self._places.values() if place.newest_us is not None]
        return {
            "connection": self._connection.id,
            "place": kind_of(self._connection).place(self._connection),
            "rounds": self._rounds,
            "newest_us": max(newest, default=None),
            "error": self._error,
            **self._decoder.status(),
        }

    def _work(self) -> None:
        try:
            pause = self._connection.every if self._host.once else self.round()
            while not self._waited(pause):
                pause = self.round()
        finally:
            if self._asker is not None:
                self._asker.close()

    def _waited(self, pause_s: float) -> bool:
        """Wait; True when it was asked to end."""
        end = monotonic() + pause_s
        while (rest := end - monotonic()) > 0:
            self._alive()
            if self._stop.wait(min(rest, 60.0)):
                return True
        return self._stop.is_set()

    def _alive(self) -> None:
        self.beat = monotonic()
        self._host.beat(f"http {self._connection.id}")

    # one round

    def round(self) -> float:
        """Ask for what has come since the last round; how long to wait then [s]."""
        if not self._host.clock.trusted():
            self._error = Message(
                "the clock is not trusted: nobody can tell which readings lie in the future"
            )
            return min(FIRST_PAUSE_S, self._connection.every)
        try:
            if self._asker is None:
                self._asker = Asker(self._connection)
                self._places = {
                    name: Place(**json.loads(value)) for name, value in self._known_places().items()
                }
            refused = self._read_each()
        except FetchError as error:
            return self._failed(error)
        except (StationConfigError, StorageError, IngestError) as error:
            if not self._stop.is_set():
                return self._failed(FetchError(Message.of(error)))
            return 0.0
        if refused:
            pause = self._failed(refused[0])
            return pause if len(refused) == len(self._devices) else min(pause, self._connection.every)
        if self._error and self._faults:
            self._host.happened("other", self._connection.id, Message("answers again"))
        self._error, self._faults = "", 0
        self._rounds += 1
        return self._connection.every

    def _read_each(self) -> list[FetchError]:
        """Ask for every device; the faults of those that gave nothing, where the server itself answers."""
        refused = []
        for device in self._devices:
            try:
                self._read(device)
            except FetchError as error:
                if not error.alone:
                    raise
                why = Message.of(error)
                said = Message("{device}: {why}", device=device, why=why) if device else why
                refused.append(FetchError(said, alone=True))
            if self._stop.is_set():
                break
        return refused

    def _failed(self, error: FetchError) -> float:
        said = Message.of(error)
        if str(said) != str(self._error):
            self._host.happened("other", self._connection.id, said)
        self._error = said
        pause = min(FIRST_PAUSE_S * 2.0 ** min(self._faults, 20), LONGEST_PAUSE_S)
        self._faults += 1
        return max(pause, min(error.wait_s or 0.0, LONGEST_WISH_S))

    def _read(self, device: str) -> None:
        """Every page that a device has since the last round."""
        place = self._places.get(device, Place())
        begun_anew = False
        while not self._stop.is_set():
            assert self._asker is not None
            if not place.next:
                place = place._replace(asked_us=self._since(place), seen_us=place.newest_us)
            try:
                body = self._asker.ask(self._url(device, place))
            except FetchError as error:
                # a page that is no longer there: what was read of it is known when it comes again
                if not place.next or begun_anew or error.status not in (400, 404, 410, 422):
                    raise
                begun_anew, place = True, Place(place.newest_us)
                continue
            self._alive()
            root = self._parsed(body)
            following = self._following(root)
            if following and following == place.next:
                raise FetchError(
                    Message(
                        "{place}: a page names itself as the next one ({path}); check next",
                        place=kind_of(self._connection).place(self._connection), path=self._connection.next,
                    ),
                    alone=True,
                )  # fmt: skip
            place = self._keep(device, body, root, place, following)
            if not following:
                return

    def _since(self, place: Place) -> int | None:
        table = self._connection
        if table.since is None:
            return None
        if place.newest_us is None:
            return int(self._host.clock.now_us() - table.first_look_back * 1e6)
        return int(place.newest_us - table.look_back * 1e6)

    def _url(self, device: str, place: Place) -> str:
        table = self._connection
        url = table.url.replace(ADDRESS, quote(device, safe=""))
        if place.next and table.next_query is None:
            found = same_server(url, place.next)
            if found is None:
                raise FetchError(
                    Message(
                        "{place}: its next page is on another server, which is not asked: {url}",
                        place=kind_of(table).place(table), url=place.next[:200],
                    ),
                    alone=True,
                )  # fmt: skip
            return found
        query = {}
        alone = bool(place.next) and table.next_alone
        if table.since is not None and place.asked_us is not None and not alone:
            at = place.asked_us
            query[table.since] = (
                iso(at) if table.since_format == "iso" else str(at // _UNITS[table.since_format])
            )
        if place.next and table.next_query is not None:
            query[table.next_query] = place.next
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}" if query else url

    def _parsed(self, body: bytes) -> Any:
        """The value that a page is; None where it is none, which the decoder refuses with its reason."""
        try:
            return self._decoder.root(body)
        except RefusedError:
            return None

    def _following(self, root: Any) -> str:
        """How the next page is asked for; empty where there is none."""
        found = None if self._next is None else next(places(self._next, root), None)
        text = str(found) if type(found) in (str, int) else ""
        if len(text) > _NEXT:
            raise FetchError(
                Message("{path}: the name of the next page is too long", path=self._connection.next),
                alone=True,
            )
        return text

    def _keep(self, device: str, body: bytes, root: Any, place: Place, following: str) -> Place:
        """Have the writer keep a page and how far the device has been read; that place."""
        clock = self._host.clock
        arrival_us = clock.now_us()
        said = Said(body, arrival_us, clock.mono_us(), device, root)
        found = self._decoder.batch([said] if body.strip() else [], trusted=True)
        seen = max((row.time_us for row in found.samples if row.time_us is not None), default=place.seen_us)
        if place.seen_us is not None and seen is not None:
            seen = max(seen, place.seen_us)
        place = Place(place.newest_us, place.asked_us, seen, following) if following else Place(seen)
        parked, counts = self._counted(device, found)
        source = self._connection.id
        rows = [found.samples[n : n + _AT_ONCE] for n in range(0, len(found.samples), _AT_ONCE)] or [[]]
        for n, some in enumerate(rows):
            last = n == len(rows) - 1
            self._host.submit(
                "import",
                samples=some,
                parked=[_parked(source, row) for row in parked] if last else [],
                counts=[(source, name, amount) for name, amount in counts.items()] if last else [],
                place=(f"{source}:{device}", json.dumps(place._asdict())) if last else None,
            )
            self._alive()
        self._places[device] = place
        for subject, text in found.notes or ():
            self._host.happened("other", subject, text)
        return place

    def _counted(self, device: str, found: Decoded) -> tuple[list[Refusal], Counter[str]]:
        """What is parked of a page, and what is counted.

        An answer that says the same again, as of a device that has nothing new, is parked once.
        """
        counts: Counter[str] = Counter(found.further or {})
        counts["messages"] += 1
        parked = []
        for row in found.refusals:
            mark = zlib.crc32(f"{device}|{row.reason}|{row.time_us}".encode())
            again = mark in self._refused
            if len(self._refused) >= _KNOWN_REFUSALS:
                self._refused.clear()
            self._refused.add(mark)
            counts["in"] += row.readings
            counts["duplicate" if again and row.time_us is not None else "rejected"] += row.readings
            if not again:
                parked.append(row)
        return parked, counts


def _parked(source: str, row: Refusal) -> tuple[Any, ...]:
    return (
        "message", source, row.reason, row.payload.decode("utf-8", "surrogateescape"), row.time_us, row.arrival_us
    )  # fmt: skip


class _HttpJsonDriver(Driver):
    victims = Message("of a device that is asked over HTTP")

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        found: dict[str, Managed] = {}
        file = host.station().file
        for row in connections:
            assert isinstance(row, HttpJsonConnection)
            key = (row, file.profile, file.instrument)
            found[f"http {row.id}"] = Managed(
                partial(HttpWatch, host, row), key, patience_s=row.timeout + 300.0
            )
        return found

    def retry(self, station: Station, source: str, payload: bytes, arrival_us: int) -> Batch:
        decoder = Decoder(station.deployments, source, "retried", most=MOST_BYTES)
        found = decoder.batch([Said(payload, arrival_us, 0)], trusted=True)
        batch = Batch(samples=list(found.samples))
        for row in found.refusals:
            batch.refuse(source, *row)
        return batch

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.http_devices import SimulatedServer

        return SimulatedServer(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        return [Reading(name, raw, "") for name, raw in raws.items()]


DRIVER = _HttpJsonDriver()
