"""A simulated node: publishes measured data as the project's JSON message, with an outbox on disk.

Two threads: one measures at each slot of the schedule clock and puts a message into the outbox; one sends
what is in the outbox, oldest first, twenty on their way at most. A broker's acknowledgement is not durability: a
message is sent again until the journal has it, if the journal lies on this machine. Started again, the node goes on
from the slot after its last one.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.errors import BrokerError, IngestError, SimulationError
from soilco2.ingest.protocols.soilco2_json import MAX_READINGS, Reading, encode_message
from soilco2.ingest.simulate.confirmation import Confirmation
from soilco2.ingest.simulate.faults import DRIFT_PER_DAY, POROSITY, Fault, Kind
from soilco2.ingest.simulate.outbox import LIMIT, TAIL, Outbox
from soilco2.ingest.simulate.replay import Feed, readings_at
from soilco2.station_config.connections.over_mqtt import OverMqtt
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.tables.mqtt import MqttTable
from soilco2.station_config.times import DAY_US

IN_FLIGHT = 20
"""Messages sent and not yet acknowledged, at most."""
_CATCH_UP_US = 31 * DAY_US


class SimulatedNode:
    """The node of one connection over MQTT.

    Parameters
    ----------
    connection : OverMqtt
    broker : MqttTable
    instruments : sequence of Instrument
        Those whose readings it sends.
    feed : Feed
    clock : Clock
        The schedule clock.
    outbox : Outbox
    journal : Path
        Where the station keeps its readings, if it does so on this machine.
    faults : sequence of (Fault, serials)
        Each with the serial numbers it hits.
    """

    def __init__(
        self,
        connection: OverMqtt,
        broker: MqttTable,
        instruments: Sequence[Instrument],
        feed: Feed,
        clock: Clock,
        outbox: Outbox,
        journal: Path,
        faults: Sequence[tuple[Fault, frozenset[str]]] = (),
    ) -> None:
        self.connection = connection
        self.instruments = list(instruments)
        self.station = feed.deployments.station_id
        self.name = f"{self.station}-{connection.id}"
        (self.topic,) = kind_of(connection).topics(connection, self.station)
        self.outbox = outbox
        self._confirmation = Confirmation(self._kept(journal), outbox)
        self.published = 0
        """Messages that the broker has acknowledged."""
        self.error = Message.of("")
        """Why the broker is not reached; empty when it is."""
        self.failure: IngestError | None = None
        """What ended the measuring, if it did not end by `stop`."""
        readings = sum(len(feed.deployments.channels_of(row.serial)) for row in instruments)
        if readings > MAX_READINGS:
            raise SimulationError(
                Message(
                    "connection {connection}: its instruments give {readings} readings at once, a message holds "
                    "{most}; name the channels that are used, or make two connections",
                    connection=connection.id,
                    readings=readings,
                    most=MAX_READINGS,
                )
            )
        self._broker = broker
        self._feed = feed
        self._clock = clock
        self._faults = faults
        self._begun_us = clock.now_us()
        self._stop = threading.Event()
        self._work: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._on_their_way: dict[int, int] = {}  # paho's message id: sequence
        self._newest_sent = -1
        self._connected = False
        self._client = self._make_client()
        self._threads = [
            threading.Thread(target=self._measure, name=f"node {self.name} measures", daemon=True),
            threading.Thread(target=self._send, name=f"node {self.name} sends", daemon=True),
        ]

    @classmethod
    def of(cls, bench: Bench) -> SimulatedNode:
        """The far end of a connection.

        Raises
        ------
        SimulationError
            When the station has no broker, or the outbox cannot be made.
        """
        connection = bench.connection
        broker = bench.station.file.brokers.get(connection.broker or "")
        if broker is None:
            raise SimulationError(
                Message(
                    "connection {connection}: the station file has no table [mqtt]; add it with host and port of "
                    "the broker",
                    connection=connection.id,
                )
            )
        outbox = Outbox(outbox_path(bench.folder, connection.id))
        return cls(
            connection,
            broker,
            bench.instruments,
            bench.feed,
            bench.clock,
            outbox,
            bench.station.journal_path,
            bench.faults,
        )

    @property
    def place(self) -> tuple[str, str]:
        """The topic it publishes to."""
        return "topics", self.topic

    def _make_client(self) -> mqtt.Client:
        five = self._broker.version == "5"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self.name}-node",
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else True,
        )
        if self._broker.username is not None:
            password = self._broker.password
            client.username_pw_set(self._broker.username, None if password is None else password.reveal())
        if self._broker.tls:
            ca = self._broker.ca_file
            client.tls_set(ca_certs=None if ca is None else str(ca))
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def start(self) -> None:
        """Begin to measure and to send; a broker that is not there yet is tried again and again.

        Raises
        ------
        BrokerError
            When the broker's address is no address.
        """
        try:
            self._connect()
        except ValueError as error:
            raise BrokerError(
                Message(
                    "broker {host}:{port}: {why}", host=self._broker.host, port=self._broker.port, why=error
                )
            ) from error
        for thread in self._threads:
            thread.start()

    def _connect(self) -> None:
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Stop; what is not known to be kept stays in the outbox."""
        self._stop.set()
        self._work.put(("stop", 0))
        for thread in self._threads:
            thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        self.outbox.close()

    # measuring

    def _first_slot(self) -> dict[str, int]:
        """The next slot of each instrument: after the last one in the outbox, else now."""
        now = self._clock.now_us()
        last = self.outbox.last_slot_us
        since = now if last is None or not now - _CATCH_UP_US <= last <= now else last + 1
        found = {}
        for row in self.instruments:
            interval = round(row.interval * 1e6)
            found[row.serial] = -(-since // interval) * interval
        return found

    def _measure(self) -> None:
        try:
            self._measure_all()
        except IngestError as error:
            self.failure = error

    def _measure_all(self) -> None:
        following = self._first_slot()
        while not self._stop.is_set() and following:
            slot = min(following.values())
            if not self._clock.wait_until(slot, self._stop):
                continue
            readings: list[Reading] = []
            for row in self.instruments:
                if following[row.serial] == slot:
                    following[row.serial] += round(row.interval * 1e6)
                    readings += self._read(row, slot)
            if readings:
                self._post(slot, readings)
                self._work.put(("new", 0))

    def _kept(self, journal: Path) -> Path:
        """The journal that is asked whether it has a message."""
        return journal

    def _post(self, slot: int, readings: Sequence[Reading]) -> None:
        """Put what was measured at a slot into the outbox."""
        self.outbox.put(slot, partial(self._message, readings))

    def _published(self, payload: bytes) -> tuple[str, bytes]:
        """Where a message of the outbox is published, and what."""
        return self.topic, payload

    def _message(self, readings: Sequence[Reading], sequence: int) -> bytes:
        return encode_message(self.station, self.name, sequence, readings)

    def _fault(self, kind: Kind, serial: str, time_us: int) -> Fault | None:
        for fault, serials in self._faults:
            if fault.kind is kind and serial in serials and fault.active(time_us):
                return fault
        return None

    def _read(self, instrument: Instrument, slot: int) -> list[Reading]:
        serial = instrument.serial
        if self._fault(Kind.SILENCE, serial, slot):
            return []
        interval = round(instrument.interval * 1e6)
        brown_out = self._fault(Kind.BROWN_OUT, serial, slot)
        if brown_out is not None and slot < self._began(brown_out) + interval:
            return []
        measured_at = slot
        if stuck := self._fault(Kind.STUCK, serial, slot):
            measured_at = self._began(stuck) // interval * interval
        stamp = slot
        if reset := self._fault(Kind.CLOCK_RESET, serial, slot):
            stamp = slot - self._began(reset)
        found = []
        for row in readings_at(self._feed, instrument, measured_at):
            value, known = row.raw, self._feed.deployments.channel(serial, row.channel)
            assert known is not None
            if value is not None and (drift := self._fault(Kind.DRIFT, serial, slot)):
                value *= 1.0 + DRIFT_PER_DAY * (slot - self._began(drift)) / DAY_US
            if known.variable == "soil_water" and self._fault(Kind.FLOOD, serial, slot):
                value = (POROSITY - known.b) / known.a
            found.append(Reading(serial, row.channel, stamp, value, known.spec.unit, row.status))
        return found

    def _began(self, fault: Fault) -> int:
        return self._begun_us if fault.start_us is None else fault.start_us

    # sending

    def tick(self) -> None:
        """Look whether the network is there."""
        self._work.put(("look", 0))

    def _cut(self) -> bool:
        now = self._clock.now_us()
        return any(fault.kind is Kind.UNPLUG and fault.active(now) for fault, _ in self._faults)

    def _send(self) -> None:
        was_cut = False
        while True:
            try:
                word, number = self._work.get(timeout=self._confirmation.due_s)
            except queue.Empty:
                word, number = "confirm", 0
            if word == "stop":
                return
            if word == "connected":
                self.outbox.again(sequence for sequence, _ in self.outbox.unconfirmed())
                self._newest_sent = -1
            elif word == "confirm" and self._confirmation.look():
                self._newest_sent = -1
            elif word == "acknowledged":
                sequence = self._on_their_way.pop(number, None)
                if sequence is not None:
                    self.outbox.acknowledged(sequence, LIMIT if self._confirmation.possible else TAIL)
                    self.published += 1
            cut = self._cut()
            if cut and not was_cut:
                self._client.disconnect()
                self._client.loop_stop()
            elif was_cut and not cut:  # a new client: paho leaves sockets open when a loop is started again
                self._client = self._make_client()
                self._on_their_way.clear()
                self._newest_sent = -1
                self._connect()
            was_cut = cut
            if self._connected and not cut:
                self._fill()

    def _fill(self) -> None:
        room = IN_FLIGHT - len(self._on_their_way)
        if room <= 0:
            return
        under_way = set(self._on_their_way.values())
        for sequence, payload in self.outbox.waiting(self._newest_sent, IN_FLIGHT):
            if sequence in under_way:
                continue
            if room == 0:
                return
            room -= 1
            info = self._client.publish(*self._published(payload), qos=1)
            if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
                return  # stays in the outbox; the next word tries again
            self._on_their_way[info.mid] = sequence  # without a connection paho sends it when there is one
            self._newest_sent = sequence

    # paho's thread: nothing but notes for the sender

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._connected = not code.is_failure
        self.error = Message("the broker refuses: {code}", code=code) if code.is_failure else Message.of("")
        self._work.put(("connected", 0))

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self.error = Message("no broker at {host}:{port}", host=self._broker.host, port=self._broker.port)

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._connected = False
        self.error = Message("connection lost: {code}", code=code)

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        # a broker that refuses a message (MQTT 5) would refuse it again: it is not kept
        self._work.put(("acknowledged", mid))


def outbox_path(folder: Path, connection: str) -> Path:
    """Where the outbox of a connection's node lies."""
    return folder / f"node-{connection}.sqlite"
