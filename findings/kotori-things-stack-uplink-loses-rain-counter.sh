#!/usr/bin/env bash
# kotori 0.29.1 (PyPI; takes webhooks of The Things Stack into InfluxDB). Needs bash, python3.
# Valid input: uplink messages in the JSON of The Things Stack. Its data formats leave out what is zero: f_cnt of the
# first frame after a join, and snr when it is 0 dB. The decoded payload is the user's own: a rain gauge counts pulses
# in "counter".
# Expected: the pulses are stored as decoded; a reading does not depend on the radio's figures.
# Seen: the frame counter is written over the payload's "counter": 999 pulses become 7, except in the frame without
# f_cnt, where 999 stays. At an snr of exactly 0 dB the whole uplink ends in KeyError 'snr' and the reading is lost.
# For a soil station: the rain series is the number of frames, rising steadily, with one odd jump at each join; at the
# edge of reception some readings go missing by chance.
# Way round: call no payload field device_id, timestamp, counter, bw, sf, freq; put "snr": 0 in before the webhook.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check kotori==0.29.1
cat > "$d/t.py" <<'PY'
import json
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
from kotori.daq.decoder.tts_ttn import TheThingsStackDecoder


def decoded(snr, **frame):
    gateway = {"gateway_ids": {"gateway_id": "hill"}, "rssi": -112} | ({} if snr == 0 else {"snr": snr})
    message = {
        "end_device_ids": {"device_id": "m2"},
        "received_at": "2026-11-30T07:00:05.123456789Z",
        "uplink_message": {
            "f_port": 2,
            "decoded_payload": {"co2": 812.5, "counter": 999},
            "rx_metadata": [gateway],
            "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}, "frequency": "868100000"},
        }
        | frame,
    }
    try:
        data = TheThingsStackDecoder.decode(json.dumps(message))
    except KeyError as error:
        return f"KeyError {error}"
    return {"co2": data["co2"], "counter": data["counter"]}


print("kotori", version("kotori"), "payload in every message: co2 812.5, counter 999")
first, later, zero = decoded(7.5), decoded(7.5, f_cnt=7), decoded(0, f_cnt=8)
print("first frame, f_cnt left out:", first)
print("f_cnt 7                    :", later)
print("f_cnt 8, snr 0 left out    :", zero)
if (first, later, zero) != ({"co2": 812.5, "counter": 999}, {"co2": 812.5, "counter": 7}, "KeyError 'snr'"):
    sys.exit("CHANGED: the frame counter no longer hides the payload's counter, or 0 dB no longer loses the uplink.")
print("STILL SO: 999 pulses are stored as 7; at 0 dB the reading is lost.")
PY
"$d/venv/bin/python" "$d/t.py"
