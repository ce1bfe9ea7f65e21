"""The present that tests use as data: read in this one place, so that any day can be tried.

``SOILCO2_TEST_NOW`` in the environment, ISO 8601 with a zone, is the present of the whole run.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

VARIABLE = "SOILCO2_TEST_NOW"
ODD_DAYS = {
    "monday": "2026-11-30T00:30:00Z",  # InfluxDB began a new shard of a week half an hour before
    "leap-day": "2028-02-29T12:00:00Z",
    "summer-time": "2027-03-14T10:00:00Z",  # begins in California, where the station sjer is
}


def system_us() -> int:
    """The system's clock [µs UTC]: for what a database or a child process judges by that clock itself."""
    return time.time_ns() // 1000


def moment_us(text: str) -> int:
    """The moment that `text` names [µs UTC].

    Raises
    ------
    pytest.UsageError
        When it is not ISO 8601 with a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise pytest.UsageError(
            f"{VARIABLE} is {text!r}, expected ISO 8601 with a zone, as 2026-11-30T00:30:00Z; mend or unset it"
        )
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def present_us() -> int:
    """What is now for the run [µs UTC]: what the environment says, else the system's clock."""
    text = os.environ.get(VARIABLE)
    return moment_us(text) if text else system_us()


@pytest.fixture(params=["present", *ODD_DAYS])
def now_us(request: pytest.FixtureRequest) -> int:
    """What is now [µs UTC]; a test that asks for it runs at the present and on every odd day."""
    return moment_us(ODD_DAYS[request.param]) if request.param in ODD_DAYS else present_us()
