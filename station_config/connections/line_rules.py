"""Rules of every line that instruments are asked on: one address each, and time enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from soilco2.station_config.base import moment_us
from soilco2.station_config.connections.kind import Draft, Models
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


def timing(draft: Draft, models: Models, lines: Mapping[str, Any]) -> Iterator[Fault]:
    """A probe that does not answer must not cost more than its interval."""
    for n, row in enumerate(draft.file.instrument):
        model = models.get(row.model)
        if model is None or row.connection not in lines:
            continue
        count = model.requests()
        requests = Message("1 request") if count == 1 else Message("{count} requests", count=count)
        timeout = row.timeout if row.timeout is not None else model.timeout
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
