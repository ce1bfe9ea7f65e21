"""From the bytes of a message to samples and refusals; the schema is docs/reference/message.schema.json.

A message that cannot be understood is refused as a whole, raw. In one that can, each reading stands for
itself: a bad one is refused as a message of its own, so that it can be tried again, and the good ones go in.
What comes in is counted in readings; a message that cannot be understood counts as one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from soilco2.ingest.protocols.foreign_messages import foreign
from soilco2.ingest.protocols.mqtt_message import Cut
from soilco2.ingest.protocols.soilco2_json import MAX_READINGS
from soilco2.quality.records import Sample
from soilco2.station_config.connections.mqtt import MqttConnection
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.station_config.units import between

MAX_BYTES = 262_144
"""A longer message is refused unread: a thousand readings take about half of it."""
KEPT_BYTES = 1_048_576
"""Of a refused message this much is kept."""
OLDEST_US = 1_420_070_400_000_000
"""2015-01-01: an earlier stamp comes from a clock that was never set [µs UTC]."""

_LARGEST = 1.7976931348623157e308
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z").fullmatch
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?").fullmatch
_WHOLE = re.compile(r"[0-9]{1,16}").fullmatch
LONGEST_UNIT = 32
"""Characters, as the schema says."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_new = tuple.__new__


class Refusal(NamedTuple):
    """What did not become a sample.

    Parameters
    ----------
    reason : Message
        One sentence.
    payload : bytes
        The message, or a message of the one reading.
    time_us : int or None
        The stamp it carried [µs UTC], if one could be read.
    arrival_us : int
        [µs UTC]
    """

    reason: Message
    payload: bytes
    time_us: int | None
    arrival_us: int


class Gap(NamedTuple):
    """Messages of a node that never came: numbers `first` to `last`."""

    node: str
    first: int
    last: int


class Decoded(NamedTuple):
    """What a batch of messages gave."""

    samples: list[Sample]
    refusals: list[Refusal]
    gaps: list[Gap]


def _no_number(word: str) -> NoReturn:
    raise ValueError(Message("{found} is no number in JSON", found=word))


_decoder = json.JSONDecoder(parse_constant=_no_number)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


