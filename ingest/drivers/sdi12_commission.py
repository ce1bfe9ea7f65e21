"""Looking for SDI-12 probes behind an adapter, and giving one another address.

A probe tells its maker and model, so a scan is certain of the model where the catalogue has it. Nobody says what
adapter hangs on a port: those that were read about are tried one after another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import sleep

from soilco2.ingest.drivers.search import Answer, Guess, Scan, Search, Step
from soilco2.ingest.errors import BadFrame, BusError, LocalEcho, NoAnswer, NotChanged
from soilco2.ingest.protocols import sdi12
from soilco2.ingest.transports.sdi12_port import Sdi12Port
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.sdi12 import ADAPTERS, Adapter, Sdi12Connection
from soilco2.station_config.connections.sdi12_model import Sdi12Model
from soilco2.station_config.connections.serial_port import is_serial
from soilco2.station_config.message import Message

WAIT_S = 0.6
"""How long a probe, and the adapter in front of it, may take to begin an answer [s]."""
_QUIET_S = 0.1
_TRIES = 3
_SETTLED_S = 1.0
"""A probe needs this long for another address (SDI-12 1.3)."""


def _line(adapter: Adapter) -> str:
    return f"{adapter.baudrate} {adapter.bytesize}{adapter.parity}1"


def connection_at(place: str, settings: LineSettings | None) -> Sdi12Connection | None:
    """The connection that a serial port is, by the line settings of the port."""
    if not is_serial(place):
        return None
    table = {"id": "line", "kind": "sdi12", "port": str(Path(place))}
    if settings is None:
        return Sdi12Connection.model_validate({**table, "adapter": "dr-liu"})
    for name, adapter in ADAPTERS.items():
        if str(settings) == _line(adapter):
            return Sdi12Connection.model_validate({**table, "adapter": name})
    keys = {"baudrate": settings.baudrate, "bytesize": settings.bytesize, "parity": settings.parity}
    return Sdi12Connection.model_validate({**table, "mode": "text", "settle": "2.5s", **keys})


def look(connection: Sdi12Connection, search: Search, trace: Trace) -> Scan:
    """Ask every address behind each adapter that it may be, and tell who answered."""
    models = [model for model in search.models if isinstance(model, Sdi12Model)]
    pitches = [connection_at(str(connection.port), line) for line in search.lines] if search.lines else []
    if not search.lines:
        pitches = [
            connection.model_copy(update={"adapter": name, **dict.fromkeys(_OWN)}) for name in ADAPTERS
        ]
    usual = sdi12.ADDRESSES if search.everything else sdi12.ADDRESSES[:10]
    wanted = [text for text in map(str, search.addresses) if text in sdi12.ADDRESSES] or list(usual)
    total = len(pitches) * (len(wanted) + 1)
    done = 0
    seen: list[bytes] = []
    found = echoed = False
    for pitch in pitches:
        assert pitch is not None
        line = _line(pitch.known)
        port = Sdi12Port.of(pitch, lambda _line: None, trace)
        try:
            for address in ("?", *wanted):
                text = Message("{line}, address {address}", line=line, address=address)
                yield Step(done / total, (total - done) * WAIT_S, text)
                done += 1
                port.open()
                answer, heard = _knock(port, address, models, line)
                echoed = echoed or heard is None
                if heard:
                    seen.append(heard)
                if answer is not None:
                    found = True
                    yield answer
        finally:
            port.close()
        if found and not search.everything:  # the adapter is this one
            break
    yield Step(1.0, 0.0, Message("done"))
    if not found:
        yield _remark(b"".join(seen), echoed)


_OWN = ("mode", "baudrate", "bytesize", "parity", "settle")


def _knock(
    port: Sdi12Port, address: str, models: Sequence[Sdi12Model], line: str
) -> tuple[Answer | None, bytes | None]:
    """Ask one address who is there; what was heard besides, None for an echo alone."""
    if address == "?":  # tells that somebody is there, for a line with one probe
        try:
            return None, port.ask("?!", lambda one: one or None, WAIT_S)
        except LocalEcho:
            return None, None
        except (NoAnswer, BadFrame) as error:
            return None, error.data
    heard: list[bytes] = []

    def take(one: bytes) -> sdi12.Identity | None:
        heard.append(one)
        told = sdi12.identity(one)
        return told if told is not None and told.address == address else None

    try:
        told = port.ask(f"{address}I!", take, WAIT_S)
    except LocalEcho:
        return None, None
    except NoAnswer:
        return None, b""
    except BadFrame as error:
        doubt = Message(
            "a line came, but no sound one ({text!r}): two probes share this address; connect one at a time",
            text=error.data[:40].decode("ascii", "backslashreplace"),
        )
        mine = any(one[:1] == address.encode() for one in heard)
        return (Answer("sdi12", line, address, (), error.data, (doubt,)) if mine else None), error.data
    again = [one for one in port.drain(WAIT_S, _QUIET_S) if take(one) is not None]
    fits = [model for model in models if model.identity and sdi12.is_model(told, model)]
    guesses = tuple(Guess(model.id, str(told)) for model in fits)
    return Answer("sdi12", line, address, guesses, heard[0], (*_doubts(told, fits, again),)), b""


def _doubts(told: sdi12.Identity, fits: Sequence[Sdi12Model], again: Sequence[bytes]) -> Iterator[Message]:
    if again:
        yield Message(
            "two answers to one request: two probes share address {address}; connect one at a time and give each an "
            "address of its own",
            address=told.address,
        )
    if not fits:
        yield Message(
            "it says it is {told}, which no model of the catalogue is; docs/howto/add_a_probe.md tells how to add one",
            told=str(told),
        )


def _remark(seen: bytes, echoed: bool) -> Message:
    """What the bytes say when nobody was understood."""
    if seen:
        return Message(
            "lines came that are no answers of SDI-12 probes ({text!r}): several probes at one address, or another "
            "adapter, or no SDI-12 at all; connect one probe alone",
            text=seen[:40].decode("ascii", "backslashreplace"),
        )
    if echoed:
        return Message(
            "only the commands came back: the adapter works, and no probe answers it; see to the supply of the probe "
            "(12 V for most) and its data wire, then try --all"
        )
    return Message(
        "not one byte came back as SDI-12: no adapter, no power, a wire that is open, or an address that was not "
        "tried; measure the supply at the probe, then try --all"
    )


def change_address(
    connection: Sdi12Connection, model: ProbeModel, old: str, new: str, trace: Trace
) -> Message:
    """Give the probe at `old` the address `new`; what is so now."""
    if new not in sdi12.ADDRESSES or old not in sdi12.ADDRESSES or len(old + new) != 2 or old == new:
        raise NotChanged(
            Message(
                "an SDI-12 address is one character, 0 to 9, a to z or A to Z, and another than it has; {new} was "
                "given",
                new=new,
            )
        )
    assert isinstance(model, Sdi12Model)
    port = Sdi12Port.of(connection, lambda _line: None, trace)
    port.open()
    try:
        before = _alone(port, old, model)
        if _who(port, new) is not None:
            raise NotChanged(
                Message(
                    "somebody answers at address {new} already: choose another address, or take that probe off the "
                    "line; nothing was written",
                    new=new,
                )
            )
        with contextlib.suppress(NoAnswer, BadFrame):  # what is so is read back
            port.ask(f"{old}A{new}!", lambda one: one if one == new.encode() else None, model.timeout)
        sleep(_SETTLED_S)
        after = _who(port, new)
        if after is not None and after[1:] == before[1:]:
            return Message("the probe answers at address {new} now", new=new)
        if _who(port, old) is not None:
            raise NotChanged(
                Message(
                    "the probe kept what it had: it did not take {what}; it may be locked (see its manual)",
                    what=Message("address {new}", new=new),
                )
            )
        raise NotChanged(
            Message(
                "{what} was written, but the probe answers neither as before nor as wanted: switch it off and on, then "
                "look for it with soilco2 scan",
                what=Message("address {new}", new=new),
            )
        )
    finally:
        port.close()


def _alone(port: Sdi12Port, address: str, model: Sdi12Model) -> sdi12.Identity:
    """Who answers at an address: told three times alike, by one probe, of the model that was named."""
    told = []
    for _ in range(_TRIES):
        found = _who(port, address, model.timeout)
        if found is None:
            raise NoAnswer(
                Message(
                    "nobody answers at address {address}; soilco2 scan finds out who is there",
                    address=address,
                )
            )
        told.append(found)
    if len(set(told)) > 1:
        raise NotChanged(
            Message(
                "address {address} says {told} in turn: more than one answers; connect this probe alone; nothing was "
                "written",
                address=address,
                told=", ".join(map(str, dict.fromkeys(told))),
            )
        )
    if not sdi12.is_model(told[0], model):
        raise NotChanged(
            Message(
                "the probe at address {address} says it is {told}, which is no {model}; nothing was written",
                address=address,
                told=str(told[0]),
                model=model.id,
            )
        )
    return told[0]


def _who(port: Sdi12Port, address: str, timeout: float = WAIT_S) -> sdi12.Identity | None:
    """Who answers at an address; NotChanged when more than one does."""

    def take(one: bytes) -> sdi12.Identity | None:
        found = sdi12.identity(one)
        return found if found is not None and found.address == address else None

    error: BusError | None = None
    for _ in range(_TRIES):
        try:
            told = port.ask(f"{address}I!", take, timeout)
        except NoAnswer:
            return None
        except BadFrame as caught:
            error = caught
            continue
        if not any(take(one) is not None for one in port.drain(timeout, _QUIET_S)):
            return told
        break
    received = "" if error is None else error.data[:40].decode("ascii", "backslashreplace")
    raise NotChanged(
        Message(
            "more than one answers at address {address}, or the line is noisy ({received}): connect this probe alone; "
            "nothing was written",
            address=address,
            received=received,
        )
    )
