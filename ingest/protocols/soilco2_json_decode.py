"""From the bytes of a message to samples and refusals; the schema is docs/reference/message.schema.json.

A message that cannot be understood is refused as a whole, raw. In one that can, each reading stands for itself: the
good ones go in, the bad ones are refused together as one message that can be tried again, no longer than it came.
What comes in is counted in readings; a message that cannot be understood counts as one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from soilco2.ingest.protocols.decoded import Decoded, Gap, Jump, Refusal, oldest_us
from soilco2.ingest.protocols.foreign_messages import foreign
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_object import KEPT_BYTES, RefusedError, parse_object, reason_of, show
from soilco2.ingest.protocols.soilco2_json import MAX_READINGS
from soilco2.quality.records import Sample
from soilco2.station_config.connections.mqtt import MqttConnection
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.message import Message
from soilco2.station_config.units import between

_FREE, _A_SECOND = 1000, 10
"""So many messages of a node can be missing at once, and so many more for each second since its last one."""
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


class Decoder:
    """Reads the messages of one connection.

    Parameters
    ----------
    deployments : Deployments
        What the station knows.
    source : str
        Id of the connection; only instruments on it are accepted.
    boot_id : str
    heard : Heard, optional
        Where a repeat is known by; left out where a message is tried again on purpose.
    """

    def __init__(
        self, deployments: Deployments, source: str, boot_id: str, heard: Heard | None = None
    ) -> None:
        self.source = source
        self._heard, self._boot_id = heard, boot_id
        self._station = deployments.station_id
        self._tolerance_us = round(deployments.file.quality.future_tolerance * 1e6)
        self._oldest_us = oldest_us(deployments)
        channels = [
            channel
            for row in deployments.file.instrument
            if row.connection == source
            for channel in deployments.channels_of(row.serial)
        ]
        self._units = {channel.key: channel.spec.unit for channel in channels}
        self._registry = deployments.variables
        self._variables = {channel.key: channel.spec.variable for channel in channels}
        self._factors: dict[tuple[str, str, str], tuple[float, float] | None] = {}
        table = next((row for row in deployments.file.connection if row.id == source), None)
        self._as_text = isinstance(table, MqttConnection) and table.numbers_as_text
        self._elsewhere = {row.serial for row in deployments.file.instrument if row.connection != source}
        self._last: dict[str, tuple[int, int]] = {}  # number and arrival of each node's last message

    def batch(
        self,
        messages: Iterable[tuple[bytes | bytearray, int, int]],
        *,
        trusted: bool,
        retained: bool = False,
        into: Decoded | None = None,
    ) -> Decoded:
        """Decode messages, each with its arrival by wall clock [µs UTC] and by monotonic clock [µs].

        Parameters
        ----------
        messages : iterable of (bytes-like, int, int)
        trusted : bool
            Whether the wall clock is. If it is not, stamps are not compared with it and readings without a
            stamp are left without a time.
        retained : bool
            Whether the broker kept them: what has no time of its own in them has none.
        into : Decoded, optional
            Where to append.
        """
        out = Decoded([], [], [], Counter(), []) if into is None else into
        for payload, arrival_us, mono_us in messages:
            before = len(out.samples), len(out.refusals), len(out.gaps), len(out.jumps)
            known = retained and self._heard is not None and self._heard.retained_again(self.source, payload)
            try:
                self._message(payload, arrival_us, mono_us, trusted, retained, out)
                if known:  # what cannot be used of it is parked already
                    out.repeats["readings"] += sum(one.readings for one in out.refusals[before[1] :])
                    del out.refusals[before[1] :]
                continue
            except RefusedError as error:
                reason = Message.of(error)
            except Exception as error:  # noqa: BLE001 - whatever a message does, it must not stop the next one
                reason = Message("the message cannot be taken apart ({kind})", kind=type(error).__name__)
                del out.samples[before[0] :], out.refusals[before[1] :]
                del out.gaps[before[2] :], out.jumps[before[3] :]
            if known:
                out.repeats["readings"] += 1
                continue
            kept = payload if len(payload) <= KEPT_BYTES else payload[:KEPT_BYTES]
            out.refusals.append(Refusal(reason, bytes(kept), None, arrival_us))
        return out

    def _message(
        self,
        payload: bytes | bytearray,
        arrival_us: int,
        mono_us: int,
        trusted: bool,
        retained: bool,
        out: Decoded,
    ) -> None:
        message = parse_object(payload)
        try:
            node, sequence, readings = message["node"], message["sequence"], message["readings"]
        except KeyError as error:
            missing = Message("the message has no key {key!r}", key=error.args[0])
            raise RefusedError(foreign(message) or missing) from None
        if type(node) is not str or (node not in self._last and not _NAME(node)):
            raise RefusedError(Message("node: a name is expected, found {found}", found=show(node)))
        if self._as_text and type(sequence) is str and _WHOLE(sequence):
            sequence = int(sequence)
        if type(sequence) is not int or not 0 <= sequence <= 9_007_199_254_740_991:
            raise RefusedError(
                Message("sequence: a whole number from 0 is expected, found {found}", found=show(sequence))
            )
        if message.get("station", self._station) != self._station:
            raise RefusedError(
                Message(
                    "station: the message is of {found}, this is {station!r}",
                    found=show(message["station"]),
                    station=self._station,
                )
            )
        if type(readings) is not list or not 1 <= len(readings) <= MAX_READINGS:
            found = f"{len(readings)}" if type(readings) is list else show(readings)
            raise RefusedError(
                Message(
                    "readings: a list of 1 to {most} is expected, found {found}",
                    most=MAX_READINGS,
                    found=found,
                )
            )
        latest_us = arrival_us + self._tolerance_us if trusted else None
        append = out.samples.append
        faults: list[tuple[Any, RefusedError]] = []
        if b"null" in payload:
            readings = self._with_clock(message, retained, faults, out)
        for reading in readings:
            try:
                append(self._reading(reading, arrival_us, mono_us, latest_us))
            except RefusedError as error:
                faults.append((reading, error))
        if faults:
            out.refusals.append(_refusal(message, bytes(payload), faults, arrival_us))
        if not retained:
            self._number(node, sequence, mono_us, out)

    def _number(self, node: str, sequence: int, mono_us: int, out: Decoded) -> None:
        """Remember the number of a node's message, and tell which are missing."""
        last, since_us = self._last.get(node, (sequence, mono_us))
        jumped = False
        if sequence != last + 1:  # hardly any message
            possible = _FREE + _A_SECOND * max(0, mono_us - since_us) // 1_000_000
            jumped = abs(sequence - last) > possible and sequence != 0
            if jumped:
                out.jumps.append(Jump(node, last, sequence))
            elif sequence > last:
                out.gaps.append(Gap(node, last + 1, sequence - 1))
        if sequence >= last or sequence == 0 or jumped:
            if len(self._last) > 10_000:  # names made up by somebody
                self._last.clear()
            self._last[node] = sequence, mono_us

    def _with_clock(
        self, message: dict[str, Any], retained: bool, faults: list[tuple[Any, RefusedError]], out: Decoded
    ) -> list[Any]:
        """The readings to be taken: of those without a time of their own no repeat, nor what would share one."""
        readings: list[Any] = message["readings"]
        bare = [one for one in readings if type(one) is dict and one.get("time", "") is None]
        if not bare:
            return readings
        node, sequence = message["node"], message["sequence"]
        if self._heard is not None and sequence == 0 and self._last.get(node, (0, 0))[0] > 1:
            self._heard.begin_again(self.source, node)
        if self._heard is not None and self._heard.message_again(self.source, node, sequence, bare):
            out.repeats["readings"] += len(bare)
            return [one for one in readings if type(one) is not dict or one.get("time", "") is not None]
        places = Counter(_place(one) for one in bare)
        taken = []
        for one in readings:
            why = None
            if type(one) is dict and one.get("time", "") is None:
                if places[_place(one)] > 1:
                    why = Message(
                        "time: several readings of the channel without a time in one message: they would have the "
                        "same time"
                    )
                elif retained:
                    why = Message(
                        "time: a reading without a time in a retained message: nobody knows when it was measured"
                    )
            if why is not None:
                faults.append((one, _refused(show(one.get("serial")), show(one.get("channel")), why)))
            else:
                taken.append(one)
        return taken

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
            why = Message("status: at most 200 printable characters, found {found}", found=show(status))
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
        why = Message("value: a number or null is expected, found {found}", found=show(value))
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
                self._factors[*key, unit] = between(unit, expected, self._variables[key], self._registry)
            factors = self._factors[*key, unit]
        if factors is None:
            why = Message("unit: {unit!r} is expected, found {found}", unit=expected, found=show(unit))
            raise _refused(*key, why)
        return value if value is None or factors == (1.0, 0.0) else factors[0] * value + factors[1]

    def _fault(self, reading: Any) -> RefusedError:
        """What is wrong with a reading that names no channel of this connection."""
        if type(reading) is not dict:
            return RefusedError(
                Message("readings: an object is expected for each, found {found}", found=show(reading))
            )
        for key in ("serial", "channel", "time", "value", "unit"):
            if key not in reading:
                return RefusedError(Message("the reading has no key {key!r}", key=key))
        serial, channel = reading["serial"], reading["channel"]
        if type(serial) is not str or type(channel) is not str:
            return RefusedError(
                Message(
                    "serial, channel: text is expected, found {serial}, {channel}",
                    serial=show(serial),
                    channel=show(channel),
                )
            )
        if serial in self._elsewhere:
            return RefusedError(
                Message(
                    "{serial}: this instrument is on another connection of the station", serial=show(serial)
                )
            )
        if any(known == serial for known, _ in self._units):
            return RefusedError(
                Message(
                    "{serial}: the instrument has no channel {channel}", serial=serial, channel=show(channel)
                )
            )
        return RefusedError(
            Message(
                "{serial}: the station file has no instrument with this serial number", serial=show(serial)
            )
        )


