"""Files read by another package too, column by column: what both say is the same, where the other has no known fault.

Faults of theirs that the files below keep clear of: camp2ascii says NAN for 7999 and infinity of FP2; hoboreader cannot
read a logger at GMT+00:00; ismn hands -9999 on as a number; fluxdataqaqc drops a column of zeros.
"""

from __future__ import annotations

import csv
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.reader import JournalReader
from tests.cases.tables import Field
from tests.cases.test_files_of_loggers import ZONE, brought, column
from tests.ingest.files.test_binary import SINCE_1990, TOB1_TYPES, header

EIGHT_H = timedelta(hours=8)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The inplace keyword")
"""What the other packages ask of pandas is theirs to mend."""


def kept(field: Field, variable: str) -> list[tuple[datetime, float | None]]:
    """Times in UTC and values of a variable in the journal."""
    station: Station = load_station(field.station)
    with JournalReader(station.journal_path) as reader:
        rows = [row for _, row in reader.observations_after(0, 10_000) if row.series.variable == variable]
    return sorted((datetime.fromtimestamp(row.time_us / 1e6, UTC), row.value) for row in rows)


def test_tob1_beside_camp2ascii(field: Field) -> None:
    other = pytest.importorskip("camp2ascii")
    words = ["301D", "032D", "C4D2", "0E18", "4BB8"]  # FP2
    body = b"".join(
        struct.pack("<III", SINCE_1990 + 1800 * n, 0, n)
        + bytes.fromhex(word)
        + struct.pack("<fi", 21.25 - n, n)
        for n, word in enumerate(words)
    )
    content = header("TOB1", TOB1_TYPES, extra=("SECONDS", "NANOSECONDS", "RECORD")) + body
    brought(field, content, ZONE + column("CO2", "co2") + column("T", "soil_temperature"))
    (written,) = other.camp2ascii(field.folder / "logger.dat", field.folder / "ascii", verbose=0)
    with Path(written).open(newline="") as file:
        rows = list(csv.reader(file))
    names, told = rows[1], rows[4:]
    for name, variable in (("CO2", "co2"), ("T", "soil_temperature")):
        theirs = [
            (
                datetime.fromisoformat(row[names.index("TIMESTAMP")]).replace(tzinfo=UTC) - EIGHT_H,
                float(row[names.index(name)]),
            )
            for row in told
        ]
        assert kept(field, variable) == theirs


def test_hoboware_beside_hoboreader(field: Field) -> None:
    other = pytest.importorskip("hoboreader")
    text = (
        '"Plot Title: Dune"\n"#","Date Time, GMT+08:00","Temp, °C (LGR S/N: 1, SEN S/N: 1, LBL: soil)",'
        '"Water Content, m³/m³ (LGR S/N: 1, SEN S/N: 2)","Host Connected (LGR S/N: 1)"\n'
    )
    rows = [f"{n},05/25/26 {h:02}:08:42 {half},{20 + n / 8},0.09{n},\n" for n, (h, half) in enumerate(
        [(11, "AM"), (12, "PM"), (1, "PM"), (11, "PM")])]  # fmt: skip
    brought(
        field, text + "".join(rows),
        column("x", "soil_temperature").replace("'x'", "3") + column("y", "soil_water").replace("'y'", "4"),
    )  # fmt: skip
    frame = other.HoboReader(str(field.folder / "logger.dat")).get_dataframe()
    for at, variable in ((2, "soil_temperature"), (3, "soil_water")):
        theirs = [
            (when.astimezone(UTC), float(value))
            for when, value in zip(frame.index, frame.iloc[:, at], strict=True)
        ]
        assert kept(field, variable) == theirs


def test_ismn_beside_ismn(field: Field) -> None:
    """The package ismn, where somebody installed it: it brings many others, and stands in no requirements."""
    other = pytest.importorskip(
        "ismn.filehandlers", reason="ismn is not installed; it is heavy and not required"
    )
    lines = ["NET NET DUNE 38.0 109.0 1150.0 0.10 0.10 probe\n"]
    lines += [f"2026/06/01 {n:02}:00 {0.1 + n / 500:.4f} G M\n" for n in range(24)]
    brought(field, "".join(lines), column("value", "soil_water", unit="m3/m3"))
    folder = field.folder / "NET" / "DUNE"
    folder.mkdir(parents=True)
    name = "NET_NET_DUNE_sm_0.100000_0.100000_probe_20260601_20260602.stm"
    (folder / name).write_text("".join(lines), encoding="utf-8")
    frame = other.DataFile(field.folder, Path("NET") / "DUNE" / name).read_data()
    theirs = [
        (when.to_pydatetime().replace(tzinfo=UTC), float(value))
        for when, value in frame["soil_moisture"].items()
    ]
    assert kept(field, "soil_water") == theirs