class Decoder:
    """Reads the messages of one connection.

    Parameters
    ----------
    deployments : Deployments
        What the station knows.
    source : str
        Id of the connection; only instruments on it are accepted.
    boot_id : str
    """

    def __init__(self, deployments: Deployments, source: str, boot_id: str) -> None:
        self.source = source
        self._boot_id = boot_id
        self._station = deployments.station_id
        self._tolerance_us = round(deployments.file.quality.future_tolerance * 1e6)
        starts = [span.start_us for span in deployments.spans]
        self._oldest_us = max([OLDEST_US, *([min(starts) - DAY_US] if starts else [])])
        channels = [
            channel
            for row in deployments.file.instrument
            if row.connection == source
            for channel in deployments.channels_of(row.serial)
        ]
        self._units = {channel.key: channel.spec.unit for channel in channels}
        self._variables = {channel.key: channel.spec.variable for channel in channels}
        self._factors: dict[tuple[str, str, str], tuple[float, float] | None] = {}
        table = next((row for row in deployments.file.connection if row.id == source), None)
        self._as_text = isinstance(table, MqttConnection) and table.numbers_as_text
        self._elsewhere = {row.serial for row in deployments.file.instrument if row.connection != source}
        self._last: dict[str, int] = {}

    def batch(
        self,
        messages: Iterable[tuple[bytes | bytearray, int, int]],
        *,
        trusted: bool,
        into: Decoded | None = None,
    ) -> Decoded:
        """Decode messages, each with its arrival by wall clock [µs UTC] and by monotonic clock [µs].

        Parameters
        ----------
        messages : iterable of (bytes-like, int, int)
        trusted : bool
            Whether the wall clock is. If it is not, stamps are not compared with it and readings without a
            stamp are left without a time.
        into : Decoded, optional
            Where to append.
        """
        out = Decoded([], [], []) if into is None else into
        for payload, arrival_us, mono_us in messages:
            before = len(out.samples), len(out.refusals), len(out.gaps)
            try:
                self._message(payload, arrival_us, mono_us, trusted, out)
                continue
            except _RefusedError as error:
                reason = Message.of(error)
            except Exception as error:  # noqa: BLE001 - whatever a message does, it must not stop the next one
                reason = Message("the message cannot be taken apart ({kind})", kind=type(error).__name__)
                del out.samples[before[0] :], out.refusals[before[1] :], out.gaps[before[2] :]
            kept = payload if len(payload) <= KEPT_BYTES else payload[:KEPT_BYTES]
            out.refusals.append(Refusal(reason, bytes(kept), None, arrival_us))
        return out

    def _message(
        self, payload: bytes | bytearray, arrival_us: int, mono_us: int, trusted: bool, out: Decoded
    ) -> None:
        message = _parse(payload)
        try:
            node, sequence, readings = message["node"], message["sequence"], message["readings"]
        except KeyError as error:
            missing = Message("the message has no key {key!r}", key=error.args[0])
            raise _RefusedError(foreign(message) or missing) from None
        last = self._last.get(node) if type(node) is str else None
        if last is None and (type(node) is not str or not _NAME(node)):
            raise _RefusedError(Message("node: a name is expected, found {found}", found=_show(node)))
        if self._as_text and type(sequence) is str and _WHOLE(sequence):
            sequence = int(sequence)
        if type(sequence) is not int or not 0 <= sequence <= 9_007_199_254_740_991:
            raise _RefusedError(
                Message("sequence: a whole number from 0 is expected, found {found}", found=_show(sequence))
            )
        if message.get("station", self._station) != self._station:
            raise _RefusedError(
                Message(
                    "station: the message is of {found}, this is {station!r}",
                    found=_show(message["station"]),
                    station=self._station,
                )
            )
        if type(readings) is not list or not 1 <= len(readings) <= MAX_READINGS:
            found = f"{len(readings)}" if type(readings) is list else _show(readings)
            raise _RefusedError(
                Message(
                    "readings: a list of 1 to {most} is expected, found {found}",
                    most=MAX_READINGS,
                    found=found,
                )
            )
        latest_us = arrival_us + self._tolerance_us if trusted else None
        append = out.samples.append
        for reading in readings:
            try:
                append(self._reading(reading, arrival_us, mono_us, latest_us))
            except _RefusedError as error:
                alone = {**message, "readings": [reading]}
                raw = json.dumps(alone, separators=(",", ":")).encode()
                out.refusals.append(Refusal(Message.of(error), raw, error.time_us, arrival_us))
        if last is not None and sequence > last + 1:
            out.gaps.append(Gap(node, last + 1, sequence - 1))
        if last is None or sequence > last or sequence == 0:
            if len(self._last) > 10_000:  # names made up by somebody
                self._last.clear()
            self._last[node] = sequence

    def _reading(self, reading: Any, arrival_us: int, mono_us: int, latest_us: int | None) -> Sample:
        try:
            serial, channel, stamp = reading["serial"], reading["channel"], reading["time"]
            value, unit = reading["value"], reading["unit"]
            expected = self._units[serial, channel]
        except (KeyError, TypeError):
            raise self._fault(reading) from None
        if type(value) is int or (type(value) is str and self._as_text and _NUMBER(value)):
            try:
                value = float(value)
            except OverflowError:
                value = float("inf")
        if value is not None and (type(value) is not float or not -_LARGEST <= value <= _LARGEST):
            raise _refused(serial, channel, self._no_value(value))
        if unit != expected:
            value = self._converted(value, unit, (serial, channel))
        status = reading.get("status", "")
        if status != "" and (type(status) is not str or len(status) > 200 or not status.isprintable()):
            why = Message("status: at most 200 printable characters, found {found}", found=_show(status))
            raise _refused(serial, channel, why)
        if stamp is None:
            device_us = None
            time_us = arrival_us if latest_us is not None else None
        else:
            time_us = device_us = _stamp_us(stamp, serial, channel)
            if device_us < self._oldest_us:
                why = Message(
                    "time: {time} is before the station was there; the node's clock was not set", time=stamp
                )
                raise _refused(serial, channel, why, device_us)
            if latest_us is not None and device_us > latest_us:
                why = Message(
                    "time: {time} was {ahead_s:.0f} s ahead of the station's clock when it came",
                    time=stamp,
                    ahead_s=(device_us - arrival_us) / 1e6,
                )
                raise _refused(serial, channel, why, device_us)
        came = (
            serial,
            channel,
            time_us,
            value,
            status,
            device_us,
            arrival_us,
            mono_us,
            self._boot_id,
            self.source,
            None,
        )
        return _new(Sample, came)

    def _no_value(self, value: Any) -> Message:
        """Why a value is none."""
        why = Message("value: a number or null is expected, found {found}", found=_show(value))
        if type(value) is str and _NUMBER(value) and not self._as_text:
            return Message("{why}; with numbers_as_text = true at the connection it is taken", why=why)
        return why

    def _converted(self, value: float | None, unit: Any, key: tuple[str, str]) -> float | None:
        """A value in the unit of its channel; refused when the unit of the message is not one of the variable's."""
        expected, factors = self._units[key], None
        if type(unit) is str and len(unit) <= LONGEST_UNIT:
            if (*key, unit) not in self._factors:
                if len(self._factors) > 10_000:  # units made up by somebody
                    self._factors.clear()
                self._factors[*key, unit] = between(unit, expected, self._variables[key])
            factors = self._factors[*key, unit]
        if factors is None:
            why = Message("unit: {unit!r} is expected, found {found}", unit=expected, found=_show(unit))
            raise _refused(*key, why)
        return value if value is None or factors == (1.0, 0.0) else factors[0] * value + factors[1]

    def _fault(self, reading: Any) -> _RefusedError:
        """What is wrong with a reading that names no channel of this connection."""
        if type(reading) is not dict:
            return _RefusedError(
                Message("readings: an object is expected for each, found {found}", found=_show(reading))
            )
        for key in ("serial", "channel", "time", "value", "unit"):
            if key not in reading:
                return _RefusedError(Message("the reading has no key {key!r}", key=key))
        serial, channel = reading["serial"], reading["channel"]
        if type(serial) is not str or type(channel) is not str:
            return _RefusedError(
                Message(
                    "serial, channel: text is expected, found {serial}, {channel}",
                    serial=_show(serial),
                    channel=_show(channel),
                )
            )
        if serial in self._elsewhere:
            return _RefusedError(
                Message(
                    "{serial}: this instrument is on another connection of the station", serial=_show(serial)
                )
            )
        if any(known == serial for known, _ in self._units):
            return _RefusedError(
                Message(
                    "{serial}: the instrument has no channel {channel}", serial=serial, channel=_show(channel)
                )
            )
        return _RefusedError(
            Message(
                "{serial}: the station file has no instrument with this serial number", serial=_show(serial)
            )
        )


