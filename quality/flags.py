"""Which flag an observation gets when several tests fail."""

from __future__ import annotations

from functools import lru_cache

from soilco2.quality.checks import CHECKS, MANUAL, Extra
from soilco2.quality.records import Flag

_SEVERITY = {Flag.GOOD: 0, Flag.NOT_EVALUATED: 1, Flag.SUSPECT: 2, Flag.BAD: 3, Flag.MISSING: 4}


@lru_cache(maxsize=1024)
def verdict(mask: int, extra: Extra = ()) -> tuple[Flag, str]:
    """The worst flag of the tests that failed, and their names joined by commas, the most severe first.

    Among equals the probe's own words come first, then the fixed names, then a flag set by hand.
    """
    found = [(check.flag, 1, check.name) for bit, check in enumerate(CHECKS) if mask >> bit & 1]
    found += [(flag, 2 if name == MANUAL else 0, name) for flag, name in extra]
    if not found:
        return Flag.GOOD, ""
    found.sort(key=lambda row: (-_SEVERITY[row[0]], row[1]))
    return found[0][0], ",".join(dict.fromkeys(name for _, _, name in found))
