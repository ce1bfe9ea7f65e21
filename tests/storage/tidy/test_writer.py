"""Tidy tables out: they round-trip, appear whole, and their sidecar says what they are."""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from soilco2.cli.commands.export import command
from soilco2.quality.records import SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.times import iso
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.errors import ExportError
from soilco2.storage.reader import Piece, SeriesInfo
from soilco2.storage.tidy.reader import TidyReader
from soilco2.storage.tidy.writer import write_tidy

MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
KEY = SeriesKey("yulin", "p1", "d10", "co2")
INFO = SeriesInfo(KEY, "ppm", depth_m=0.1, period_s=60.0, note="modelled: by hand")

STATION = """
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "/dev/ttyUSB0"
baudrate = 9600
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[profile.surface]]
from = 2026-03-01T08:10:00+08:00
change_m = 0.02
[[instrument]]
id = "co2-10"
model = "vaisala-gmp252"
serial = "R1234567"
connection = "bus1"
address = 11
interval = "60s"
[[instrument.installation]]
position = "p1/d10"
from = 2026-01-01T00:00:00+08:00
[[instrument.calibration]]
channel = "co2"
valid_from = 2026-02-20
gain = 1.012
offset = -3.0
certificate = "NIM-2026-0415"
"""


class Held:
    """A reader over one piece."""

    variables = VARIABLES

    def __init__(
        self, times: Sequence[int], values: Sequence[float], flags: Sequence[int] | None = None
    ) -> None:
        self.piece = Piece(KEY, array("q", times), array("d", values), array("b", flags or [1] * len(times)))

    def series(self) -> list[SeriesInfo]:
        return [INFO]

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        yield self.piece

    def close(self) -> None:
        pass