class _RefusedError(Exception):
    """Why a message or reading is refused."""

    def __init__(self, reason: Message, time_us: int | None = None) -> None:
        super().__init__(reason)
        self.time_us = time_us


def _refused(serial: str, channel: str, why: Message, time_us: int | None = None) -> _RefusedError:
    place = Message("{serial}/{channel}: {why}", serial=serial, channel=channel, why=why)
    return _RefusedError(place, time_us)


def _parse(payload: bytes | bytearray) -> dict[str, Any]:
    if len(payload) > MAX_BYTES:
        size = payload.whole if isinstance(payload, Cut) else len(payload)
        raise _RefusedError(
            Message(
                "the message has {size} bytes, at most {most} are allowed",
                size=size,
                most=MAX_BYTES,
            )
        )
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _RefusedError(
            Message("the message is not UTF-8 (byte {position})", position=error.start)
        ) from None
    try:
        message, end = _scan(text, 0)
        if end != len(text):
            message = _decoder.decode(text)
    except StopIteration:
        try:
            message = _decoder.decode(text)  # white space in front, or the place of the fault
        except ValueError as error:
            raise _RefusedError(Message("the message is not JSON: {why}", why=error)) from None
    except ValueError as error:
        raise _RefusedError(Message("the message is not JSON: {why}", why=error)) from None
    except RecursionError:
        raise _RefusedError(
            Message("the message is not JSON: {why}", why=Message("too deeply nested"))
        ) from None
    if type(message) is not dict:
        raise _RefusedError(Message("an object is expected, found {found}", found=_show(message)))
    return message


def _stamp_us(stamp: Any, serial: str, channel: str) -> int:
    if type(stamp) is str and _STAMP(stamp):
        try:
            return (datetime.fromisoformat(stamp) - _EPOCH) // _MICROSECOND
        except ValueError:  # 30 February, hour 25
            pass
    why = Message(
        "time: UTC such as 2026-03-01T00:00:00Z, or null, is expected, found {found}", found=_show(stamp)
    )
    raise _refused(serial, channel, why)


def _show(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return Message("a very long {kind}", kind=type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."
