#!/usr/bin/env bash
# hoboreader 0.0.2 (PyPI; reader of Onset HOBOware CSV exports into a frame). Needs bash, python3.
# Valid input: exports of one logger whose clock is set to GMT+00:00, GMT+08:00, GMT-07:00, GMT+05:30 and GMT+13:00 (the offset stands in
# the title of the time column).
# Expected: the same rows, each time with its offset.
# Seen: printed below and held by the comparison at the end. The offset is read as a time of the 12-hour clock, so what that clock does not
# have is an error: Greenwich (a logger that was never given a zone, or one kept in UTC on purpose) and 13 h (Samoa, Tonga in summer).
# Hours ahead and behind and half hours are right.
# For a soil station: the one setting without doubt, UTC, is the one that cannot be read.
# Way round: read the offset from the title yourself.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
# it names no dependencies, and imports pandas
"$d/venv/bin/pip" install -q --disable-pip-version-check hoboreader==0.0.2 pandas==3.1.1
cat > "$d/t.py" <<'PY'
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.simplefilter("ignore")
from hoboreader import HoboReader

EXPECTED = {
    "GMT+00:00": "ValueError",
    "GMT+08:00": "8.0",
    "GMT-07:00": "-7.0",
    "GMT+05:30": "5.5",
    "GMT+13:00": "ValueError",
}


def offset(zone):
    path = Path(sys.argv[1]) / "logger.csv"
    lines = [
        '"Plot Title: M2"',
        f'"#","Date Time, {zone}","Temp, °C (LGR S/N: 1, SEN S/N: 11, LBL: 5 cm)"',
        "1,11/30/26 01:00:00 PM,8.5",
        "2,11/30/26 01:30:00 PM,8.25",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        frame = HoboReader(str(path)).get_dataframe()
    except ValueError as error:
        print(f"{zone}: ValueError: {error}")
        return "ValueError"
    cells = [*frame.index, *frame.iloc[0].tolist()]
    stamps = [cell for cell in cells if hasattr(cell, "utcoffset") and cell.utcoffset() is not None]
    hours = str(stamps[0].utcoffset().total_seconds() / 3600)
    print(f"{zone}: {stamps[0].isoformat()}")
    return hours


print("hoboreader", version("hoboreader"), "pandas", version("pandas"))
found = {zone: offset(zone) for zone in EXPECTED}
sys.exit(0 if found == EXPECTED else 1)
PY
"$d/venv/bin/python" "$d/t.py" "$d"
