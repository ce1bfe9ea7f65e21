"""JSON to a topic: one message a batch, QoS 1, waited for until the broker has confirmed it."""

from __future__ import annotations

import threading
from typing import Any

from soilco2.ingest.forward.platforms.template import message
from soilco2.ingest.transports.network import connection_fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.mqtt import MqttTable
from soilco2.station_config.tables.platform import MqttPlatform
from soilco2.storage.errors import SinkDenied, SinkError, SinkRefused, SinkTooLarge, SinkUnavailable

_REFUSED = 0x80
_NOT_AUTHORIZED = (0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x90)
_PAYLOAD = (0x95, 0x99)


class MqttSink:
    """A topic at a broker; a session of its own, beside those that listen.

    Parameters
    ----------
    table : MqttPlatform
    broker : MqttTable
        Its password is asked for once, here.
    station : str
        Gives the name of the session.
    """

    def __init__(self, table: MqttPlatform, broker: MqttTable, station: str) -> None:
        self.table = table
        self._broker = broker
        self._session = f"{broker.session(station)}-out-{table.id}"
        self._password = broker.password.reveal() if broker.password is not None else None
        self._client: Any = None
        self._answered = threading.Event()
        self._fault: SinkError | None = None

    @property
    def _place(self) -> Message:
        return Message(
            "{platform} at {host}:{port}",
            platform=self.table.id,
            host=self._broker.host,
            port=self._broker.port,
        )

    def write(self, lines: bytes) -> None:
        """Publish these readings; when this returns, the broker has them."""
        body = message(self.table, lines)
        try:
            client = self._connected()
            self._answered.clear()
            self._fault = None
            sent = client.publish(self.table.topic, body, qos=1)
            if sent.rc != 0 or not self._answered.wait(self.table.timeout):
                raise self._fault or SinkUnavailable(
                    Message("{place}: the broker did not confirm in time", place=self._place)
                )
            if self._fault is not None:
                raise self._fault
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            raise SinkUnavailable(
                Message("{place}: {why}", place=self._place, why=connection_fault(error))
            ) from None
        except SinkError as error:
            if not isinstance(error, SinkRefused):
                self.close()
            raise

    def close(self) -> None:
        """Say goodbye; what was not confirmed is published again by the next session."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _connected(self) -> Any:
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        five = self._broker.version == "5"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, self._session, protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            reconnect_on_failure=False, clean_session=None if five else True,
        )  # fmt: skip
        client.connect_timeout = self.table.timeout
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._password)
        if self._broker.tls:
            ca = self._broker.ca_file
            client.tls_set(ca_certs=None if ca is None else str(ca))
        self._answered.clear()
        self._fault = None
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.connect(self._broker.host, self._broker.port)
        self._client = client
        client.loop_start()
        if not self._answered.wait(self.table.timeout):
            raise SinkUnavailable(Message("{place}: the broker did not answer in time", place=self._place))
        if self._fault is not None:
            raise self._fault
        return client

    # paho's thread

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._fault = SinkDenied(
                Message(
                    "{place}: the broker refuses the connection ({why})", place=self._place, why=str(reason)
                )
            )
        self._answered.set()

    def _on_disconnect(self, client: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if client is self._client and self._fault is None and not self._answered.is_set():
            too_large = reason.value == _PAYLOAD[0]
            kind = SinkTooLarge if too_large else SinkUnavailable
            self._fault = kind(
                Message("{place}: the connection was cut ({why})", place=self._place, why=str(reason))
            )
            self._answered.set()

    def _on_publish(self, _c: Any, _u: Any, _mid: int, reason: Any, _p: Any) -> None:
        if reason.value >= _REFUSED:
            text = Message("{place}: the broker refuses it ({why})", place=self._place, why=str(reason))
            if reason.value in _PAYLOAD:
                self._fault = SinkRefused(text)
            elif reason.value in _NOT_AUTHORIZED:
                self._fault = SinkDenied(text)
            else:
                self._fault = SinkUnavailable(text)
        self._answered.set()
