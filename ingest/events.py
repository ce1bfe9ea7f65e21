"""What the parts tell, as events of the journal."""

from __future__ import annotations

from storage.journal_schema import EventKind
from storage.ledger import NewEvent

_KINDS = {
    "broker-lost": EventKind.BROKER_GONE,
    "broker-refused": EventKind.BROKER_GONE,
    "broker-silent": EventKind.BROKER_GONE,
    "broker-back": EventKind.BROKER_BACK,
} | {kind.value.replace("_", "-"): kind for kind in EventKind}


def event_of(kind: str, subject: str, text: str, time_us: int | None = None) -> NewEvent:
    """An event of the journal from what a part calls it."""
    return NewEvent(_KINDS.get(kind, EventKind.OTHER), subject, text, {"what": kind}, time_us)
