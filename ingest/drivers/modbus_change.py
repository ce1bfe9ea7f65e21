"""Another address or other line settings for the one Modbus slave at an address, written as the catalogue says.

Nothing is written before the slave has told, three times alike and alone, that its register holds what it is called by,
so that the wrong model is noticed while it still answers. What was written is read back.
"""

from __future__ import annotations

from collections.abc import Callable

from soilco2.ingest.drivers.modbus_scan import WAIT_S, Master
from soilco2.ingest.errors import (
    BadFrame,
    BusError,
    DoubleAnswer,
    ExceptionAnswer,
    NotChanged,
    PortBusy,
    PortGone,
    WrongAnswer,
)
from soilco2.ingest.protocols.modbus import READ_HOLDING, Request, hexed, write_frame
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.modbus_model import Change, CodedRegister, ModbusModel
from soilco2.station_config.message import Message

_TRIES = 3
_WRITTEN = 8
"""Bytes of an answer to a write."""

Masters = Callable[[LineSettings], Master]
"""What makes a master for line settings."""


def _change(model: ProbeModel) -> Change:
    if not isinstance(model, ModbusModel) or model.change is None:
        raise NotChanged(
            Message(
                "the catalogue does not say where {model} keeps its address and speed, so nothing was written; see its "
                "manual, and add [change] to its catalogue file",
                model=model.id,
            )
        )
    return model.change


def _held(master: Master, model: ProbeModel, address: int, register: CodedRegister) -> int:
    """What a register holds, told three times alike by one slave; its readings are asked for too: two differ there."""
    request = Request(address, READ_HOLDING, register.start, 1)
    blocks = model.block[:1] if isinstance(model, ModbusModel) else ()
    told = []
    for _ in range(_TRIES):
        told.append(_asked(master, model, request)[0])
        for block in blocks:
            _asked(master, model, Request(address, block.function, block.start, block.count))
    if len(set(told)) > 1:
        raise NotChanged(
            Message(
                "register 0x{start:04X} of address {address} says {told} in turn: more than one answers; connect this "
                "probe alone; nothing was written",
                start=register.start,
                address=address,
                told=", ".join(map(str, told)),
            )
        )
    return told[0]


def _asked(master: Master, model: ProbeModel, request: Request) -> tuple[int, ...]:
    try:
        return master.read(request, model.timeout)
    except ExceptionAnswer as error:
        raise NotChanged(
            Message(
                "address {address} refuses register 0x{start:04X}, where {model} keeps this: it is another model, or "
                "two answer; nothing was written",
                address=request.address,
                start=request.start,
                model=model.id,
            )
        ) from error
    except (DoubleAnswer, BadFrame, WrongAnswer) as error:
        raise NotChanged(
            Message(
                "more than one answers at address {address}, or the line is noisy ({received}): connect this probe "
                "alone; nothing was written",
                address=request.address,
                received=hexed(error.data, 24),
            )
        ) from error


def _see(master: Master, model: ProbeModel, address: int, register: CodedRegister, code: int) -> None:
    """The register must hold what the slave is called by, or this is another model."""
    found = _held(master, model, address, register)
    if found != code:
        raise NotChanged(
            Message(
                "register 0x{start:04X} holds {found}, not {expected}: this is no {model}, or not its register; "
                "nothing was written",
                start=register.start,
                found=found,
                expected=code,
                model=model.id,
            )
        )


def _write(master: Master, change: Change, address: int, register: CodedRegister, code: int) -> None:
    frame = write_frame(address, change.function, register.start, (code,))
    master.ask(frame, 2 * WAIT_S, lambda data: len(data) >= _WRITTEN)


def _says(master: Master, model: ProbeModel, address: int, register: CodedRegister) -> int | None:
    """What the register holds now; None when nobody answers there."""
    try:
        return master.read(Request(address, READ_HOLDING, register.start, 1), model.timeout)[0]
    except (PortGone, PortBusy):
        raise
    except BusError:
        return None


