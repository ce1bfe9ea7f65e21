#!/usr/bin/env bash
# hydroserverpy 1.12.2 (PyPI; ETL client that loads logger files into HydroServer), pandas 3.1.1. Needs bash, python3.
# Valid input: a CSV file without header, columns told by their number (identifier_type "index"), two mappings: column 2
# to the series soil_temperature, column 3 to the series co2.
# Expected: the order in which the mappings are listed means nothing.
# Seen: listed as 3 then 2, the values change places: the CO2 series gets temperatures, the temperature series ppm.
# The wanted columns come back in the order of the file, but are named in the order of the mappings.
# For a soil station: a task edited later (one series removed and added again at the end) swaps series from that day
# on, with right times and counts.
# Way round: list mappings in rising order of their columns, or use names (identifier_type "name").
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check hydroserverpy==1.12.2 pandas==3.1.1
cat > "$d/t.py" <<'PY'
import sys
from importlib.metadata import version

from hydroserverpy.etl.transformers.base import ETLDataMapping, ETLTargetPath
from hydroserverpy.etl.transformers.csv import CSVTransformer

ROWS = "2026-11-30T00:00:00Z,8.5,812.5\n2026-11-30T00:30:00Z,8.25,815\n"
TARGET = {"2": "soil_temperature", "3": "co2"}


def series(order):
    reader = CSVTransformer(
        timestamp_key="1", identifier_type="index", data_start_row=1, timestamp_type="iso", timezone_type="utc"
    )
    mappings = [
        ETLDataMapping(source_identifier=c, target_paths=[ETLTargetPath(target_identifier=TARGET[c])]) for c in order
    ]
    frame = reader.transform(ROWS, mappings)
    return {name: group["value"].tolist() for name, group in frame.groupby("target_id")}


print({p: version(p) for p in ("hydroserverpy", "pandas")})
rising, falling = series("23"), series("32")
print("mappings 2, 3:", rising)
print("mappings 3, 2:", falling)
assert rising == {"soil_temperature": [8.5, 8.25], "co2": [812.5, 815.0]}, "the rising order is no longer right"
if falling != {"soil_temperature": [812.5, 815.0], "co2": [8.5, 8.25]}:
    sys.exit("CHANGED: the order of the mappings no longer swaps the series.")
print("STILL SO: the same file and the same mappings, listed the other way round, swap the two series.")
PY
"$d/venv/bin/python" "$d/t.py"
