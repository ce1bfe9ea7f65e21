"""What commands may ask of a journal's writer: the same whether a collector runs or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soilco2.quality.records import Sample
from soilco2.quality.runs import Bulk
from soilco2.station_config.message import Message
from soilco2.storage.errors import ControlError
from soilco2.storage.journal.rows import NewEvent, Parked
from soilco2.storage.journal.writer import Writer


def _sample(row: list[Any]) -> Sample:
    """A sample from JSON, where registers are hexadecimal digits, or as it is."""
    if isinstance(row, Sample):
        return row
    sample = Sample(*row)
    return sample._replace(said=bytes.fromhex(sample.said)) if isinstance(sample.said, str) else sample


def _import(
    writer: Writer,
    samples: Bulk | list[list[Any]],
    parked: list[list[Any]],
    counts: list[list[Any]],
    number: int | None = None,
    place: list[str] | None = None,
) -> dict[str, Any]:
    rows = samples if isinstance(samples, Bulk) else [_sample(row) for row in samples]
    where = (place[0], place[1]) if place else None
    entries = [
        Parked(r[0], r[1], r[2], r[3].encode("utf-8", "surrogateescape"), r[4], r[5], number) for r in parked
    ]
    added = [(str(source), str(name), int(amount)) for source, name, amount in counts]
    if number is not None:
        told = writer.bring(number, rows, entries, added, where)._asdict()
    else:
        told = writer.commit(rows, parked=entries, counts=added, place=where)._asdict()
        told["conflict"] = writer.catch_up(rows)
    return told


OPERATIONS: dict[str, Callable[..., Any]] = {
    "import": _import,
    "begin_import": lambda writer, **a: writer.begin_import(**a),
    "end_import": lambda writer, **a: writer.end_import(**a),
    "switch_import": lambda writer, **a: writer.switch_import(**a),
    "judge_import": lambda writer: writer.judge_import(),
    "decide": lambda writer, **a: writer.decide(**a),
    "drop_parked": lambda writer, **a: writer.drop_parked(**a),
    "note": lambda writer, **a: writer.note(**a),
    "flag": lambda writer, **a: writer.flag(**a),
    "revoke": lambda writer, **a: writer.revoke(**a),
    "reprocess": lambda writer, **a: writer.reprocess(**a),
    "resend": lambda writer, **a: writer.resend(**a),
    "parked_settle": lambda writer, **a: writer.parked_settle(**a),
    "append_derived": lambda writer, rows: writer.append_derived([tuple(row) for row in rows]),
    "archived": lambda writer, **a: writer.archived(**a),
    "prune": lambda writer, **a: writer.prune(**a),
    "forget_rollups": lambda writer: writer.forget_rollups(),
    "event": lambda writer, event: writer.event(NewEvent(*event)),
}
"""Operation by name; arguments and results are JSON, bytes in it hexadecimal digits."""


def run(writer: Writer, op: str, arguments: dict[str, Any]) -> Any:
    """Carry an operation out.

    Raises
    ------
    ControlError
        When there is no such operation or its arguments do not fit.
    """
    if op not in OPERATIONS:
        raise ControlError(
            Message(
                "operation {op!r} is unknown; known are {operations}", op=op, operations=", ".join(OPERATIONS)
            )
        )
    try:
        return OPERATIONS[op](writer, **arguments)
    except TypeError as error:
        raise ControlError(Message("operation {op!r}: {why}", op=op, why=error)) from error
