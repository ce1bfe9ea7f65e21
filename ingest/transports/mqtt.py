"""The MQTT side of a station: messages in, acknowledgements out once the journal has them.

QoS 1, a persistent session under a fixed client id, manual acknowledgement. Message numbers belong to a
connection, so each connection gets a client of its own and acknowledgements for an earlier one are dropped:
the broker sends those messages again, and the journal knows them. Messages that wait are bounded by not
reading from the socket.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, NamedTuple, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.errors import BrokerError
from soilco2.ingest.transports.mqtt_packets import Wire
from soilco2.ingest.transports.network import connection_fault
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.tables.mqtt import MqttTable

KEEPALIVE_S = 60
LONGEST_WAIT_S = 30.0
"""Between two attempts to reach the broker [s]."""
ANSWER_S = 20.0
"""The broker has this long to answer a connection [s]."""
HELD_BYTES = 4 * 1024 * 1024
"""Of messages that are taken and not acknowledged [bytes]: beyond it the socket is not read, as beyond `inflight`."""
SHORT_LIFE_S = 15.0
"""A connection that the broker ends sooner is suspicious [s]."""
_TAKEN_OVER = 0x8E
_FOREVER = 0xFFFF_FFFF
_TOPICS_KEPT = 256

log = logging.getLogger(__name__)

Event = Callable[[str, str, Message], None]
"""Takes kind, subject and one sentence."""


class Received(NamedTuple):
    """One message as it came: its number on this connection, whose it is, and when it came."""

    mid: int
    source: str | None
    """Id of the connection; None when nobody asked for the topic."""
    payload: bytes
    arrival_us: int
    mono_us: int
    retained: bool
    topic: bytes


class Taken:
    """Messages handed over, to be acknowledged together on the connection they came by."""

    __slots__ = ("client", "messages")

    def __init__(self, client: _Client, messages: list[Received]) -> None:
        self.client = client
        self.messages = messages


class _Client(mqtt.Client):
    """One connection."""

    wire: Wire | None = None
    five = False

    def _create_socket(self) -> Any:
        self.wire = Wire(cast(socket.socket, super()._create_socket()), five=self.five)
        return self.wire


class Subscriber:
    """Takes messages from the broker in a thread of its own.

    Parameters
    ----------
    table : MqttTable
    station : str
        Gives the client id where the table does not.
    topics : mapping of str to str
        From topic filter to the id of the connection it belongs to.
    clock : Clock
    on_messages : callable
        Called in the subscriber's thread when there is something to `take`.
    on_event : callable
        Takes kind, subject and one sentence: ``broker-lost``, ``broker-back``, ``broker-refused``,
        ``broker-session-lost``, ``broker-silent``, ``broker-client-twice``.
    silent_after_s : float
        Connected and without a message for longer than this is worth an alarm [s].
    """

    def __init__(
        self,
        table: MqttTable,
        station: str,
        topics: Mapping[str, str],
        clock: Clock,
        *,
        on_messages: Callable[[], None],
        on_event: Event,
        silent_after_s: float = 3600.0,
    ) -> None:
        self.table = table
        self.client_id = table.session(station)
        self.failure: BaseException | None = None
        """What ended the thread, if it did not end by `stop`."""
        self.beat = monotonic()
        """When the thread last went round [s]."""
        self._broker = f"{table.host}:{table.port}"
        self._topics = dict(topics)
        self._clock = clock
        self._on_messages = on_messages
        self._on_event = on_event
        self._silent_after_s = silent_after_s
        self._mutex = threading.Lock()
        self._waiting: list[Received] = []
        self._outstanding = self._held_bytes = 0
        self._acks: deque[Taken] = deque()
        self._source_of: dict[bytes, str | None] = {}
        self._client: _Client | None = None
        self._connected = False
        self.subscribed = threading.Event()
        """Set while the broker sends what is published."""
        self._dropped: Message | None = None
        self._had_session = False
        self._since = self._last_message = monotonic()
        self._short_lives = 0
        self._wait_s = 1.0
        self._logged = Message.of("")
        self._silent = False
        self._paused = False
        self._stop = threading.Event()
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        self._received = self._reconnects = 0
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    # from outside

    def start(self) -> None:
        """Begin; a broker that is not there yet is waited for."""
        self._thread.start()

    def pause(self) -> None:
        """Take no more messages; what was taken can still be acknowledged."""
        self._paused = True
        self._wake()

    def stop(self) -> None:
        """Send the acknowledgements that are due, say goodbye and end the thread."""
        self._stop.set()
        self._wake()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Messages that `take` would give."""
        return len(self._waiting)

    def take(self) -> Taken | None:
        """Everything that has come since the last call, for `acknowledge` after it was stored."""
        with self._mutex:
            if not self._waiting or self._client is None:
                return None
            messages, self._waiting = self._waiting, []
            return Taken(self._client, messages)

    def acknowledge(self, taken: Taken) -> None:
        """The journal has them: let the broker forget them."""
        self._acks.append(taken)
        self._wake()

    def status(self) -> dict[str, Any]:
        """How the connection is doing."""
        with self._mutex:
            return {
                "broker": self._broker,
                "client_id": self.client_id,
                "state": "connected" if self._connected else "not connected",
                "silent": self._silent,
                "error": self._logged,
                "received": self._received,
                "unacknowledged": self._outstanding,
                "connections": self._reconnects,
            }

    # the thread

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_in, b"\0")

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._one_connection()
                wait = self._next_wait()
                end = monotonic() + wait
                while not self._stop.is_set() and monotonic() < end:
                    self.beat = monotonic()
                    self._stop.wait(min(1.0, max(0.0, end - monotonic())))
        except BaseException as error:  # noqa: BLE001 - kept for the supervisor, who starts another one
            self.failure = error
        finally:
            self._forget()
            ends, self._wake_in = (self._wake_out, self._wake_in), -1  # a late call must not hit another file
            for end in ends:
                os.close(end)

    def _next_wait(self) -> float:
        wait = self._wait_s
        self._wait_s = min(2 * wait, LONGEST_WAIT_S)
        return wait

    def _one_connection(self) -> None:
        """Connect, serve until the connection ends."""
        self.beat = monotonic()
        try:
            client = self._make_client()
            client.connect(
                self.table.host,
                self.table.port,
                KEEPALIVE_S,
                clean_start=False if self.table.version == "5" else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
                properties=self._properties(),
            )
        except (OSError, ValueError, StationConfigError) as error:
            self._log_event("broker-lost", Message("{why}; trying again", why=connection_fault(error)))
            return
        self._since = self._last_message = monotonic()
        with self._mutex:
            self._client = client
            self._dropped = None
        self._reconnects += 1
        try:
            self._serve(client)
        finally:
            self._forget()
        if not self._stop.is_set():
            self._after(self._dropped or Message("the connection was cut"))

    def _make_client(self) -> _Client:
        table = self.table
        five = table.version == "5"
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=None if five else False,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.five = five
        client.connect_timeout = 10.0
        if table.username is not None:
            client.username_pw_set(
                table.username, table.password.reveal() if table.password is not None else None
            )
        if table.tls:
            client.tls_set(ca_certs=None if table.ca_file is None else str(table.ca_file))
        client.on_connect = self._connected_
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        return client

    def _properties(self) -> Properties | None:
        if self.table.version != "5":
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _FOREVER
        properties.ReceiveMaximum = self.table.inflight
        return properties

    def _serve(self, client: _Client) -> None:
        wire = client.wire
        assert wire is not None
        tidied = monotonic()
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        handle = wire.fileno()
        poll.register(handle, 0)
        while not self._stop.is_set() and self._dropped is None:
            now = self.beat = monotonic()
            room = (
                not self._paused and self._outstanding < self.table.inflight and self._held_bytes < HELD_BYTES
            )
            wanted = (select.POLLIN if room else 0) | (select.POLLOUT if wire.unsent else 0)
            poll.modify(handle, wanted)
            ready = dict(poll.poll(0 if room and wire.waiting else 1000))
            if self._wake_out in ready:
                os.read(self._wake_out, 4096)
            try:
                if room and (wire.waiting or ready.get(handle, 0) & ~select.POLLOUT):
                    self._read(client, wire)
                elif ready.get(handle, 0) & (select.POLLHUP | select.POLLERR):
                    raise ConnectionResetError(Message("the connection was cut"))
                self._write(client, wire)
            except (OSError, BrokerError) as error:
                self._dropped = self._dropped or connection_fault(error)
            if now - tidied >= 1.0:
                tidied = now
                client.loop_misc()
                self._watch(now)
        if self._stop.is_set():
            with contextlib.suppress(OSError):
                self._write(client, wire)
                client.disconnect()
                self._write(client, wire)

    def _read(self, client: _Client, wire: Wire) -> None:
        """Take what is there, a bounded number of messages."""
        messages = wire.receive(self.table.inflight - self._outstanding)
        if messages:
            arrival_us, mono_us = self._clock.now_us(), self._clock.mono_us()
            rows = [
                Received(
                    number, self._source(client, topic), payload, arrival_us, mono_us, bool(retained), topic
                )
                for number, topic, payload, retained in messages
            ]
            with self._mutex:
                self._waiting += rows
                self._outstanding += len(rows)
                self._held_bytes += sum(len(row.payload) for row in rows)
                self._received += len(rows)
            self._last_message = monotonic()
            if self._silent:
                self._silent = False
                self._on_event("broker-back", self.client_id, Message("messages come again"))
            self._on_messages()
        while wire.for_library and self._dropped is None:
            if client.loop_read() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._dropped = self._dropped or Message("the connection was cut")

    def _write(self, client: _Client, wire: Wire) -> None:
        while self._acks:
            taken = self._acks.popleft()
            if taken.client is not client:  # numbers of an earlier connection mean nothing on this one
                continue
            wire.acknowledge([message[0] for message in taken.messages])
            with self._mutex:
                self._outstanding -= len(taken.messages)
                self._held_bytes -= sum(len(row.payload) for row in taken.messages)
        if client.want_write():
            client.loop_write()
        wire.flush()

    def _source(self, client: _Client, topic: bytes) -> str | None:
        try:
            return self._source_of[topic]
        except KeyError:
            return self._find(client, topic)

    def _watch(self, now: float) -> None:
        if not self._connected:
            if now - self._since > ANSWER_S:
                self._dropped = Message("the broker did not answer within {limit_s:.0f} s", limit_s=ANSWER_S)
        elif now - self._since > SHORT_LIFE_S:
            self._short_lives = 0
            self._wait_s = 1.0
        if self._connected and not self._silent and now - self._last_message > self._silent_after_s:
            self._silent = True
            text = Message(
                "connected to {broker}, but no message for {minutes:.0f} min; are the nodes alive, and is the topic "
                "right?",
                broker=self._broker,
                minutes=self._silent_after_s / 60,
            )
            self._on_event("broker-silent", self.client_id, text)

    def _forget(self) -> None:
        """The connection is over: what was not stored comes again."""
        with self._mutex:
            client, self._client = self._client, None
            self._waiting.clear()
            self._outstanding = self._held_bytes = 0
            self.subscribed.clear()
            self._connected = False
            self._acks.clear()
        if client is not None and client.wire is not None:
            client.wire.close()

    def _after(self, why: Message) -> None:
        """The broker, or the network, ended a connection."""
        if monotonic() - self._since > SHORT_LIFE_S:
            self._short_lives, self._wait_s = 0, 1.0
        elif self._had_session:
            self._short_lives += 1
            if self._short_lives == 3:
                self._on_event("broker-client-twice", self.client_id, self._twice())
        self._log_event("broker-lost", Message("{why}; trying again", why=why))

    def _twice(self) -> Message:
        return Message(
            "the broker ended the connection soon after it was made, {times} times in a row: "
            "another client probably uses the id {client_id!r}; give each collector its own client_id",
            times=self._short_lives,
            client_id=self.client_id,
        )

    def _log_event(self, kind: str, why: Message) -> None:
        """An event once, until something else happens."""
        text = Message("{broker}: {why}", broker=self._broker, why=why)
        if text != self._logged:
            with self._mutex:
                self._logged = text
            self._on_event(kind, self.client_id, text)

    # called by the library, in the thread

    def _connected_(
        self, client: mqtt.Client, _data: Any, flags: mqtt.ConnectFlags, code: ReasonCode, _properties: Any
    ) -> None:
        if code.is_failure:
            self._dropped = Message("the broker refuses the connection: {code}", code=code)
            self._wait_s = LONGEST_WAIT_S
            text = Message("{why}; check user name, password and client_id", why=self._dropped)
            self._log_event("broker-refused", text)
            return
        with self._mutex:
            self._connected = True
            told, self._logged = self._logged, Message.of("")
        if told:
            text = Message("connected to {broker}", broker=self._broker)
            self._on_event("broker-back", self.client_id, text)
        if self._had_session and not flags.session_present:
            text = Message(
                "the broker has forgotten this client's session: messages that waited there are lost, unless the "
                "nodes send them again"
            )
            self._on_event("broker-session-lost", self.client_id, text)
        self._had_session = True
        client.subscribe([(topic, 1) for topic in self._topics])

    def _subscribed(
        self, _client: mqtt.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        if any(code.is_failure for code in codes):
            text = Message(
                "the broker refuses the subscription to {topics}; check its access rules",
                topics=", ".join(self._topics),
            )
            self._log_event("broker-refused", text)
        else:
            self.subscribed.set()
            log.info("listening to the broker at %s:%d", self.table.host, self.table.port)

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        if self._dropped is None:
            self._dropped = Message("the broker ended the connection ({code})", code=code)
        if code.value == _TAKEN_OVER:
            self._short_lives = 3
            text = Message(
                "another client with the id {client_id!r} took over the session; give each collector its own "
                "client_id",
                client_id=self.client_id,
            )
            self._on_event("broker-client-twice", self.client_id, text)

    def _find(self, client: _Client, topic: bytes) -> str | None:
        name = topic.decode("utf-8", "replace")
        found = next((s for t, s in self._topics.items() if mqtt.topic_matches_sub(t, name)), None)
        if found is None:  # a persistent session keeps the topics of former configurations
            client.unsubscribe(name)
        if len(self._source_of) > _TOPICS_KEPT:
            self._source_of.clear()
        self._source_of[topic] = found
        return found