@pytest.fixture
def station(tmp_path: Path) -> Station:
    path = tmp_path / "yulin.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_table_reads_back_as_it_was(tmp_path: Path, ending: str) -> None:
    times = [MARCH - 1, MARCH, MARCH + 1_000_000, MARCH + 60_000_000]
    values = [0.1 + 0.2, math.nan, -1e-300, 123456789.123456789]
    path = tmp_path / f"t{ending}"
    written = write_tidy(Held(times, values, [1, 9, 3, 4]), [INFO], path)
    assert written.rows == 4
    reader = TidyReader(path)
    assert reader.series() == [
        SeriesInfo(KEY, "ppm", 0.1, times[0], times[-1], 60.0, note="modelled: by hand")
    ]
    (piece,) = reader.read([KEY])
    assert list(piece.times) == times
    assert list(piece.flags) == [1, 9, 3, 4]
    assert repr(list(piece.values)) == repr(values)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.integers(-(10**15), 4 * 10**15), st.floats(allow_infinity=False), min_size=1, max_size=20
    )
)
def test_any_number_at_any_time_reads_back(
    tmp_path_factory: pytest.TempPathFactory, data: dict[int, float]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    times = sorted(data)
    write_tidy(Held(times, [data[t] for t in times]), [INFO], path)
    (piece,) = TidyReader(path).read([KEY])
    assert list(piece.times) == times
    assert repr(list(piece.values)) == repr([data[t] for t in times])


def test_a_row_of_the_table(tmp_path: Path) -> None:
    write_tidy(Held([MARCH], [412.5]), [INFO], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().decode().split("\n") == [
        "time_utc,station,profile,position,depth_m,variable,value,unit,flag,lower,upper,period_s,stamp",
        "2026-03-01T00:00:00Z,yulin,p1,d10,0.1,co2,412.5,ppm,1,,,60.0,instant",
        "",
    ]


def test_limits_are_written_and_read(tmp_path: Path) -> None:
    held = Held([MARCH, MARCH + 1], [1.0, 2.0])
    held.piece.lower, held.piece.upper = array("d", [0.5, math.nan]), array("d", [1.5, math.nan])
    for name in ("t.csv", "t.parquet"):
        write_tidy(held, [INFO], tmp_path / name)
        (piece,) = TidyReader(tmp_path / name).read([KEY])
        assert repr(list(piece.lower)) == "[0.5, nan]"
        assert repr(list(piece.upper)) == "[1.5, nan]"


def test_times_as_text() -> None:
    assert iso(MARCH) == "2026-03-01T00:00:00Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999Z"


def test_only_the_flags_asked_for(tmp_path: Path) -> None:
    held = Held([MARCH, MARCH + 1, MARCH + 2], [1.0, 2.0, 3.0], [1, 4, 3])
    write_tidy(held, [INFO], tmp_path / "t.csv", flags={1, 3})
    (piece,) = TidyReader(tmp_path / "t.csv").read([KEY])
    assert list(piece.values) == [1.0, 3.0]


def test_the_sidecar_says_what_the_data_are(tmp_path: Path, station: Station) -> None:
    path = tmp_path / "t.csv"
    write_tidy(
        Held([MARCH], [412.5]), [INFO], path, start_us=MARCH, end_us=MARCH + 1, station=station,
        licence="CC-BY-4.0", source="journal", version="0.1.0",
    )  # fmt: skip
    found = json.loads((tmp_path / "t.csv.json").read_text(encoding="utf-8"))
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["configuration"] == station.hash
    assert found["licence"] == "CC-BY-4.0"
    assert found["software"] == {"name": "soilco2", "version": "0.1.0"}
    assert found["time"]["from"] == "2026-03-01T00:00:00Z"
    assert found["flags"]["meaning"] == {
        "1": "good", "2": "not evaluated", "3": "suspect", "4": "bad", "9": "missing",
    }  # fmt: skip
    (series,) = found["series"]
    assert series["unit"] == "ppm"
    assert series["note"] == "modelled: by hand"
    assert series["installations"] == [
        {"serial": "R1234567", "channel": "co2", "from": "2025-12-31T16:00:00Z", "until": None}
    ]
    (instrument,) = found["instruments"]
    assert instrument["serial"] == "R1234567"
    assert instrument["calibrations"] == [
        {"channel": "co2", "valid_from": "2026-02-19T16:00:00Z", "valid_until": None, "gain": 1.012,
         "offset": -3.0, "certificate": "NIM-2026-0415"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("came", "imported", "named"),
    [
        ({"import/p1/d10": [0, 1, 2]}, 3, []),
        ({"R1234567": [0, 1, 2]}, 0, ["R1234567"]),
        ({"import/p1/d10": [0, 1, 2], "R1234567": [2]}, 2, ["R1234567"]),  # at 2 the probe measured as well
    ],
)
def test_the_sidecar_says_what_came_by_import(
    tmp_path: Path, station: Station, came: dict[str, list[int]], imported: int, named: list[str]
) -> None:
    def sample_times(serial: str, channel: str, start_us: int, end_us: int) -> list[int]:
        return [t for n in came.get(serial, []) if channel == "co2" and start_us <= (t := MARCH + n) < end_us]

    times = [MARCH, MARCH + 1, MARCH + 2]
    write_tidy(
        Held(times, [412.5, 413.0, 413.5]),
        [INFO],
        tmp_path / "t.csv",
        station=station,
        sample_times=sample_times,
    )
    found = json.loads((tmp_path / "t.csv.json").read_text(encoding="utf-8"))
    (series,) = found["series"]
    assert series["imported"] == imported
    assert [row["serial"] for row in series["installations"]] == named
    assert [row["serial"] for row in found["instruments"]] == named


def test_depth_follows_a_moving_surface(tmp_path: Path, station: Station) -> None:
    # 2 cm of sand came at 00:10 UTC: a probe at 0.10 m then lies at 0.12 m
    write_tidy(Held([MARCH, MARCH + 600_000_000], [1.0, 2.0]), [INFO], tmp_path / "t.csv", station=station)
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[4] for line in lines] == ["0.1", "0.12"]


def test_nothing_is_replaced_without_force(tmp_path: Path) -> None:
    for name in ("t.csv", "t.csv.json"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
        with pytest.raises(ExportError, match="--force"):
            write_tidy(Held([MARCH], [1.0]), [INFO], tmp_path / "t.csv")
        assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    write_tidy(Held([MARCH], [1.0]), [INFO], tmp_path / "t.csv", force=True)
    assert TidyReader(tmp_path / "t.csv").series()


def test_a_reader_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    class Broken(Held):
        def read(
            self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
        ) -> Iterator[Piece]:
            yield self.piece
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError):
        write_tidy(Broken([MARCH], [1.0]), [INFO], tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"), [("t.xlsx", "ending"), ("nowhere/t.csv", "folder"), ("t", "ending")]
)
def test_what_cannot_be_written(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        write_tidy(Held([MARCH], [1.0]), [INFO], tmp_path / name)


TABLE = """time_utc,station,profile,position,depth_m,variable,value,unit,flag
2026-03-01T00:00:00Z,yulin,p1,d10,0.1,co2,400,ppm,1
2026-03-01T00:10:00Z,yulin,p1,d10,0.1,co2,410,ppm,4
2026-03-01T00:00:00Z,yulin,p1,d30,0.3,co2,900,ppm,1
2026-03-01T00:00:00Z,yulin,p2,d10,0.1,soil_temperature,12,degC,1
"""


@pytest.mark.parametrize(
    ("options", "rows"),
    [([], 4), (["--variable", "co2"], 3), (["--profile", "p2"], 1), (["--depth", "0.3"], 1),
     (["--depth", "0..0.2"], 3), (["--flags", "good"], 3), (["--flags", "4"], 1),
     (["--from", "2026-03-01T00:10:00Z"], 1), (["--to", "2026-03-01T00:10"], 3)],
)  # fmt: skip
def test_the_command_chooses(tmp_path: Path, options: list[str], rows: int) -> None:
    (tmp_path / "in.csv").write_text(TABLE, encoding="utf-8")
    result = CliRunner().invoke(
        command, [str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv"), "--json", *options]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["rows"] == rows


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--variable", "co3"], "co3"), (["--variable", "rain"], "no series fits"),
     (["--profile", "p9"], "p1, p2"), (["--depth", "deep"], "no depth"), (["--flags", "fine"], "no flag"),
     (["--from", "yesterday"], "no time"),
     (["--from", "2026-03-02", "--to", "2026-03-01"], "not after")],
)  # fmt: skip
def test_the_command_says_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    from soilco2.cli.main import main

    (tmp_path / "in.csv").write_text(TABLE, encoding="utf-8")
    arguments = ["export", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv"), *options]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