def _refused(serial: str, channel: str, why: Message, time_us: int | None = None) -> RefusedError:
    place = Message("{serial}/{channel}: {why}", serial=serial, channel=channel, why=why)
    return RefusedError(place, time_us)


def _place(reading: dict[str, Any]) -> str:
    return f"{reading.get('serial')!r} {reading.get('channel')!r}"


def _refusal(
    message: dict[str, Any], payload: bytes, faults: list[tuple[Any, RefusedError]], arrival_us: int
) -> Refusal:
    """The readings of one message that are refused."""
    raw = payload
    if len(faults) < len(message["readings"]):
        bad = {**message, "readings": [reading for reading, _ in faults]}
        with contextlib.suppress(RecursionError):  # too deep to be written again
            text = json.dumps(bad, separators=(",", ":"), ensure_ascii=False)
            raw = min(
                text.encode(errors="backslashreplace"), payload, key=len
            )  # half a surrogate is "\\ud800" again
    why, time_us = reason_of([error for _, error in faults])
    return Refusal(why, raw, time_us, arrival_us, len(faults))


def _stamp_us(stamp: Any, serial: str, channel: str) -> int:
    if type(stamp) is str and _STAMP(stamp):
        try:
            return (datetime.fromisoformat(stamp) - _EPOCH) // _MICROSECOND
        except ValueError:  # 30 February, hour 25
            pass
    why = Message(
        "time: UTC such as 2026-03-01T00:00:00Z, or null, is expected, found {found}", found=show(stamp)
    )
    raise _refused(serial, channel, why)
