"""From the uplinks of LoRaWAN devices to samples and refusals.

The payload's bytes are read as the catalogue lays them out. What the network server decoded is believed only where they
cannot be: makers' decoders make numbers out of fault codes and of halves. A reading's time is the record's own, else
that of the uplink; whose clock it was stays with the sample, as a word of its status.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from soilco2.ingest.drivers.sample import Arrival, sample_of
from soilco2.ingest.protocols.decoded import Decoded, Foreign, Gap, Jump, Refusal, oldest_us
from soilco2.ingest.protocols.heard import Heard
from soilco2.ingest.protocols.json_object import KEPT_BYTES, RefusedError, parse_object
from soilco2.ingest.protocols.lorawan_payload import Part, found_in, split
from soilco2.ingest.protocols.lorawan_uplink import Uplink, uplink_of
from soilco2.ingest.protocols.reading import Reading
from soilco2.quality.records import Sample
from soilco2.station_config.catalogue.payloads import decode
from soilco2.station_config.connections.lorawan import dev_eui
from soilco2.station_config.connections.lorawan_model import LorawanModel, PayloadChannel, number_at
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import iso

_FREE, _A_SECOND = 1000, 1
"""So many uplinks of a device can be lost at once, and so many more for each second since its last one."""
NO_NUMBER = "nan"
"""Word in the status of a reading whose bytes are a fault code."""
BY_SERVER = "decoded=server"
"""Word in the status of a reading that the network server decoded."""

Row = tuple[bytes | bytearray, int, int]
"""A message, and its arrival by wall clock [µs UTC] and by monotonic clock [µs]."""


class _Device(NamedTuple):
    """An instrument, its model and the channels that are used."""

    row: Instrument
    model: LorawanModel
    channels: tuple[PayloadChannel, ...]


class _Group(NamedTuple):
    """Readings of one time.

    Parameters
    ----------
    readings : list of Reading
    time_us : int or None
        When they were measured [µs UTC], by `clock`.
    clock : str
        ``device``, or that of the uplink.
    """

    readings: list[Reading]
    time_us: int | None
    clock: str


class _Read(NamedTuple):
    """What an uplink says: readings, and what of it is not understood."""

    groups: list[_Group]
    parts: list[Part]
    why: list[Message]


class Decoder:
    """Reads the uplinks of one connection.

    Parameters
    ----------
    deployments : Deployments
    source : str
        Id of the connection; only instruments on it are accepted.
    boot_id : str
    heard : Heard, optional
        Where a repeat is known by; left out where an uplink is tried again on purpose.
    """

    def __init__(
        self, deployments: Deployments, source: str, boot_id: str, heard: Heard | None = None
    ) -> None:
        self.source = source
        self._deployments = deployments
        self._boot_id = boot_id
        self._heard = heard
        self._tolerance_us = round(deployments.file.quality.future_tolerance * 1e6)
        self._oldest_us = oldest_us(deployments)
        self._devices: dict[str, list[_Device]] = {}
        for row in deployments.file.instrument:
            eui = dev_eui(row.address) if isinstance(row.address, str) else None
            model = deployments.models[row.model_key]
            if row.connection == source and eui is not None and isinstance(model, LorawanModel):
                names = {spec.id for spec in model.used(row.channels)}
                channels = tuple(spec for spec in model.channel if spec.id in names)
                self._devices.setdefault(eui, []).append(_Device(row, model, channels))
        self._last: dict[
            str, tuple[str, int, int]
        ] = {}  # session, counter and arrival of each device's last uplink
        self._links: dict[str, dict[str, float]] = {}
        self._foreign = Foreign()

    def status(self) -> Mapping[str, Any]:
        """How the devices were heard last, by serial number; whose uplinks came besides, and how many."""
        found: dict[str, Any] = {}
        if self._links:
            found["devices"] = {serial: dict(link) for serial, link in self._links.items()}
        return found | self._foreign.status()

    def batch(self, messages: Iterable[Row], *, trusted: bool, retained: bool = False) -> Decoded:
        """Decode uplinks.

        Parameters
        ----------
        messages : iterable of (bytes-like, int, int)
        trusted : bool
            Whether the wall clock is. If it is not, stamps are not compared with it and readings without a
            stamp are left without a time.
        retained : bool
            Whether the broker kept them: what has no time of its own in them has none.
        """
        out = Decoded([], [], [], Counter(), [], Counter(), [])
        for payload, arrival_us, mono_us in messages:
            try:
                self._message(payload, arrival_us, mono_us, trusted, retained, out)
            except RefusedError as error:
                reason = Message.of(error)
            except Exception as error:  # noqa: BLE001 - whatever a message does, it must not stop the next one
                reason = Message("the message cannot be taken apart ({kind})", kind=type(error).__name__)
            else:
                continue
            out.refusals.append(Refusal(reason, bytes(payload[:KEPT_BYTES]), None, arrival_us))
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
        uplink = uplink_of(parse_object(payload))
        at_us = arrival_us if uplink.time_us is None else uplink.time_us
        device = self._device(uplink.eui, at_us)
        if device is None:
            self._refuse_foreign(uplink, bytes(payload[:KEPT_BYTES]), arrival_us, out)
            return
        read = _read(uplink, device)
        samples: list[Sample] = []
        why = read.why
        refused = len(why)
        for group in read.groups:
            bad = self._bad_time(group.time_us, arrival_us, trusted, retained)
            if bad is not None:
                why = [*why, bad]
                refused += len(group.readings)
                continue
            arrival = Arrival(arrival_us, mono_us, self._boot_id, self.source)
            samples += _samples(group, device, arrival, trusted)
        if self._again(uplink, mono_us, out):
            out.repeats["readings"] += len(samples) + refused
            return
        out.samples.extend(samples)
        if why:
            reason = Message(
                "{serial}: {why}", serial=device.row.serial, why=Message.joined([*dict.fromkeys(why)])
            )
            kept = bytes(payload[:KEPT_BYTES])
            out.refusals.append(Refusal(reason, kept, uplink.time_us, arrival_us, refused))
        self._keep_link(device, uplink, read.parts, at_us)

    def _device(self, eui: str, time_us: int) -> _Device | None:
        """The instrument that had an EUI at a time."""
        rows = self._devices.get(eui, ())
        there = [row for row in rows if self._deployments.active(row.row.serial, time_us)]
        return next(iter([*there, *reversed(rows)]), None)

    def _refuse_foreign(self, uplink: Uplink, payload: bytes, arrival_us: int, out: Decoded) -> None:
        """Count an uplink of a device that is not the station's; park the first one of each."""
        if self._foreign.worth_keeping(uplink.eui, out):
            assert out.notes is not None
            why = Message(
                "{eui} ({name}): no instrument on this connection has this address; its further uplinks are "
                "counted and not kept",
                eui=uplink.eui, name=uplink.name or "–",
            )  # fmt: skip
            out.notes.append((uplink.eui, why))
            out.refusals.append(Refusal(why, payload, uplink.time_us, arrival_us))

    # doubles and gaps

    def _again(self, uplink: Uplink, mono_us: int, out: Decoded) -> bool:
        """Whether an uplink was there already; one that was not is remembered, and what is missing before it told."""
        if self._heard is None:
            return False
        eui, session, counter = uplink.eui, uplink.session, uplink.counter
        last = self._last.get(eui)
        name = f"{eui} {session}"
        said = [uplink.port, uplink.data.hex(), None if uplink.data else uplink.decoded]
        if last is not None and last[0] == session and counter == 0 and last[1] > 1:
            self._heard.begin_again(self.source, name)  # an ABP device that was started again
        if self._heard.message_again(self.source, name, counter, said):
            return True
        if last is not None and last[0] == session and counter != last[1] + 1:
            _, before, since_us = last
            possible = _FREE + _A_SECOND * max(0, mono_us - since_us) // 1_000_000
            if counter - before > possible or (counter < before and counter):
                out.jumps.append(Jump(eui, before, counter))
            elif counter > before:
                out.gaps.append(Gap(eui, before + 1, counter - 1))
        self._last[eui] = session, counter, mono_us
        return False

    def _keep_link(self, device: _Device, uplink: Uplink, parts: Sequence[Part], at_us: int) -> None:
        """Keep how a device was heard, and what it told of itself."""
        link: dict[str, float] = {"at_us": at_us, "counter": uplink.counter, "gateways": uplink.gateways}
        heard = {"rssi_dbm": uplink.rssi_dbm, "snr_db": uplink.snr_db}
        link |= {name: value for name, value in heard.items() if value is not None}
        before = self._links.get(device.row.serial, {})
        told = {row.id: before[row.id] for row in device.model.health if row.id in before}
        self._links[device.row.serial] = told | link | _health(device.model, uplink, parts)

    def _bad_time(
        self, time_us: int | None, arrival_us: int, trusted: bool, retained: bool
    ) -> Message | None:
        """Why a time cannot be one."""
        if time_us is None:
            if not retained:
                return None
            return Message("an uplink without a time that the broker kept: nobody knows when it came")
        if time_us < self._oldest_us:
            return Message("{time} is before the station was there; the clock was not set", time=iso(time_us))
        if trusted and time_us > arrival_us + self._tolerance_us:
            return Message(
                "{time} was {ahead_s:.0f} s ahead of the station's clock when it came",
                time=iso(time_us), ahead_s=(time_us - arrival_us) / 1e6,
            )  # fmt: skip
        return None


