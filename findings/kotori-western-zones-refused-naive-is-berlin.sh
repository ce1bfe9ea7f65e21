#!/usr/bin/env bash
# kotori 0.29.1 (PyPI; takes sensor messages by MQTT and HTTP into InfluxDB), python-dateutil 3.0.0. Needs bash, python3.
# Valid input: JSON messages with a "time" by RFC 3339, once with a zone east of Greenwich, once west, and once the
# local time of the station without a zone, as loggers write it; TZ is set to the station's zone.
# Expected: every RFC 3339 zone is understood; a time without zone is UTC, or the zone of the machine.
# Seen: a time counts as having a zone if it holds "Z", "+", " CET" or " CEST". A minus is not among them, so " CET" is
# put behind "-07:00" and the whole message is refused ("Unknown string format"). A time without zone is taken as
# Berlin time whatever TZ says, with summer time: one hour before UTC in winter, two in summer.
# For a soil station: in the Americas each message with a right time is lost, and each with a local time is eight hours
# off; in Asia all is well with "+08:00".
# Way round: send times with Z, or epoch seconds as a number.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check kotori==0.29.1 python-dateutil==3.0.0
cat > "$d/t.py" <<'PY'
import datetime as dt
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
from kotori.daq.storage.util import format_chunk


def stored(text):
    try:
        time = format_chunk({"measurement": "soil"}, {"time": text, "co2": 812.5})["time"]
    except ValueError as error:
        return f"refused: {error}"
    if not isinstance(time, dt.datetime):
        return str(time)
    return time.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


today = {
    "2026-11-30T07:00:00Z": "2026-11-30T07:00:00Z",
    "2026-11-30T15:00:00+08:00": "2026-11-30T07:00:00Z",
    "2026-11-30T00:00:00-07:00": "refused: Unknown string format: 2026-11-30T00:00:00-07:00 CET",
    "2026-11-30T00:00:00": "2026-11-29T23:00:00Z",
    "2026-07-01T00:00:00": "2026-06-30T22:00:00Z",
}
print({p: version(p) for p in ("kotori", "python-dateutil")}, "TZ America/Denver")
seen = {text: stored(text) for text in today}
for text, result in seen.items():
    print(f"{text:26} -> {result}")
if seen != today:
    sys.exit("CHANGED: zones west of Greenwich, or times without a zone, are treated differently now.")
print("STILL SO: -07:00 is refused, a time without zone is Berlin's.")
PY
TZ=America/Denver "$d/venv/bin/python" "$d/t.py"
