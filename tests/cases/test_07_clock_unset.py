"""A node whose counter ran over says 2106 while the station's own clock is not trusted."""

from __future__ import annotations

from pathlib import Path

from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from tests.cases.messages import ARRIVAL_US, STATION

BOOT = "this-boot"
STAMPS = ["2026-11-30T01:50:00Z", "2026-11-30T02:40:00Z", "2106-02-07T06:28:15Z"]
"""Ten minutes before the message came, forty minutes after it, and the end of a counter of 32 bits."""


def flags(path: Path) -> list[int]:
    with JournalReader(path) as reader:
        return [
            row.flag for _, row in sorted(reader.observations_after(0, 10), key=lambda pair: pair[1].time_us)
        ]


def test_what_lay_ahead_of_the_clock_is_found_when_the_clock_is_trusted(tmp_path: Path) -> None:
    text = STATION.replace("[[connection]]", '[journal]\npath = "journal.sqlite"\n[[connection]]', 1)
    (tmp_path / "trial.toml").write_text(text, encoding="utf-8")
    station = load_station(tmp_path / "trial.toml")
    rows = ",".join(
        f'{{"serial":"S-010","channel":"co2","time":"{stamp}","value":820.0,"unit":"ppm"}}'
        for stamp in STAMPS
    )
    message = f'{{"node":"n1","sequence":9,"readings":[{rows}]}}'.encode()
    mono_us = 5_000_000
    decoder = Decoder(station.deployments, "node", BOOT)
    samples = decoder.batch([(message, mono_us, mono_us)], trusted=False).samples  # the wall clock says 1970
    assert len(samples) == 3
    with Writer.open(station, now_us=lambda: ARRIVAL_US + 7_200_000_000) as writer:
        writer.commit(samples)
        before = flags(station.journal_path)
        assert 4 not in before
        offset_us = ARRIVAL_US - mono_us
        assert writer.flag_ahead(BOOT, offset_us) == 2
        assert flags(station.journal_path) == [before[0], 4, 4]
        assert writer.flag_ahead(BOOT, offset_us) == 0
    with JournalReader(station.journal_path) as reader:
        (first, _) = reader.events(["flag"])
        assert "ahead of the station's clock" in first.text
        assert len(list(reader.samples(0, 2**62))) == 3
