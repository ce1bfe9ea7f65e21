"""Which driver knows a file, and what is imported to find out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_tidy_table_is_recognised_without_the_kinds_of_other_connections(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "time_utc,profile,position,variable,value,unit\n2026-03-01T00:00:00Z,p1,d1,co2,400,ppm\n",
        encoding="ascii",
    )
    words = (
        "import sys; from pathlib import Path; from soilco2.ingest.drivers.registry import recognise;"
        f" print(recognise(Path({str(table)!r}))[1].names[0]);"
        " print(sorted(n for n in sys.modules if n.startswith('soilco2.station_config.connections.')))"
    )
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert "time_utc" in said
    assert "tidy_file" in said
    assert not any(kind in said for kind in ("modbus", "sdi12", "mqtt", "lorawan", "logger_file"))
