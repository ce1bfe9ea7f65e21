"""Messages of other systems, known by their keys: whose they are, and what to do with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soilco2.station_config.message import Message

_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("ChirpStack", frozenset({"deviceInfo"})),
    ("ChirpStack", frozenset({"applicationID", "devEUI"})),
    ("The Things Stack", frozenset({"end_device_ids"})),
    ("The Things Stack", frozenset({"app_id", "dev_id"})),
    ("SenseCAP", frozenset({"messages", "valid"})),
    ("SenseCAP", frozenset({"measurementId"})),
)
"""Keys that a message of a system has, all of them."""


def foreign(message: Mapping[str, Any]) -> Message | None:
    """Why a message of another system is not taken, and the way out; None when it is of none that is known."""
    for name, keys in _MARKS:
        if keys <= message.keys():
            return Message(
                "this is a message of {system}, which does not say node, sequence and readings; a connection of kind = "
                '"lorawan" reads whole uplinks of ChirpStack and The Things Stack (docs/howto/lorawan.en.md), any '
                "other message has to be rewritten on its way as docs/reference/message.schema.json has it",
                system=name,
            )
    return None
