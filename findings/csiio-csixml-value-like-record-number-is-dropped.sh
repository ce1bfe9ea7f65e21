#!/usr/bin/env bash
# csiio-py 0.4.0 (PyPI; reads and writes Campbell Scientific files), with pandas 3.1.1. Needs bash, python3.
# Valid input: a CSIXML 1.0 table by the LoggerNet manual (file formats): the element r has the record number as its
# attribute "no" and holds as many value elements as the header has fields.
# Expected: three fields in, three columns out, whatever the numbers are.
# Seen: a record whose first value is written like its own record number (record 0 with rain 0 is enough)
# loses that value; its other values move one column to the left, and because one row is now shorter the
# last column of the whole table is gone. No word is said.
# For a soil station: 412.5 ppm of CO2 stands under rain, 8.75 degC under CO2, and the soil temperature is
# missing for every record of the file, though one record only was read wrongly.
# Way round: collect TOA5, or read CSIXML with an XML parser; compare the number of columns with that of <field>.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check csiio-py==0.4.0 pandas==3.1.1
cat > "$d/t.py" <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import csiio

HEAD = """<?xml version="1.0" standalone="yes"?>
<csixml version="1.0">
<head>
<environment><station-name>M2</station-name><table-name>Soil</table-name><model>CR1000X</model>
<serial-no>1</serial-no><os-version>CR1000X.Std.06</os-version><dld-name>CPU:M2.CR1X</dld-name>
<dld-sig>2438</dld-sig></environment>
<fields>
<field name="Rain_Tot" type="xsd:float" units="mm" process="Tot"/>
<field name="CO2_Avg" type="xsd:float" units="ppm" process="Avg"/>
<field name="SoilT_Avg" type="xsd:float" units="Deg C" process="Avg"/>
</fields>
</head>
<data>
"""


def table(name, first_rain):
    rows = [("00:00", first_rain, "412.5", "8.75"), ("00:30", "0.2", "415", "8.5"), ("01:00", "0", "418.25", "8.25")]
    text = HEAD + "".join(
        f'<r time="2026-11-30T{t}:00" no="{n}"><v1>{a}</v1><v2>{b}</v2><v3>{c}</v3></r>\n'
        for n, (t, a, b, c) in enumerate(rows)
    )
    path = Path(sys.argv[1]) / name
    path.write_text(text + "</data>\n</csixml>\n")
    frame, _ = csiio.read_csi_files(str(path))
    print(f"\nfirst record: rain {first_rain}, CO2 412.5, soil temperature 8.75; read as")
    print(frame.to_string())
    return frame.drop(columns="RECORD (RN)")


print("csiio-py", version("csiio-py"), "pandas", version("pandas"))
wet = table("wet.xml", "0.1")
dry = table("dry.xml", "0")
right = [[0.1, 412.5, 8.75], [0.2, 415.0, 8.5], [0.0, 418.25, 8.25]]
assert wet.astype(float).values.tolist() == right, "the file without the coincidence is no longer read as expected"
seen = dry.astype(float).values.tolist()
still = list(dry.columns) == ["Rain_Tot (mm)", "CO2_Avg (ppm)"] and seen == [[412.5, 8.75], [0.2, 415.0], [0.0, 418.25]]
if not still:
    sys.exit("CHANGED: the record numbered 0 with rain 0 no longer loses its first value and the last column.")
print("\nSTILL SO: rain 0 in record 0 vanished, its row moved left, soil temperature is gone from all records.")
PY
"$d/venv/bin/python" "$d/t.py" "$d"
