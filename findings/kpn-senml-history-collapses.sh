#!/usr/bin/env bash
# kpn_senml 1.0.1 (PyPI; SenML, RFC 8428, for sensors on LoRa and LTE-M), with cbor2 6.3.0. Needs bash, python3.
# Valid input: a SenML pack in the style of RFC 8428, section 5.1.3: base name, base time and base unit in the first
# record, then several records of one name with their own times "t", relative to the base time.
# Expected: one sample per record, each with its time (bt + t) and unit (u, else bu).
# Seen: reading ignores bt, t, bu and u. A later sample of a name overwrites the earlier one, so a pack of three hours
# ends as one value of unknown time; the pack's callback hears the first sample of each name only, a record's own
# callback all of them without time; and looping over the pack yields nothing: its iterator stops at once.
# For a soil station: a node that buffers readings and sends them in one message loses all but the newest.
# Way round: read the JSON yourself (name = bn + n, time = bt + t, unit = u or bu), use the package for writing only.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check kpn_senml==1.0.1 cbor2==6.3.0
cat > "$d/t.py" <<'PY'
import json
import sys
from importlib.metadata import version

from kpn_senml import SenmlPack, SenmlRecord

message = [
    {"bn": "urn:dev:mac:a840410000000001:", "bt": 1795996800, "bu": "Cel", "n": "soil", "t": 0, "v": 8.5},
    {"n": "soil", "t": 3600, "v": 8.25},
    {"n": "soil", "t": 7200, "v": 8.0},
    {"n": "co2", "u": "ppm", "t": 7200, "v": 812.5},
]
BASE = "urn:dev:mac:a840410000000001:"
heard, own = [], []
pack = SenmlPack(BASE, callback=lambda record, device: heard.append((record.name, record.value, record.time)))
pack.from_json(json.dumps(message))
known = SenmlPack(BASE)
known.add(SenmlRecord("soil", callback=lambda record: own.append((record.name, record.value, record.time))))
known.from_json(json.dumps(message))
kept = [(r.name, r.value, r.time, r.unit) for r in pack._data]
print("kpn_senml", version("kpn_senml"))
print("sent:", [(m["n"], m["v"], 1795996800 + m["t"], m.get("u", "Cel")) for m in message])
print("kept:", kept)
print("callback of the pack:", heard)
print("callback of a record:", own)
print("list(pack):", list(pack))
still = (
    kept == [("soil", 8.0, None, None), ("co2", 812.5, None, None)]
    and heard == [("soil", 8.5, None), ("co2", 812.5, None)]
    and own == [("soil", 8.5, None), ("soil", 8.25, None), ("soil", 8.0, None)]
    and list(pack) == []
)
if not still:
    sys.exit("CHANGED: samples of one name, their times or units are kept now, or the pack can be looped over.")
print("STILL SO: of three soil temperatures one is left, without time and unit, and a loop over the pack sees none.")
PY
"$d/venv/bin/python" "$d/t.py"
