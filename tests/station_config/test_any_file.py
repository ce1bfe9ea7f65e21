"""Whatever a file says, it is a station or a list of faults: never another exception, never a secret."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station, parse_station
from tests.station_config.example import YULIN

LINES = (
    YULIN
    + '[journal]\npath = "j"\n[quality]\nec_coefficient = 0.02\n'
    + '[[quality.limits]]\nvariable = "co2"\nupper = 3\n'
    + "[[soil.horizon]]\ntop_m = 0\nbottom_m = 1\nporosity = 0.4\n[page]\nport = 1\n"
    + "[[profile.surface]]\nfrom = 2026-05-01\nchange_m = 0.1\n"
).split("\n")
ODD = st.sampled_from([
    "1", "-1", "0", "1e300", "nan", "inf", "true", '""', '"x"', '"p1/d10"', '"site"', '"a/b/c"', "[]", "{}",
    "[1]", "[{}]", "[[]]", '{ a = 1 }', "2026-01-01", "2026-01-01T00:00:00", "12:00:00",
    "1979-05-27T00:32:00Z",
    '"60s"', '"0s"', "0x7fffffffffffffff", '"' + "y" * 300 + '"', '["co2"]', '{ env = "s3cr3t=" }',
    '"s3cr3t"',
    '"http://u:s3cr3t@h"', "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:59", "0001-01-01",
])  # fmt: skip
CHANGE = st.tuples(
    st.sampled_from(["drop", "value", "key", "twice", "header", "plain"]), st.integers(0, len(LINES) - 1), ODD
)


def _changed(changes: list[tuple[str, int, str]]) -> str:
    lines = list(LINES)
    for kind, number, odd in changes:
        row = lines[number]
        if kind == "drop":
            lines[number] = ""
        elif kind == "value" and "=" in row:
            lines[number] = f"{row.split('=')[0]}= {odd}"
        elif kind == "key" and "=" in row:
            lines[number] = f"zz{row}"
        elif kind == "twice":
            lines[number] = f"{row}\n{row}"
        elif kind == "header" and row.startswith("[["):
            lines[number] = row[1:-1]
        elif kind == "plain" and row.startswith("["):
            lines[number] = f"{re.sub(r'[^a-z_]', '', row)} = {odd}"
    return "\n".join(lines)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGE, min_size=1, max_size=4))
def test_a_file_is_a_station_or_a_list_of_faults(tmp_path: Path, changes: list[tuple[str, int, str]]) -> None:
    path = tmp_path / "any.toml"
    path.write_text(_changed(changes), encoding="utf-8")
    try:
        station = load_station(path)
    except StationFileError as error:
        faults = error.faults
    else:
        assert parse_station(station.text).hash == station.hash
        assert isinstance(station.deployments.series(), list)
        return
    assert faults
    for fault in faults:
        assert fault.file == str(path)
        assert fault.line is not None
        assert fault.expected
        assert "\n" not in str(fault)
        assert len(str(fault)) < 1000
        assert "s3cr3t@" not in str(fault)
        if re.match(r"influxdb\.(url|token)|mqtt\.password", fault.key):
            assert '"s3cr3t' not in str(fault) or fault.key == "influxdb.url"


def test_the_file_that_is_changed_is_valid_itself(tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    path.write_text(_changed([]), encoding="utf-8")
    assert load_station(path).deployments.series()