def change_address(master: Master, model: ProbeModel, old: int | str, new: int | str) -> Message:
    """Give the slave at `old` the address `new`; what is so now."""
    change = _change(model)
    register = change.address
    if register is None:
        raise NotChanged(
            Message(
                "the catalogue does not say where {model} keeps its address; nothing was written",
                model=model.id,
            )
        )
    if not isinstance(old, int) or not isinstance(new, int) or not 1 <= new <= change.highest or old == new:
        raise NotChanged(
            Message(
                "{model} takes addresses from 1 to {highest}, and another than it has; {new} was given",
                model=model.id,
                highest=change.highest,
                new=new,
            )
        )
    master.open()
    try:
        _see(master, model, old, register, old)
        frame = Request(new, READ_HOLDING, 0, 1).frame
        if master.ask(frame, WAIT_S, lambda _data: False).replace(frame, b""):
            raise NotChanged(
                Message(
                    "somebody answers at address {new} already: choose another address, or take that probe off the "
                    "line; nothing was written",
                    new=new,
                )
            )
        _write(master, change, old, register, new)
        kept = _says(master, model, old, register) if change.restart else None
        if kept is None and _says(master, model, new, register) == new:
            return Message("the probe answers at address {new} now", new=new)
        if kept is None:
            kept = _says(master, model, old, register)
        return _after(kept, old, new, Message("address {new}", new=new))
    finally:
        master.close()


def _after(found: int | None, before: int, code: int, what: Message) -> Message:
    """What the register at the old place means, when nobody answers at the new one yet."""
    if found == code:
        return Message(
            "{what} is written and holds once the probe was switched off and on; do that before you go on",
            what=what,
        )
    if found == before:
        raise NotChanged(
            Message(
                "the probe kept what it had: it did not take {what}; it may be locked (see its manual)",
                what=what,
            )
        )
    raise NotChanged(
        Message(
            "{what} was written, but the probe answers neither as before nor as wanted: switch it off and on, then "
            "look for it with soilco2 scan",
            what=what,
        )
    )


def change_line(
    masters: Masters, now: LineSettings, model: ProbeModel, address: int | str, wanted: LineSettings
) -> Message:
    """Give the slave at an address other line settings; what is so now."""
    change = _change(model)
    if not isinstance(address, int):
        raise NotChanged(
            Message("a Modbus address is a number from 1 to 247; {address} was given", address=address)
        )
    todo = _todo(change, now, model, wanted)
    master = masters(now)
    master.open()
    try:
        for register, before, _ in todo:
            _see(master, model, address, register, before)
        for register, _, code in todo:
            _write(master, change, address, register, code)
    finally:
        master.close()
    register, before, code = todo[-1]

    def says(settings: LineSettings) -> int | None:
        master = masters(settings)
        master.open()
        try:
            return _says(master, model, address, register)
        finally:
            master.close()

    kept = says(now) if change.restart else None
    if kept is None and says(wanted) == code:
        return Message("the probe answers at {line} now", line=wanted)
    return _after(says(now) if kept is None else kept, before, code, Message("{line}", line=wanted))


def _todo(
    change: Change, now: LineSettings, model: ProbeModel, wanted: LineSettings
) -> list[tuple[CodedRegister, int, int]]:
    """Registers to write, each with its code now and then; the speed last, for nothing is heard after it."""
    todo = []
    for key in ("stopbits", "parity", "baudrate"):
        before, after = getattr(now, key), getattr(wanted, key)
        register: CodedRegister | None = getattr(change, key)
        if before == after:
            continue
        if register is None:
            raise NotChanged(
                Message(
                    "the catalogue does not say where {model} keeps its {key}, so {line} was not written; {now} stays",
                    model=model.id, key=key, line=wanted, now=now,
                )
            )  # fmt: skip
        codes = register.code(before), register.code(after)
        if codes[1] is None or codes[0] is None:
            raise NotChanged(
                Message(
                    "{model} cannot be set to {after}, only to {codes}; nothing was written",
                    model=model.id,
                    after=after,
                    codes=", ".join(map(str, register.codes)),
                )
            )
        todo.append((register, codes[0], codes[1]))
    if not todo:
        raise NotChanged(Message("the line has {line} already; nothing was written", line=now))
    return todo
