"""What the parts tell, as events of the journal."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from soilco2.station_config.message import Message
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import EventKind

log = logging.getLogger(__name__)

_CALM = {
    EventKind.DEVICE_BACK,
    EventKind.PORT_BACK,
    EventKind.BROKER_BACK,
    EventKind.SINK_BACK,
    EventKind.OTHER,
}
_KINDS = {
    "broker-lost": EventKind.BROKER_GONE,
    "broker-refused": EventKind.BROKER_GONE,
    "broker-silent": EventKind.BROKER_GONE,
    "broker-back": EventKind.BROKER_BACK,
} | {kind.value.replace("_", "-"): kind for kind in EventKind}


def event_of(
    kind: str, subject: str, text: str, time_us: int | None = None, data: Mapping[str, Any] | None = None
) -> NewEvent:
    """An event of the journal from what a part calls it; a driver of another distribution may say plain text."""
    words = {"what": kind, **(data or {})}
    return NewEvent(_KINDS.get(kind, EventKind.OTHER), subject, Message.of(text), words, time_us)


def log_event(event: NewEvent) -> None:
    """Say an event in the collector's log as well."""
    log.log(logging.INFO if event.kind in _CALM else logging.WARNING, "%s: %s", event.subject, event.text)


def log_failure(text: str, error: BaseException) -> None:
    """Say a failure in the collector's log; with a traceback where the error behind it is none that is known."""
    log.error("%s", text, exc_info=None if isinstance(str(error), Message) else error)
