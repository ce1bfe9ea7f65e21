"""A station file in which every key stands, and what tests need of it."""

from __future__ import annotations

from pathlib import Path

from soilco2.station_config.loader import Station, load_station

FULL = """\
[station]
id = "yulin"
name = { en = "Mu Us sandy land, Yulin", zh = "毛乌素沙地，榆林" }
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
note = "Dune between two shrubs."

[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "/dev/serial/by-id/usb-1"
baudrate = 9600
parity = "E"
stopbits = 2
quiet = "50ms"
echo = true
rank = "file"

[[connection]]
id = "air"
kind = "mqtt"
topic = "dune/readings"
numbers_as_text = true

[[connection]]
id = "far"
kind = "lorawan"
server = "tts"
broker = "cloud"

[[connection]]
id = "sdi"
kind = "sdi12"
port = "/dev/serial/by-id/usb-sdi"
adapter = "dr-liu"
mode = "text"
baudrate = 19200
bytesize = 7
parity = "E"
break_by = "adapter"
settle = "3s"
crc = false
serials = false

[[connection]]
id = "gateway"
kind = "modbus-tcp"
host = "192.0.2.7"
port = 1502
framing = "rtu"
latency = "700ms"
quiet = "30ms"

[[connection]]
id = "modem"
kind = "modbus-dtu"
host = "127.0.0.1"
port = 15020
registration = "dune-7"
heartbeat = "0x55AA"
latency = "3s"

[[connection]]
id = "logger"
kind = "logger-file"
path = "/srv/logger/dune_*.csv"
every = "20s"
format = "table"
timezone = "UTC+08:00"
summer_time = true
period = "30min"
stamp = "end"
encoding = "gb18030"
delimiter = ";"
header_line = 2
unit_line = 3
first_line = 4
time = ["Date", "Time"]
time_format = "%d.%m.%Y %H:%M"
decimal = ","
missing = [-99]
[[connection.column]]
column = "T30"
position = "p1/d30a"
variable = "soil_temperature"
unit = "degC"
where = { Port = 3 }

[[connection]]
id = "bridge"
kind = "mqtt-json"
topic = "zigbee2mqtt/+"
device_level = 2
time = "last_seen"
time_format = "ms"
numbers_as_text = true
[[connection.reading]]
path = "orp"
serial = "ZB1"
channel = "redox"
unit = "mV"
optional = true

[[connection]]
id = "cloud-json"
kind = "mqtt-json"
topic = "cloud/readings"
each = "data[*]"
device = "device.name"
time = "time"
timezone = "UTC+08:00"
error_code = "error"
[[connection.reading]]
path = "value"
device = "C1"
channel = "methane"
unit_path = "unit"
error_code = "code"

[[connection]]
id = "web"
kind = "http-json"
url = "https://web.example/devices/{address}"
every = "15min"
timeout = "20s"
token = { env = "DUNE_WEB" }
token_header = "X-API-Key"
token_prefix = ""
ca_file = "ca.pem"
each = "data[*]"
time = "at"
since = "from"
since_format = "iso"
look_back = "2h"
first_look_back = "7d"
next = "next"
next_query = "page"
next_alone = true
[[connection.reading]]
path = "ch4"
channel = "methane"

[[broker]]
id = "cloud"
host = "cloud.example"

[mqtt]
host = "broker.example"
port = 8883
version = "5"
client_id = "dune-1"
username = "dune"
password = { env = "DUNE_MQTT" }
tls = true
ca_file = "/etc/dune/ca.pem"
inflight = 500

[[variable]]
id = "sap_flow"
name = { en = "sap flow of the shrub", zh = "灌木液流" }
symbol = "Qs"
unit = "g/h"
unit_text = "g h⁻¹"
lower = -5.0
upper = 250.0
resolution = 0.5
has_depth = false
sums = true
[[variable]]
id = "radon"
name = { en = "radon in soil air", zh = "土壤气氡" }
symbol = "Rn"
unit = "Bq/m3"
lower = 0.0
upper = 2000000.0
resolution = 10.0
also_at_site = true
cf_standard_name = "radon_activity"

[[profile]]
id = "p1"
name = { en = "moving dune", zh = "流动沙丘" }
note = "Bare."
position = [
  { id = "d10", depth_m = 0.10, measured = 2026-04-02, note = "Stone at 9 cm." },
  { id = "d30a", depth_m = 0.30, replicate = "a" },
  { id = "d30b", depth_m = 0.30, replicate = "b" },
]
surface = [{ from = 2026-04-01T10:00:00+08:00, change_m = 0.05, note = "Sand storm." }]

[[instrument]]
id = "co2-10"
model = "vaisala-gmp252"
serial = "R1234567"
connection = "bus1"
address = 11
interval = "60s"
timeout = "900ms"
warm_up = "3min"
note = "Membrane changed."
[instrument.compensation]
pressure = "none"
temperature = "device"
reference_pressure_hpa = 1000.0
reference_temperature_degc = 21.0
[[instrument.installation]]
position = "p1/d10"
channel = "co2"
from = 2026-03-01T00:00:00+08:00
until = 2026-09-01T00:00:00+08:00
note = "Tube with a filter."
[[instrument.calibration]]
channel = "co2"
valid_from = 2026-02-20
valid_until = 2027-02-20
due = 2027-01-15
gain = 1.012
offset = -3.0
certificate = "NIM-2026-0415"

[[instrument]]
id = "soil-10"
model = "cwt-soil-thc-s"
serial = "THC0001"
connection = "bus1"
address = 12
interval = "60s"
settings = { ec_coefficient = 0.0195, salinity_factor = 0.55 }
modelled = { bulk_ec = "Computed from water content." }
installation = [{ position = "p1/d10", from = 2026-03-01 }]

[[instrument]]
id = "soil-30a"
model = "cwt-soil-thc-s"
serial = "THC0002"
connection = "bus1"
address = 13
interval = "60s"
channels = ["soil_temperature", "soil_water"]
installation = [{ position = "p1/d30a", from = 2026-03-01 }]

[[instrument]]
id = "soil-30b"
model = "cwt-soil-thc-s"
serial = "THC0003"
connection = "bus1"
address = 14
interval = "60s"
channels = ["soil_temperature", "soil_water"]
installation = [{ position = "p1/d30b", from = 2026-03-01 }]

[[instrument]]
id = "node-30"
model = "soilco2-node"
serial = "N30"
connection = "air"
interval = "10min"
channels = ["co2", "air_pressure"]
installation = [{ position = "p1/d30a", from = 2026-03-01 }, { position = "site", from = 2026-03-01 }]

[[instrument]]
id = "currents"
model = "waveshare-analog-input-8ch"
serial = "AI8-1"
connection = "bus1"
address = 40
interval = "60s"
analog = [{ channel = "ai1", variable = "matric_potential", unit = "kPa", at_4ma = 0.0, at_20ma = -100.0 }]
installation = [{ position = "p1/d30b", from = 2026-03-01 }]

[[instrument]]
id = "zigbee"
model = "soilco2-node"
serial = "ZB1"
connection = "bridge"
interval = "12min"
channels = ["redox"]
installation = [{ position = "p1/d10", from = 2026-03-01 }]

[[instrument]]
id = "cloud-1"
model = "soilco2-node"
serial = "CL1"
connection = "cloud-json"
address = "C1"
interval = "12min"
channels = ["methane"]
installation = [{ position = "p1/d10", from = 2026-03-01 }]

[[instrument]]
id = "web-1"
model = "soilco2-node"
serial = "WEB1"
connection = "web"
address = "W1"
interval = "12min"
channels = ["methane"]
installation = [{ position = "p1/d30a", from = 2026-03-01 }]

[[influxdb]]
id = "central"
url = "https://influx.example:8086"
org = "yulin"
bucket = "soil"
token = { env = "DUNE_INFLUX" }
batch = 2000
timeout = "15s"
ca_file = "/etc/dune/influx.pem"
tail = "20min"

[[platform]]
id = "institute"
kind = "http"
url = "https://platform.example/api/readings"
token = { env = "DUNE_PLATFORM" }
token_header = "X-Token"
token_prefix = "Key "
ca_file = "/etc/dune/platform.pem"
ok_path = "code"
ok_value = 0
refused_values = [422]
under = "rows"
beside = { site = "dune" }
fields = { t = "time", v = "value", c = "variable" }
names = { co2 = "CO2" }
units = { co2 = "ppm" }
zone = "Asia/Shanghai"
time_format = "%Y-%m-%d %H:%M:%S"
variables = ["co2"]
positions = ["p1/d10"]
flags = ["good", "suspect"]
since = 2026-05-01
batch = 300
interval = "20s"
timeout = "7s"
tail = "15min"

[[platform]]
id = "bus-out"
kind = "mqtt"
broker = "cloud"
topic = "dune/out"
single = true
batch = 1

[[platform]]
id = "daily"
kind = "csv"
sftp = "dune@files.example:2222"
remote_folder = "in"
password = { env = "DUNE_SFTP" }
known_hosts = "/etc/dune/known_hosts"
name = "dune_{date}.csv"

[[platform]]
id = "local"
kind = "csv"
folder = "/srv/daily"

[[platform]]
id = "keyed"
kind = "csv"
sftp = "dune@keys.example"
key_file = "/etc/dune/id"

[journal]
path = "/var/lib/dune/journal.sqlite"
limit_mib = 4096
at_limit = "drop-oldest"
commit_every = "300ms"
commit_rows = 400
archive_folder = "/var/lib/dune/archive"
keep = "60d"

[quality]
ec_coefficient = 0.0192
salinity_factor = 0.6
salinity_least_water = 0.12
salinity_least_ec25 = 0.02
future_tolerance = "4min"
[[quality.limits]]
variable = "soil_temperature"
position = "p1/d10"
lower = -25.0
upper = 65.0
suspect_lower = -20.0
suspect_upper = 60.0
rate_per_minute = 2.5
spike = 77
flat_for = "6h"
flat_tolerance = 0.05

[[soil.horizon]]
name = "A"
profile = "p1"
top_m = 0.0
bottom_m = 0.2
porosity = 0.41
porosity_sd = 0.03
particle_density_g_cm3 = 2.66
b = 3.1
eps100 = 0.12
[[soil.horizon]]
name = "C"
top_m = 0.0
bottom_m = 1.0
bulk_density_g_cm3 = 1.55
coarse_mass_fraction = 0.04

[flux]
method = "layer_regression"
diffusivity = "moldrup_2000"
free_air = "jones_1992"
layers_m = [0.0, 0.1, 0.3]
surface = "none"
ambient_ppm = 425.0
ambient_sd_ppm = 12.0
co2_probes = "uncompensated"
wet_to_dry = true
storage_term = true
co2_noise_sd_ppm = 4.0
co2_bias_sd_ppm = 5.0
co2_bias_sd_fraction = 0.02
water_sd = 0.03
temperature_sd = 0.3
pressure_sd_hpa = 0.7
depth_sd_m = 0.004
water_reach_m = 0.16
temperature_reach_m = 0.31
water_sd_at_10cm = 0.025
temperature_sd_at_10cm = 2.0
model_spread = false
ds_factor_max = 5.0
bottom_flux = "zero"
smoothness = 2.0
draws = 128
seed = 7

[[people]]
name = { en = "Station head", zh = "站长" }
role = "owner"
organisation = { en = "Dune observatory", zh = "沙地观测站" }
contact = "head@dune.example"
[[people]]
name = { en = "Duty technician", zh = "值班技术员" }
role = "technician"
[[people]]
name = { en = "Data office", zh = "数据室" }
role = "data-manager"

[plan]
purpose = { en = "How carbon dioxide changes with depth.", zh = "二氧化碳如何随深度变化。" }
questions = [{ en = "Does rain bring a pulse?", zh = "降雨是否带来脉冲？" }]
boundary = { en = "One dune, to 30 cm.", zh = "一个沙丘，至 30 cm。" }
vegetation = { en = "Artemisia ordosica.", zh = "黑沙蒿。" }
climate = { en = "Dry, continental.", zh = "干旱大陆性。" }
visit_every = "14d"
backup = { en = "Every night to the institute.", zh = "每夜备份到研究所。" }
safety = { en = "Never alone in a sand storm.", zh = "沙尘暴时不得单独外出。" }
completeness_target = 0.85
revision = [{ version = "1.1", date = 2026-03-01, change = { en = "Barometer added.", zh = "增设气压计。" } }]

[page]
host = "127.0.0.2"
port = 8471
prefix = "/dune"
password_file = "/etc/dune/page.hash"
screens = "/etc/dune/screens"
language = "zh"
"""


def station(folder: Path, text: str = FULL) -> Station:
    """The station of a text."""
    path = folder / "yulin.toml"
    path.write_text(text, encoding="utf-8")
    return load_station(path)
