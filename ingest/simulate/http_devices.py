"""A simulated server that answers in JSON with measured data, as a connection's mapping has it."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.json_values import time_us
from soilco2.ingest.protocols.soilco2_json import Reading
from soilco2.ingest.simulate.faults import Kind
from soilco2.ingest.simulate.faulty import faults_of
from soilco2.ingest.simulate.json_devices import messages_of
from soilco2.station_config.connections.http_json import ADDRESS
from soilco2.station_config.json_path import path_of, places, put
from soilco2.station_config.message import Message, system
from soilco2.station_config.tables.instrument import Instrument

_KEPT = 2000
"""Times of measurement that the server remembers."""
_MOST = 500
"""Of them in an answer."""


class SimulatedServer:
    """The server of one connection, on this machine.

    Parameters
    ----------
    bench : Bench
    """

    def __init__(self, bench: Bench) -> None:
        self.failure: Exception | None = None
        self._bench, self._table = bench, bench.connection
        parts = urlsplit(self._table.url)
        if parts.hostname not in ("127.0.0.1", "localhost") or parts.scheme != "http":
            raise SimulationError(
                Message(
                    "{connection}: a server is simulated on this machine alone; give it an address such as "
                    "http://127.0.0.1:8085/data in the station file that is simulated",
                    connection=self._table.id,
                )
            )
        self._port = parts.port or 80
        self._begun_us = bench.clock.now_us()
        self._slots: dict[str, deque[tuple[int, list[Reading]]]] = {
            row.serial: deque(maxlen=_KEPT) for row in bench.instruments
        }
        self._mutex = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The address it answers at."""
        return "urls", str(self._table.url)

    def start(self) -> None:
        """Listen."""
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's word
                """Say nothing."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        except OSError as error:
            raise SimulationError(
                Message("port {port} cannot be opened: {why}", port=self._port, why=system(error))
            ) from error
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def tick(self) -> None:
        """Measure what is due."""
        now = self._bench.clock.now_us()
        for row in self._bench.instruments:
            every = round(row.interval * 1e6)
            kept = self._slots[row.serial]
            slot = kept[-1][0] + every if kept else self._begun_us // every * every
            while slot <= now:
                model = self._bench.station.models[row.model_key]
                raws = {
                    spec.id: self._bench.feed.raw(row.serial, spec.id, slot)
                    for spec in model.used(row.channels)
                }
                readings = [
                    Reading(row.serial, name, slot, raw, self._unit(row, name)) for name, raw in raws.items()
                ]
                with self._mutex:
                    kept.append((slot, readings))
                slot += every

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _unit(self, row: Instrument, name: str) -> str:
        channel = self._bench.station.deployments.channel(row.serial, name)
        return "" if channel is None else channel.spec.unit

    def _active(self, kind: Kind, row: Instrument, now: int) -> bool:
        return any(fault.kind is kind and fault.active(now) for fault in faults_of(self._bench, row.serial))

    def _answer(self, path: str) -> tuple[int, bytes]:
        now = self._bench.clock.now_us()
        asked = urlsplit(path)
        since_us = self._since(parse_qs(asked.query))
        found = [row for row in self._bench.instruments if self._meant(row, asked.path)]
        if any(self._active(Kind.UNPLUG, row, now) for row in found):
            return 503, b'{"error": "the network is away"}'
        if not found:
            return 404, b'{"error": "no such device"}'
        root: Any = None
        for row in found:
            if self._active(Kind.SILENCE, row, now):
                continue
            with self._mutex:
                slots = [one for one in self._slots[row.serial] if one[0] >= since_us][-_MOST:]
            for _, readings in slots if self._table.each is not None else slots[-1:]:
                for message in messages_of(self._table, self._bench.station.deployments, row, readings):
                    root = self._joined(root, message)
        return 200, json.dumps(root, separators=(",", ":")).encode()

    def _joined(self, root: Any, message: Any) -> Any:
        """An answer with one more message: its elements behind those that are there."""
        if root is None:
            return message
        if self._table.each is None:
            return {**root, **message}
        path = path_of(self._table.each)
        for element in places(path, message):
            root = put(path, element, root)
        return root

    def _meant(self, row: Instrument, path: str) -> bool:
        wanted = urlsplit(self._table.url).path
        return unquote(path) == unquote(wanted).replace(ADDRESS, str(row.address))

    def _since(self, query: dict[str, list[str]]) -> int:
        table = self._table
        text = query.get(table.since, ["0"])[0] if table.since else "0"
        if text == "0":
            return 0
        return time_us(text if table.since_format == "iso" else float(text), table.since_format, None, False)
