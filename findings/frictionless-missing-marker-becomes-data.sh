#!/usr/bin/env bash
# frictionless 5.21.0 (PyPI; validates and reads tables by Table Schema). Needs bash, python3.
# Valid input: a CSV file of numbers with the marker -9999 declared in missingValues, written as loggers and spreadsheets
# write it: "-9999", " -9999" (blank after the comma, as fixed-width writers leave), "-9999.0" (a float column).
# Expected: all three are the declared marker; numbers with a blank in front are read as numbers, after all.
# Seen: markers are compared as text before the cell is trimmed, numbers are trimmed when converted. So " -9999" and
# "-9999.0" are no markers, but valid numbers: the table is reported valid and -9999 is handed on as data.
# For a soil station: -9999 enters means and sums behind a clean validation report.
# Way round: list every spelling ("-9999", " -9999", "-9999.0"), and give each number a minimum, which turns a
# missed marker into an error (shown below).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check frictionless==5.21.0
cat > "$d/t.py" <<'PY'
import os
import sys
from importlib.metadata import version
from pathlib import Path

from frictionless import Resource, Schema

os.chdir(sys.argv[1])
Path("soil.csv").write_text("record,t\n1,-9999\n2, -9999\n3,-9999.0\n4, 8.5\n")


def table(**constraints):
    schema = Schema.from_descriptor(
        {
            "missingValues": ["", "-9999"],
            "fields": [
                {"name": "record", "type": "integer"},
                {"name": "t", "type": "number", "constraints": constraints},
            ],
        }
    )
    return Resource(path="soil.csv", schema=schema)


report = table().validate()
values = [None if row["t"] is None else float(row["t"]) for row in table().read_rows()]
guarded = table(minimum=-90).validate()
errors = guarded.flatten(["rowNumber", "type"])
print("frictionless", version("frictionless"))
print("valid:", report.valid, " cells '-9999', ' -9999', '-9999.0', ' 8.5' are read as", values)
print("with minimum -90:", guarded.valid, errors)
assert errors == [[3, "constraint-error"], [4, "constraint-error"]], "the way round changed"
if not report.valid or values != [None, -9999.0, -9999.0, 8.5]:
    sys.exit("CHANGED: a marker with a blank in front or with .0 behind is no longer taken as a valid number.")
print("STILL SO: two of three spellings of the declared marker are valid data.")
PY
"$d/venv/bin/python" "$d/t.py" "$d"