def _read(uplink: Uplink, device: _Device) -> _Read:
    """The readings of an uplink: by its bytes, or as the server decoded them where these are not known."""
    payload = device.model.payload
    if not uplink.port:
        return _Read([], [], [])
    if payload is None or not uplink.data:
        rows = _of_server(uplink, device)
        return _Read([_Group(rows, uplink.time_us, uplink.clock)] if rows else [], [], [])
    parts, rest = split(device.model, uplink.port, uplink.data)
    if rest is not None and not parts and not rest.short and (rows := _of_server(uplink, device)):
        return _Read([_Group(rows, uplink.time_us, uplink.clock)], [], [])
    why = [] if rest is None else [rest.why]
    groups = []
    for part in parts:
        if (refused := part.record.refused) is not None:
            why.append(Message.ready(en=refused.en, zh=refused.zh))
        rows = _of_part(part, device)
        time = part.record.time
        if rows and time is not None:
            seconds = decode(part.data, time.offset, time.type, payload.order)
            groups.append(_Group(rows, int(seconds) * 1_000_000, "device"))
        elif rows:
            groups.append(_Group(rows, uplink.time_us, uplink.clock))
    return _Read(groups, parts, why)


def _samples(group: _Group, device: _Device, arrival: Arrival, trusted: bool) -> Iterator[Sample]:
    """Samples of readings; what has no time of its own was measured when it came, if that is known."""
    time_us = group.time_us if group.time_us is not None else arrival.arrival_us if trusted else None
    clock = f" clock={group.clock}" if group.clock else ""
    for channel, raw, status, said in group.readings:
        yield sample_of(
            device.row.serial, channel, time_us, raw, f"{status}{clock}".strip(), group.time_us, arrival, said
        )


