"""How much is tried: small counts in `make test`, large ones in `make torture`, the same code.

``SOILCO2_TORTURE`` is the share of the large counts (1 for all of them); unset, the small ones hold.
``SOILCO2_SEED`` is the seed of every die.
"""

from __future__ import annotations

import os

SHARE = float(os.environ.get("SOILCO2_TORTURE") or 0)
SEED = int(os.environ.get("SOILCO2_SEED") or 20261121)


def count(small: int, large: int) -> int:
    """How many, by the share; never fewer than the small count."""
    return max(small, round(SHARE * large))
