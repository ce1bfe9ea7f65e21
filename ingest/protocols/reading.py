"""What an instrument says of one quantity, whatever it speaks."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """What an instrument said of one quantity.

    Parameters
    ----------
    channel : str
    raw : float or None
        In the device's own unit, before sentinels and scaling; None when it gave none.
    status : str
        Why there is none, and status words that are not zero, such as ``"status=0x2"``, joined by spaces.
    said : bytes or None
        What `raw` was decoded from, as it came; None where the instrument said the number itself.
    """

    channel: str
    raw: float | None
    status: str
    said: bytes | None = None
