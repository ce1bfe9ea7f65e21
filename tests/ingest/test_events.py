"""What the collector's log says of faults."""

from __future__ import annotations

import logging

import pytest

from soilco2.ingest.events import log_failure
from soilco2.station_config.message import Message
from soilco2.storage.errors import JournalGoneError


def test_a_known_fault_is_one_sentence_and_an_unknown_one_shows_where(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        gone = JournalGoneError(Message("the journal was removed"))
        log_failure(f"the journal's writer ended: {gone}", gone)
        log_failure("the journal's writer ended", ZeroDivisionError("division by zero"))
    known, unknown = caplog.records
    assert known.getMessage() == "the journal's writer ended: the journal was removed"
    assert not known.exc_info
    assert unknown.exc_info
