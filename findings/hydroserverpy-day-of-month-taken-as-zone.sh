#!/usr/bin/env bash
# hydroserverpy 1.12.2 (PyPI; ETL client that loads logger files into HydroServer), pandas 3.1.1. Needs bash, python3.
# Valid input: a daily table with ISO 8601 dates (2026-11-30), the loader told that times without a zone are in
# UTC-07:00 (timezone_type "offset").
# Expected: midnight there, 2026-11-30 07:00 UTC, the same as "2026-11-30 00:00".
# Seen: the loader looks for a zone by a pattern at the end of the text, and "-30", the day, fits it: the value counts
# as having its own zone, the configured one is not applied, and the date becomes midnight UTC.
# For a soil station: the daily rows lie seven hours (the whole zone) beside the half-hourly ones of the same logger,
# read with the same settings.
# Way round: have the logger write dates with a time, or a custom format "%Y-%m-%d" (the script shows that it helps).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check hydroserverpy==1.12.2 pandas==3.1.1
cat > "$d/t.py" <<'PY'
import sys
from importlib.metadata import version

from hydroserverpy.etl.transformers.base import ETLDataMapping, ETLTargetPath
from hydroserverpy.etl.transformers.csv import CSVTransformer

MAPPING = [ETLDataMapping(source_identifier="t", target_paths=[ETLTargetPath(target_identifier="soil_temperature")])]


def utc(text, **how):
    reader = CSVTransformer(
        timestamp_key="time", header_row=1, data_start_row=2, timezone_type="offset", timezone="-0700", **how
    )
    frame = reader.transform(f"time,t\n{text},8.5\n", MAPPING)
    return frame["timestamp"].iloc[0].strftime("%Y-%m-%d %H:%M")


print({p: version(p) for p in ("hydroserverpy", "pandas")})
with_time = utc("2026-11-30 00:00")
custom = utc("2026-11-30", timestamp_type="custom", timestamp_format="%Y-%m-%d")
date_only = utc("2026-11-30")
print("2026-11-30 00:00               ->", with_time, "UTC")
print("2026-11-30 as custom %Y-%m-%d  ->", custom, "UTC")
print("2026-11-30 as iso              ->", date_only, "UTC")
assert with_time == custom == "2026-11-30 07:00", "the configured zone is no longer applied to a time without zone"
if date_only != "2026-11-30 00:00":
    sys.exit("CHANGED: a date without a time no longer escapes the configured zone.")
print("STILL SO: the date alone is taken as UTC, seven hours off.")
PY
"$d/venv/bin/python" "$d/t.py"
