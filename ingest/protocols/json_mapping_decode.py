"""From JSON of any layout to samples and refusals, by the mapping of a connection.

Each value stands for itself: one that is no number, null or not there costs its own reading and no other. What was
refused of a message is parked with the whole message, which can be tried again: what went in is known then.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from soilco2.ingest.drivers.sample import Arrival, sample_of
from soilco2.ingest.protocols.decoded import Decoded, Foreign, Refusal, oldest_us
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_object import KEPT_BYTES, MAX_BYTES, RefusedError, reason_of, show
from soilco2.ingest.protocols.json_values import number, parse_json, time_us
from soilco2.ingest.protocols.soilco2_json_decode import LONGEST_UNIT
from soilco2.quality.records import Sample
from soilco2.station_config.deployments import Channel, Deployments
from soilco2.station_config.json_mapping import JsonReading
from soilco2.station_config.json_path import Path, path_of, places
from soilco2.station_config.message import Message
from soilco2.station_config.times import iso
from soilco2.station_config.units import between

MOST_ELEMENTS = 20_000
"""Elements of a message that are looked at, at most."""
_NO_FAULT = ("", "0")
_MISSING = object()


class Said(NamedTuple):
    """A message: its bytes, arrival by wall clock [µs UTC] and by monotonic clock [µs], and the topic it came by.

    Where somebody has parsed it already, `root` is the value that it is.
    """

    payload: bytes | bytearray
    arrival_us: int
    mono_us: int
    topic: str = ""
    root: Any = None


class _Row(NamedTuple):
    """A row of the mapping, its paths taken apart."""

    table: JsonReading
    value: Path
    where: tuple[tuple[Path, Any], ...]
    unit: Path | None
    error_code: Path | None


class _Message(NamedTuple):
    """What is the same for all elements of a message."""

    root: Any
    said: Said
    topic: str
    trusted: bool
    retained: bool


class Decoder:
    """Reads the messages of one connection.

    Parameters
    ----------
    deployments : Deployments
    source : str
        Id of the connection, a `JsonMapping`; only instruments on it are accepted.
    boot_id : str
    heard : Heard, optional
        Where a message that a broker keeps is known by; left out where a message is tried again on purpose.
    most : int
        Bytes of a message at most.
    """

    def __init__(
        self,
        deployments: Deployments,
        source: str,
        boot_id: str,
        heard: Heard | None = None,
        most: int = MAX_BYTES,
    ) -> None:
        self.source = source
        self._deployments, self._boot_id, self._heard, self._most = deployments, boot_id, heard, most
        connections: list[Any] = list(deployments.file.connection)
        self._table = next(row for row in connections if row.id == source)
        self._each = _path(self._table.each)
        self._device, self._time = _path(self._table.device), _path(self._table.time)
        self._level: int | None = getattr(self._table, "device_level", None)
        self._zone = self._table.zone
        self._rows = [_row(row, self._table.error_code) for row in self._table.reading]
        self._tolerance_us = round(deployments.file.quality.future_tolerance * 1e6)
        self._oldest_us = oldest_us(deployments)
        self._by_address: dict[str, list[str]] = {}
        for one in deployments.file.instrument:
            if one.connection == source and isinstance(one.address, str):
                self._by_address.setdefault(one.address, []).append(one.serial)
        self._factors: dict[tuple[str, str, str], tuple[float, float] | None] = {}
        self._foreign = Foreign()

    def status(self) -> Mapping[str, Any]:
        """Whose messages came that the mapping does not name, and how many."""
        return self._foreign.status()

    def batch(self, messages: Iterable[Said], *, trusted: bool, retained: bool = False) -> Decoded:
        """Decode messages.

        Parameters
        ----------
        messages : iterable of Said
        trusted : bool
            Whether the wall clock is. If it is not, times are not compared with it and readings without a time of
            their own are left without one.
        retained : bool
            Whether the broker kept them: what has no time of its own in them has none.
        """
        out = Decoded([], [], [], Counter(), [], Counter(), [])
        for said in messages:
            before = len(out.samples), len(out.refusals)
            known = retained and self._heard is not None
            known = known and self._heard.retained_again(self.source, said.payload)  # type: ignore[union-attr]
            try:
                root, topic = self._opened(said)
                self._message(_Message(root, said, topic, trusted, retained), out)
            except RefusedError as error:
                out.refusals.append(self._refusal(said, [error], None))
            except Exception as error:  # noqa: BLE001 - whatever a message does, it must not stop the next one
                del out.samples[before[0] :], out.refusals[before[1] :]
                reason = Message("the message cannot be taken apart ({kind})", kind=type(error).__name__)
                out.refusals.append(self._refusal(said, [RefusedError(reason)], None))
            if known:  # what cannot be used of it is parked already
                out.repeats["readings"] += sum(one.readings for one in out.refusals[before[1] :])
                del out.refusals[before[1] :]
        return out

    def root(self, payload: bytes | bytearray) -> Any:
        """The value that a message is; RefusedError when it is none."""
        return parse_json(payload, self._most)

    def _opened(self, said: Said) -> tuple[Any, str]:
        """The message and the topic it came by, which one that was parked has in it."""
        root = self.root(said.payload) if said.root is None else said.root
        if self._level is not None and not said.topic and type(root) is dict and set(root) == _WRAPPED:
            return root["message"], str(root["topic"])
        return root, said.topic

    def _message(self, message: _Message, out: Decoded) -> None:
        elements = [message.root]
        if self._each is not None:
            elements = list(places(self._each, message.root))
            if not elements and not _empty(self._each, message.root):
                raise RefusedError(Message("each: nothing stands at {path}", path=self._each.text))
        if len(elements) > MOST_ELEMENTS:
            raise RefusedError(
                Message(
                    "each: {count} elements; at most {most} are looked at",
                    count=len(elements),
                    most=MOST_ELEMENTS,
                )
            )
        faults: list[RefusedError] = []
        device, fits = "", not elements
        for element in elements:
            device = self._named(message, element)
            for row in self._rows:
                if self._meant(row, device, message.root, element):
                    fits = True
                    try:
                        sample = self._sample(row, device, message, element)
                    except RefusedError as error:
                        faults.append(error)
                    else:
                        out.samples.extend(sample)
        if faults:
            out.refusals.append(self._refusal(message.said, faults, message.topic))
        if not fits:
            self._refuse_foreign(device, message, out)

    def _named(self, message: _Message, element: Any) -> str:
        """The device that a message or an element of it is of; empty when it names none."""
        if self._level is not None:
            levels = message.topic.split("/")
            return levels[self._level - 1] if self._level <= len(levels) else ""
        if self._device is None:
            return ""
        found = _at(self._device, message.root, element)
        return str(found)[:200] if type(found) in (str, int) else ""

    def _meant(self, row: _Row, device: str, root: Any, element: Any) -> bool:
        """Whether a row of the mapping is for an element."""
        if row.table.device is not None and row.table.device != device:
            return False
        if row.table.serial is None and device not in self._by_address:
            return False
        return all(_same(_at(path, root, element), wanted) for path, wanted in row.where)

    def _sample(self, row: _Row, device: str, message: _Message, element: Any) -> list[Sample]:
        """The sample that a row makes of an element; none where a value may be left out."""
        table, root = row.table, message.root
        place = Message("{path} ({channel})", path=table.path, channel=table.channel)
        value = _at(row.value, root, element)
        if value is _MISSING:
            if table.optional:
                return []
            raise RefusedError(Message("{place}: it is not in the message", place=place))
        at_us: int | None = None
        try:
            at_us = self._time_of(message, element)
            serial = table.serial or self._serial(device, message.said.arrival_us if at_us is None else at_us)
            raw, status = self._raw(row, value, root, element, self._channel(serial, table.channel))
        except RefusedError as error:
            why = Message("{place}: {why}", place=place, why=Message.of(error))
            raise RefusedError(why, error.time_us if at_us is None else at_us) from None
        said = message.said
        arrival = Arrival(said.arrival_us, said.mono_us, self._boot_id, self.source)
        when = at_us if at_us is not None else said.arrival_us if message.trusted else None
        return [sample_of(serial, table.channel, when, raw, status, at_us, arrival)]

    def _channel(self, serial: str, name: str) -> Channel:
        channel = self._deployments.channel(serial, name)
        if channel is None:
            raise RefusedError(Message("{serial} has no channel {channel}", serial=serial, channel=name))
        return channel

    def _raw(
        self, row: _Row, value: Any, root: Any, element: Any, channel: Channel
    ) -> tuple[float | None, str]:
        """The number in the unit of its channel; none, with its fault code, where there is one."""
        if row.error_code is not None:
            code = _at(row.error_code, root, element)
            if code is _MISSING:
                path = row.error_code.text
                raise RefusedError(Message("the fault code is not in the message ({path})", path=path))
            if type(code) is float and code.is_integer():
                code = int(code)
            if code is not None and code is not False and str(code).strip() not in _NO_FAULT:
                return None, f"error_code={_word(code)}"
        found = number(value, self._table.numbers_as_text)
        unit: Any = row.table.unit or channel.spec.unit
        if row.unit is not None:
            unit = _at(row.unit, root, element)
        if unit == channel.spec.unit:
            return found, ""
        factors = self._factor(unit, channel)
        if factors is None:
            raise RefusedError(
                Message(
                    "unit: {unit!r} is expected, found {found}",
                    unit=channel.spec.unit,
                    found=Message("none") if unit is _MISSING else show(unit),
                )
            )
        return factors[0] * found + factors[1], ""

    def _factor(self, unit: Any, channel: Channel) -> tuple[float, float] | None:
        if type(unit) is not str or len(unit) > LONGEST_UNIT:
            return None
        key = (*channel.key, unit)
        if key not in self._factors:
            if len(self._factors) > 10_000:  # units made up by somebody
                self._factors.clear()
            spec = channel.spec
            self._factors[key] = between(unit, spec.unit, spec.variable, self._deployments.variables)
        return self._factors[key]

    def _time_of(self, message: _Message, element: Any) -> int | None:
        """When it was measured [µs UTC], if the message says it."""
        if self._time is None:
            if message.retained:
                raise RefusedError(
                    Message(
                        "a message without a time that the broker kept: nobody knows when it was measured"
                    )
                )
            return None
        value = _at(self._time, message.root, element)
        if value is _MISSING:
            raise RefusedError(Message("time: it is not in the message ({path})", path=self._time.text))
        found = time_us(value, self._table.time_format, self._zone, self._table.numbers_as_text)
        if found < self._oldest_us:
            raise RefusedError(
                Message(
                    "{time} is before the station was there; the clock was not set, or time_format is another",
                    time=iso(found),
                ),
                found,
            )
        ahead_us = found - message.said.arrival_us
        if message.trusted and ahead_us > self._tolerance_us:
            raise RefusedError(
                Message(
                    "{time} was {ahead_s:.0f} s ahead of the station's clock when it came",
                    time=iso(found),
                    ahead_s=ahead_us / 1e6,
                ),
                found,
            )
        return found

    def _serial(self, device: str, at_us: int) -> str:
        """The instrument that had the name of a device at a time."""
        there = self._by_address[device]
        return next((one for one in there if self._deployments.active(one, at_us)), there[-1])

    def _refuse_foreign(self, device: str, message: _Message, out: Decoded) -> None:
        """Count a message that no row of the mapping is for; park the first one of each device."""
        if self._foreign.worth_keeping(device, out, each=self._heard is None):
            assert out.notes is not None
            why = Message(
                "device {device!r}: no [[connection.reading]] is for this message; further ones are counted and "
                "not kept",
                device=device,
            )  # fmt: skip
            out.notes.append((f"{self.source} {device}".strip(), why))
            out.refusals.append(self._refusal(message.said, [RefusedError(why)], message.topic))

    def _refusal(self, said: Said, faults: list[RefusedError], topic: str | None) -> Refusal:
        """What is parked of a message, as it came; with the topic around it where that names the device."""
        payload = bytes(said.payload[:KEPT_BYTES])
        if topic and said.topic and self._level is not None:
            payload = b'{"topic": %s, "message": %s}' % (json.dumps(topic).encode(), payload)
        why, at_us = reason_of(faults)
        return Refusal(why, payload, at_us, said.arrival_us, len(faults))


_WRAPPED = {"topic", "message"}


def _path(text: str | None) -> Path | None:
    return None if text is None else path_of(text)


def _row(table: JsonReading, error_code: str | None) -> _Row:
    where = tuple((path_of(path), wanted) for path, wanted in table.where.items())
    return _Row(
        table, path_of(table.path), where, _path(table.unit_path), _path(table.error_code or error_code)
    )


def _at(path: Path, root: Any, element: Any) -> Any:
    """What stands at a place of an element, or of the whole message."""
    return next(places(path, root if path.from_root else element), _MISSING)


def _same(found: Any, wanted: Any) -> bool:
    """Whether a place says what is wanted; true is not 1, and a number is not its text."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _empty(path: Path, root: Any) -> bool:
    """Whether the list that a path goes over is there and has no elements."""
    until = next((n for n, step in enumerate(path.steps) if not isinstance(step, str | int)), 0)
    return any(one in ([], {}) for one in places(path._replace(steps=path.steps[:until]), root))


def _word(code: Any) -> str:
    """A fault code as one word of a status."""
    text = show(code).strip("'\"")
    return re.sub(r"[^\w.+-]+", "_", text)[:40] or "_"
