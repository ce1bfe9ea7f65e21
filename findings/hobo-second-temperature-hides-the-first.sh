#!/usr/bin/env bash
# hobo 0.0.1 (PyPI; reader of Onset HOBOware CSV exports). Needs bash, python3.
# Valid input: the CSV export of a logger with two temperature probes (such as the HOBO U23-003): one column
# "Temp, degree C (LGR S/N: .., SEN S/N: .., LBL: ..)" per probe, told apart by serial number and label.
# Expected: both columns, or an error that two fit.
# Seen: the last temperature column is returned as the temperature; the first is not readable at all. A row in which the
# last probe has no value is dropped, with the good value of the first probe. A title in degrees Fahrenheit makes no
# difference: 68.0 comes as 68.0.
# For a soil station: labelled 5 cm and 20 cm, all that arrives is 20 cm, and who changes the order of the
# columns in HOBOware gets the other depth under the same name.
# Way round: read the file with the csv module and choose columns by serial number or label.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check hobo==0.0.1
cat > "$d/t.py" <<'PY'
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.simplefilter("ignore")
from hobo import HoboCSVReader

FIRST, LAST = '"Temp, °C (LGR S/N: 1, SEN S/N: 11, LBL: 5 cm)"', '"Temp, °C (LGR S/N: 1, SEN S/N: 12, LBL: 20 cm)"'
ROWS = [("01:00:00", "8.5", "12.25"), ("01:30:00", "8.25", ""), ("02:00:00", "8.0", "12.0")]


def read(name, titles, pick):
    path = Path(sys.argv[1]) / name
    lines = ['"Plot Title: M2"', '"#","Date Time, GMT-07:00",' + ",".join(titles)]
    lines += [f'{n},"11/30/26 {t} PM",' + ",".join(pick(a, b)) for n, (t, a, b) in enumerate(ROWS, 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [(stamp.strftime("%H:%M"), temperature) for stamp, temperature, _, _ in HoboCSVReader(str(path))]


print("hobo", version("hobo"))
both = read("both.csv", [FIRST, LAST], lambda a, b: (a, b))
turned = read("turned.csv", [LAST, FIRST], lambda a, b: (b, a))
fahrenheit = read("f.csv", ['"Temp, °F (LGR S/N: 1, SEN S/N: 11)"'], lambda a, b: ("68.0",))
print("rows 5 cm, 20 cm     :", ROWS)
print("columns 5 cm, 20 cm  :", both)
print("columns 20 cm, 5 cm  :", turned)
print("68.0 degF            :", fahrenheit[0])
still = (
    both == [("13:00", 12.25), ("14:00", 12.0)]
    and turned == [("13:00", 8.5), ("13:30", 8.25), ("14:00", 8.0)]
    and fahrenheit[0] == ("13:00", 68.0)
)
if not still:
    sys.exit("CHANGED: two temperature columns, or Fahrenheit, are treated differently now.")
print("STILL SO: only the last temperature column exists, and it decides which rows do.")
PY
PYTHONUTF8=1 "$d/venv/bin/python" "$d/t.py" "$d"
