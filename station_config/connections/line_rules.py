"""Rules of every line that instruments are asked on: one address each, and time enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from soilco2.station_config.base import moment_us
from soilco2.station_config.connections.kind import Draft, Key, Kind, Models
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument


def _window(draft: Draft, row: Instrument) -> tuple[float, float]:
    """When an instrument was on its line [µs UTC]; for ever without an installation."""
    zone = draft.file.station.zone
    if not row.installation:
        return float("-inf"), float("inf")
    ends = [float("inf") if one.until is None else moment_us(one.until, zone) for one in row.installation]
    return min(moment_us(one.from_, zone) for one in row.installation), max(ends)


def addresses(draft: Draft, lines: Mapping[str, Any]) -> Iterator[Fault]:
    """Two instruments at one address of a bus at the same time; a replaced probe may hand its address on."""
    seen: dict[tuple[str, str], list[tuple[int, Instrument, tuple[float, float]]]] = defaultdict(list)
    for n, row in enumerate(draft.file.instrument):
        if row.address is None or row.connection not in lines:
            continue
        window = _window(draft, row)
        for number, other, theirs in seen[row.connection, str(row.address)]:
            if window[0] < theirs[1] and theirs[0] < window[1]:
                line = draft.line(("instrument", number, "address"))
                yield draft.fault(
                    ("instrument", n, "address"), row.address,
                    Message(
                        "{instrument} has this address on {connection} already (line {line}); two probes at one "
                        "address answer together: set another address, or end the installations of the one that was "
                        "replaced",
                        instrument=other.id, connection=row.connection, line=line,
                    ),
                )  # fmt: skip
                break
        seen[row.connection, str(row.address)].append((n, row, window))


def modbus_address(draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
    """A slave on a wire needs an address that one slave alone can have."""
    if row.address is None:
        yield draft.fault(
            (*path, "address"),
            None,
            Message("a Modbus instrument needs its address, such as address = 11"),
        )
    elif not isinstance(row.address, int) or not 1 <= row.address <= 247:
        yield draft.fault(
            (*path, "address"), row.address,
            Message("a Modbus address from 1 to 247 is expected; 0 is for all, 248 to 255 are reserved"),
        )  # fmt: skip


def timing(
    draft: Draft, models: Models, lines: Mapping[str, Any], latency: Mapping[str, float] | None = None
) -> Iterator[Fault]:
    """A probe that does not answer must not cost more than its interval; a network may add to each request [s]."""
    for n, row in enumerate(draft.file.instrument):
        model = models.get(row.model_key)
        if model is None or row.connection not in lines:
            continue
        count = model.requests()
        requests = Message("1 request") if count == 1 else Message("{count} requests", count=count)
        timeout = row.timeout if row.timeout is not None else model.timeout
        timeout += (latency or {}).get(row.connection, 0.0)
        if timeout * count >= row.interval:
            key = "interval" if row.timeout is None else "timeout"
            yield draft.fault(
                ("instrument", n, key), f"{row.interval if row.timeout is None else row.timeout:g}s",
                Message(
                    "{requests} of {timeout:g} s must fit in the interval of {interval:g} s; make the "
                    "timeout shorter or the interval longer",
                    requests=requests, timeout=timeout, interval=row.interval,
                ),
            )  # fmt: skip


class Round(NamedTuple):
    """Reading everything that hangs on a line once.

    Parameters
    ----------
    seconds : float
        How long it takes [s].
    share : float
        Of the time that the intervals leave.
    breaks : Instrument or None
        The first one, in the order of the station file, with which it no longer fits.
    most : Instrument or None
        The one that takes the most.
    largest : float
        The share of that one.
    """

    seconds: float
    share: float
    breaks: Instrument | None
    most: Instrument | None
    largest: float


def round_of(kind: Kind, connection: Any, rows: Iterable[Instrument], models: Models) -> Round:
    """What reading the instruments of a line takes, of those that are installed now."""
    seconds = share = largest = 0.0
    breaks: Instrument | None = None
    most: Instrument | None = None
    for row in rows:
        if row.connection != connection.id or not any(one.until is None for one in row.installation):
            continue
        takes = kind.read_time(row, models[row.model_key], connection) or 0.0
        seconds += takes
        share += takes / row.interval
        if share > 1.0 and breaks is None:
            breaks = row
        if takes / row.interval > largest:
            most, largest = row, takes / row.interval
    return Round(seconds, share, breaks, most, largest)


def rounds(kind: Kind, draft: Draft, models: Models) -> Iterator[Fault]:
    """A line on which more is to be read than there is time for, and the probe that is too much."""
    for n, connection in kind.connections(draft):
        found = round_of(kind, connection, draft.file.instrument, models)
        if found.breaks is None or found.most is None:
            continue
        yield draft.fault(
            ("connection", n), None,
            Message(
                "reading everything on {connection} takes {share:.0%} of the time there is, so rounds will be "
                "missed: with {breaks} it no longer fits, and {most} takes the most, {largest:.0%}; make the intervals "
                "longer, the line faster, or use two lines",
                connection=connection.id, share=found.share, breaks=found.breaks.id, most=found.most.id,
                largest=found.largest,
            ),
        )  # fmt: skip