def _of_server(uplink: Uplink, device: _Device) -> list[Reading]:
    """The readings in what the network server decoded."""
    rows = []
    for spec in device.channels:
        number = next((n for path in spec.decoded if (n := found_in(uplink.decoded, path)) is not None), None)
        if number is not None:
            raw = float(f"{(number - spec.shift) / spec.scale:.12g}")  # 5.38 % at 0.01 % is 538
            if spec.fault_from is not None and raw >= spec.fault_from:
                rows.append(Reading(spec.id, None, f"{NO_NUMBER} {BY_SERVER}", None))
            else:
                rows.append(Reading(spec.id, raw, BY_SERVER, None))
    return rows


def _of_part(part: Part, device: _Device) -> list[Reading]:
    """The readings in a record."""
    rows = []
    said = b"%s:%s" % (part.record.id.encode(), part.data)
    for spec in device.channels:
        decoder = device.model.decoder(spec)
        if decoder is not None and any(place.record == part.record.id for place in spec.at):
            raw = decoder(said)
            nothing = math.isnan(raw)
            rows.append(Reading(spec.id, None if nothing else raw, NO_NUMBER if nothing else "", said))
    return rows


def _health(model: LorawanModel, uplink: Uplink, parts: Sequence[Part]) -> dict[str, float]:
    """What a device told of itself in an uplink."""
    found: dict[str, float] = {}
    for row in model.health:
        for place in row.at:
            for part in parts:
                if part.record.id == place.record and model.payload is not None:
                    found[row.id] = round(number_at(place, part.data, model.payload.order) * row.scale, 6)
        told = (found_in(uplink.decoded, path) for path in row.decoded)
        if row.id not in found and (number := next((n for n in told if n is not None), None)) is not None:
            found[row.id] = number
    return found
