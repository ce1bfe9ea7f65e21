"""Each part of the writer by itself, on a session and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.quality.records import Sample
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.connection import JournalLock
from soilco2.storage.journal.integrity import Integrity
from soilco2.storage.journal.samples import Samples
from soilco2.storage.journal.session import Session

STATION = '[station]\nid = "s"\nname = "s"\nlatitude = 0\nlongitude = 0\naltitude_m = 0\ntimezone = "UTC"\n'


def sample(at_us: int) -> Sample:
    return Sample("N1", "co2", at_us, 400.0, "", None, at_us, at_us, "boot", "air")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "s.toml"
    path.write_text(STATION, encoding="utf-8")
    station = load_station(path)
    station.journal_path.parent.mkdir(parents=True, exist_ok=True)
    opened = Session(station, JournalLock(station.journal_path), lambda: 1_700_000_000_000_000)
    yield opened
    opened.close()


def test_what_parts_remember_goes_with_a_transaction_that_fails(session: Session) -> None:
    samples = Samples(session)
    forgotten = []
    session.follow(lambda: None, lambda: forgotten.append(samples.seq))
    totals: dict[tuple[str, str], int] = {}
    with pytest.raises(ZeroDivisionError), session.transaction():
        samples.keep([sample(1), sample(2)], totals)
        assert (samples.seq, ("N1", "co2") in session.channels) == (2, True)
        raise ZeroDivisionError
    assert forgotten == [2], "before the others read the journal again"
    assert (samples.seq, samples.batch, session.channels) == (0, 0, {})


def test_samples_that_are_taken_out_leave_their_commit_whole(session: Session) -> None:
    samples = Samples(session)
    with session.transaction():
        samples.keep([sample(at) for at in range(10)], {})
    with session.transaction():
        samples.take_out([3, 4])
    left = session.db.execute("SELECT seq FROM sample ORDER BY seq").fetchall()
    assert left == [(seq,) for seq in (1, 2, 5, 6, 7, 8, 9, 10)]
    assert Integrity(session.db).verify_batches() == []
