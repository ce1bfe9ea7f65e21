"""Each fault that a station file can have: its line, key, value and what is expected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from station_config.loader import load_station
from tests.station_config.example import MARK, YULIN, changed, faults_of, marked_line, write

SOIL = '[[instrument.installation]]\nposition = "p1/d10"  # soil\nfrom = 2026-03-01\n'
SECOND = """
[[instrument]]
id = "second"
model = "{model}"
serial = "{serial}"
connection = "bus1"
address = {address}
interval = "60s"
[[instrument.installation]]
position = "{position}"
from = {since}
"""


def second(
    model: str = "cwt-soil-thc-s",
    serial: str = "THC0002",
    address: str = "22",
    position: str = "p1/d30",
    since: str = "2026-03-01",
) -> str:
    """The example with one more instrument at its end."""
    more = SECOND.format(model=model, serial=serial, address=address, position=position, since=since)
    return YULIN.replace('["co2", "soil_temperature", "supply_voltage"]', '["co2", "supply_voltage"]') + more


class Case(NamedTuple):
    """A station file with one fault."""

    name: str
    text: str
    key: str
    value: str
    expected: str


M = MARK
CASES = [
    # what the models refuse
    Case("unknown key", changed('port = "', 'bauds = 9600 #<<\nport = "'),
         "connection[1].bauds", "9600", "did you mean 'baudrate'?"),
    Case("unknown table", YULIN + "[instruments] #<<\n",
         "instruments", "{}", "did you mean 'instrument'?"),
    Case("missing key", changed('altitude_m = 1150\n', "").replace("[station]", f"[station] {M}"),
         "station.altitude_m", "", "required"),
    Case("number in quotes", changed("latitude = 38.3", f'latitude = "38.3" {M}'),
         "station.latitude", '"38.3"', "a number is expected, without quotes"),
    Case("truth for a number", changed("longitude = 109.7", f"longitude = true {M}"),
         "station.longitude", "true", "a number is expected"),
    Case("not a number", changed("longitude = 109.7", f"longitude = nan {M}"),
         "station.longitude", "nan", "finite"),
    Case("out of range", changed("latitude = 38.3", f"latitude = 138.3 {M}"),
         "station.latitude", "138.3", "at most 90"),
    Case("no such zone", changed('"Asia/Shanghai"', f'"Asia/Yulin" {M}'),
         "station.timezone", '"Asia/Yulin"', "IANA"),
    Case("name with a space", changed('id = "yulin"', f'id = "yu lin" {M}'),
         "station.id", '"yu lin"', "letters, digits"),
    Case("duration without unit", changed('interval = "5min"', f"interval = 300 {M}"),
         "instrument[3].interval", "300", "duration with its unit"),
    Case("no time at all between readings", changed('interval = "5min"', f'interval = "0s" {M}'),
         "instrument[3].interval", '"0s"', "above 0"),
    Case("time without zone", changed("from = 2026-03-01T00:00:00+08:00", f"from = 2026-03-01T00:00:00 {M}"),
         "instrument[1].installation[1].from", "2026-03-01T00:00:00", "with its zone"),
    Case("time in quotes", changed("valid_from = 2026-02-20", f'valid_from = "2026-02-20" {M}'),
         "instrument[1].calibration[1].valid_from", '"2026-02-20"', "without quotes"),
    Case("gain of zero", changed("gain = 1.012", f"gain = 0 {M}"),
         "instrument[1].calibration[1].gain", "0", "above 0"),
    Case("no such kind", changed('kind = "mqtt"', 'kind = "lora"').replace(
        '[[connection]]\nid = "air"', f'[[connection]] {M}\nid = "air"'),
         "connection[2]", "a table", '"modbus-rtu" or "mqtt"'),
    Case("seven bits", changed("baudrate = 9600", f"baudrate = 9600\nbytesize = 7 {M}"),
         "connection[1].bytesize", "7", "expected 8"),
    Case("one bracket too few", changed('[[profile]]\nid = "p1"', f'[profile] {M}\nid = "p1"'),
         "profile", "a table", "[[profile]]"),
    # secrets
    Case("token in the file", changed('token = { env = "SOILCO2_INFLUX_TOKEN" }', f'token = "s3cr3t-Token==" {M}'),
         "influxdb.token", "(hidden)", "never written in the station file"),
    Case("token in place of a variable's name", changed('"SOILCO2_INFLUX_TOKEN"', '"s3cr3t-Token=="').replace(
        'token = {', 'token = {').replace('"s3cr3t-Token==" }', f'"s3cr3t-Token==" }} {M}'),
         "influxdb.token.env", "(hidden)", "name of an environment variable"),
    Case("password in the file", changed('host = "127.0.0.1"', f'host = "127.0.0.1"\npassword = "s3cr3t" {M}'),
         "mqtt.password", "(hidden)", "never written"),
    Case("misspelled password", changed('host = "127.0.0.1"', f'host = "127.0.0.1"\npasword = "s3cr3t" {M}'),
         "mqtt.pasword", "(hidden)", "never written"),
    Case("login in a URL", changed("http://127.0.0.1:8086\"", f"http://me:s3cr3t@127.0.0.1:8086\" {M}"),
         "influxdb.url", "(hidden)", "without user and password"),
    Case("a secret of two sources", changed(
        '{ env = "SOILCO2_INFLUX_TOKEN" }', f'{{ env = "A_TOKEN", file = "t" }} {M}'),
         "influxdb.token", "(hidden)", "exactly one"),
    # wires
    Case("connection twice", changed('id = "air"', f'id = "bus1" {M}').replace(
        'connection = "air"', 'connection = "bus1"').replace('"soilco2-node"', '"cwt-soil-thc-s"').replace(
        'channels = ["co2", "soil_temperature", "supply_voltage"]', "address = 30").replace(
        '[[instrument.installation]]\nposition = "site"\nfrom = 2026-03-01\n\n[influxdb]', "[influxdb]"),
         "connection[2].id", '"bus1"', "used already at line <id = \"bus1\">"),
    Case("port twice", changed('kind = "mqtt"', 'kind = "modbus-rtu"\nbaudrate = 9600\n'
        f'port = "/dev/serial/by-id/usb-FTDI_FT232R" {M}').replace(
        '"soilco2-node"', '"cwt-soil-thc-s"').replace(
        'channels = ["co2", "soil_temperature", "supply_voltage"]', "address = 30").replace(
        '[[instrument.installation]]\nposition = "site"\nfrom = 2026-03-01\n\n[influxdb]', "[influxdb]"),
         "connection[2].port", '"/dev/serial/by-id/usb-FTDI_FT232R"', "used already at line <port>"),
    Case("mqtt without a broker", changed('[mqtt]\nhost = "127.0.0.1"\n', "").replace(
        'kind = "mqtt"', f'kind = "mqtt" {M}'),
         "connection[2].kind", '"mqtt"', "add [mqtt]"),
    Case("unknown model", changed('model = "vaisala-gmp252"', f'model = "vaisala-gmp-252" {M}'),
         "instrument[1].model", '"vaisala-gmp-252"', "did you mean 'vaisala-gmp252'?"),
    Case("unknown connection", changed('connection = "air"', f'connection = "bus2" {M}'),
         "instrument[4].connection", '"bus2"', "did you mean 'bus1'?"),
    Case("modbus probe on mqtt", changed('serial = "AP77"\nconnection = "bus1"', f'serial = "AP77"\nconnection = "air" {M}'),
         "instrument[3].connection", '"air"', 'needs a connection of kind "modbus-rtu"'),
    Case("node on a bus", changed('connection = "air"', f'connection = "bus1" {M}'),
         "instrument[4].connection", '"bus1"', 'needs a connection of kind "mqtt"'),
    Case("no address", changed("address = 13\n", "").replace(
        '[[instrument]]\nid = "baro"', f'[[instrument]] {M}\nid = "baro"'),
         "instrument[3].address", "", "needs its address"),
    Case("address for all", changed("address = 13", f"address = 0 {M}"),
         "instrument[3].address", "0", "from 1 to 247"),
    Case("reserved address", changed("address = 13", f"address = 250 {M}"),
         "instrument[3].address", "250", "from 1 to 247"),
    Case("address of a node", changed('connection = "air"\n', f'connection = "air"\naddress = 3 {M}\n'),
         "instrument[4].address", "3", "only Modbus"),
    Case("two at one address", changed("address = 13", f"address = 12 {M}"),
         "instrument[3].address", "12", "soil-10 has this address on bus1 already (line <address = 12>)"),
    Case("instrument twice", changed('id = "baro"', f'id = "co2-10" {M}'),
         "instrument[3].id", '"co2-10"', "used already at line <id = \"co2-10\">"),
    Case("serial number twice", changed('serial = "AP77"', f'serial = "R1234567" {M}'),
         "instrument[3].serial", '"R1234567"', "used already at line <serial = \"R1234567\">"),
    Case("a speed the probe has not", changed("baudrate = 9600", "baudrate = 19200").replace(
        '"linovision-iot-s300ap"', '"vaisala-gmp252"').replace(
        'position = "site"\nfrom = 2026-03-01\n\n[[instrument]]', 'position = "p1/d30"\nfrom = 2026-03-01\n\n[[instrument]]').replace(
        '["co2", "soil_temperature", "supply_voltage"]', '["soil_temperature", "supply_voltage"]').replace(
        '"cwt-soil-thc-s"', f'"cwt-soil-thc-s" {M}'),
         "instrument[2].model", '"cwt-soil-thc-s"',
         "cannot talk at the 19200 baud of bus1, only at 2400, 4800 or 9600; all probes of bus1 can be set to 4800 or 9600"),
    Case("timeout longer than the interval", changed('address = 13\ninterval = "5min"', f'address = 13\ninterval = "5s"\ntimeout = "6s" {M}'),
         "instrument[3].timeout", '"6s"', "1 request of 6 s must fit in the interval of 5 s"),
    Case("two requests longer than the interval", changed('address = 11\ninterval = "60s"', f'address = 11\ninterval = "2s" {M}'),
         "instrument[1].interval", '"2s"', "2 requests of 1 s must fit in the interval of 2 s"),
    Case("compensation of a barometer", changed('address = 13\n', f'address = 13\ncompensation = {{ pressure = "none" }} {M}\n'),
         "instrument[3].compensation", "", "compensation is for CO₂ probes"),
    # channels
    Case("calibration of an unknown channel", changed('channel = "co2"', f'channel = "c02" {M}'),
         "instrument[1].calibration[1].channel", '"c02"', "did you mean 'co2'?"),
    Case("words for an unknown channel", changed('address = 12\n', f'address = 12\nmodelled = {{ ec = "x" }} {M}\n'),
         "instrument[2].modelled.ec", '"x"', "no such channel"),
    Case("use of an unknown channel", changed('"co2", "soil_temperature", "supply_voltage"]', f'"co2", "soil_temp", "supply_voltage"] {M}'),
         "instrument[4].channels[2]", '"soil_temp"', "did you mean 'soil_temperature'?"),
    Case("unknown setting", changed('address = 12\n', f'address = 12\nsettings.ec_coeff = 0.02 {M}\n'),
         "instrument[2].settings.ec_coeff", "0.02", "did you mean 'ec_coefficient'?"),
    Case("installation of an unknown channel", changed(SOIL, f'[[instrument.installation]]\nchannel = "ec" {M}\nposition = "p1/d10"\nfrom = 2026-03-01\n'),
         "instrument[2].installation[1].channel", '"ec"', "cwt-soil-thc-s has no such channel"),
    Case("installation of an unused channel", changed('[[instrument.installation]]\nposition = "p1/d30"', f'[[instrument.installation]]\nchannel = "rain" {M}\nposition = "p1/d30"'),
         "instrument[4].installation[1].channel", '"rain"', "does not list this channel"),
    # places
    Case("unknown position", changed(SOIL, SOIL.replace('"p1/d10"', f'"p1/d1O" {M}')),
         "instrument[2].installation[1].position", '"p1/d1O"', "did you mean 'p1/d10'?"),
    Case("profile called site", changed('[[profile]]\nid = "p1"', f'[[profile]]\nid = "site" {M}').replace('"p1/', '"site/'),
         "profile[1].id", '"site"', "kept for variables without depth"),
    Case("position twice", changed('id = "d30"', f'id = "d10" {M}').replace('"p1/d30"', '"p1/d10"').replace(
        '"co2", "soil_temperature", "supply_voltage"', '"pore_ec", "supply_voltage"'),
         "profile[1].position[2].id", '"d10"', "used already at line <id = \"d10\">"),
    Case("one depth twice", changed("depth_m = 0.30", f"depth_m = 0.10 {M}"),
         "profile[1].position[2].depth_m", "0.1", "position d10 (line <depth_m>)"),
    Case("one depth, one letter", changed("depth_m = 0.10", 'depth_m = 0.10\nreplicate = "A"').replace(
        "depth_m = 0.30", f'depth_m = 0.10 {M}\nreplicate = "A"'),
         "profile[1].position[2].depth_m", "0.1", "letter of their own"),
    Case("soil CO2 at the site", changed('channel = "co2"', 'channel = "co2"').replace(
        'position = "p1/d10"\nfrom = 2026-03-01T00:00:00+08:00', f'channel = "co2"\nposition = "site" {M}\nfrom = 2026-03-01'),
         "instrument[1].installation[1].position", '"site"', "needs a position with a depth"),
    Case("pressure at a depth", changed('position = "site"\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"',
        f'channel = "air_pressure"\nposition = "p1/d10" {M}\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"'),
         "instrument[3].installation[1].position", '"p1/d10"', 'write position = "site"'),
    Case("nothing of it belongs there", changed('position = "site"\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"',
        f'position = "p1/d10" {M}\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"'),
         "instrument[3].installation[1].position", '"p1/d10"', 'air_pressure belong at "site"'),
    # time
    Case("ends before it begins", changed(SOIL, SOIL + f"until = 2026-02-28 {M}\n"),
         "instrument[2].installation[1].until", "2026-02-28", "after its beginning, 2026-03-01"),
    Case("ends as it begins", changed("from = 2026-03-01T00:00:00+08:00", f"from = 2026-03-01T00:00:00+08:00\nuntil = 2026-03-01 {M}"),
         "instrument[1].installation[1].until", "2026-03-01", "after its beginning"),
    Case("the same channel at two places", changed(SOIL, SOIL + f'[[instrument.installation]]\nposition = "p1/d30"\nchannel = "bulk_ec"\nfrom = 2026-04-01 {M}\n'),
         "instrument[2].installation[2].from", "2026-04-01", "channel bulk_ec of soil-10 is at p1/d10 at this time already (line <position = \"p1/d10\"  # soil>)"),
    Case("an installation repeated", changed(SOIL, SOIL + SOIL.replace("from = 2026-03-01", f"from = 2026-03-01 {M}")),
         "instrument[2].installation[2].from", "2026-03-01", "is there at this time already (line <position = \"p1/d10\"  # soil>)"),
    Case("two instruments, one series", second(position="p1/d10\" #<<\n#\""),
         "instrument[5].installation[1].position", '"p1/d10"',
         "soil-10.soil_water gives the series p1/d10/soil_water at this time already (line <position = \"p1/d10\"  # soil>)"),
    Case("two calibrations from one moment", changed('certificate = "NIM-2026-0415"', 'certificate = "a"\n'
        f'[[instrument.calibration]]\nchannel = "co2"\nvalid_from = 2026-02-20T00:00:00+08:00 {M}\ncertificate = "b"'),
         "instrument[1].calibration[2].valid_from", "2026-02-20T00:00:00+08:00", "another calibration from this moment (line <valid_from>)"),
    Case("a certificate that ends before it begins", changed("valid_from = 2026-02-20", f"valid_from = 2026-02-20\nvalid_until = 2026-01-01 {M}"),
         "instrument[1].calibration[1].valid_until", "2026-01-01", "after its beginning"),
    # limits and soil
    Case("limits of an unknown variable", YULIN + f'[[quality.limits]]\nvariable = "c02" {M}\n',
         "quality.limits[1].variable", '"c02"', "did you mean 'co2'?"),
    Case("limits at an unknown position", YULIN + f'[[quality.limits]]\nvariable = "co2"\nposition = "p2/d10" {M}\n',
         "quality.limits[1].position", '"p2/d10"', "did you mean"),
    Case("limits the wrong way round", YULIN + f'[[quality.limits]]\nvariable = "co2"\nlower = 300\nsuspect_upper = 200 {M}\n',
         "quality.limits[1].suspect_upper", "200", "above lower = 300"),
    Case("limits twice", YULIN + f'[[quality.limits]]\nvariable = "co2"\n[[quality.limits]] {M}\nvariable = "co2"\n',
         "quality.limits[2]", "", "join them"),
    Case("soil of an unknown profile", YULIN + '[[soil.horizon]]\ntop_m = 0\nbottom_m = 1\nporosity = 0.4\n'
         f'profile = "p9" {M}\n', "soil.horizon[1].profile", '"p9"', "no such profile"),
    Case("database twice", changed('[influxdb]', '[[influxdb]]').replace('bucket = "soil"', 'bucket = "soil"') + (
        f'[[influxdb]] {M}\nurl = "http://127.0.0.1:8087"\norg = "o"\nbucket = "b"\ntoken = {{ env = "B" }}\n'),
         "influxdb[2].id", '"influxdb"', "each needs one of its own"),
]  # fmt: skip


def _with_lines(case: Case) -> str:
    """What is expected, with ``<key = value>`` turned into the first line that begins so."""
    rows = case.text.split("\n")
    return re.sub(
        r"<(.+?)>",
        lambda match: str(next(n for n, row in enumerate(rows, 1) if row.startswith(match[1]))),
        case.expected,
    )


def test_the_example_has_no_fault(tmp_path: Path) -> None:
    load_station(write(tmp_path, YULIN))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_named_with_its_line_key_value_and_what_was_expected(tmp_path: Path, case: Case) -> None:
    path = write(tmp_path, case.text)
    (fault,) = faults_of(path)
    assert fault.file == str(path)
    assert fault.line == marked_line(case.text)
    assert fault.key == case.key
    assert fault.value == case.value
    assert _with_lines(case) in fault.expected
    assert "s3cr3t" not in str(fault)


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    text = YULIN
    for old, new in (
        ("latitude = 38.3", "latitude = 138.3 #1"),
        ('port = "/dev', 'ports = 1 #2\nport = "/dev'),
        ('kind = "mqtt"\n', ""),  # line 15: nothing tells what this connection is
        ("depth_m = 0.30", "depth_m = 99 #4"),
        ('model = "vaisala-gmp252"', 'model = "gmp252" #5'),
        ('interval = "5min"', "interval = 5 #6"),
        ('channel = "co2"', "chanel = 3 #7"),
        ("address = 12", "address = 11 #8"),
        ('org = "yulin"', "org = 5 #9"),
    ):
        text = changed(old, new, text)
    faults = faults_of(write(tmp_path, text))
    lines = {text.split("\n")[(fault.line or 1) - 1].split("#")[-1][:1] for fault in faults}
    assert {"1", "2", "4", "5", "6", "7", "8", "9"} <= lines
    assert "connection[2]" in {fault.key for fault in faults}
    # a faulty part brings no faults elsewhere: the place d30, the connection air and the key channel exist
    assert not [fault for fault in faults if "no such position" in fault.expected]
    assert not [fault for fault in faults if "no such connection" in fault.expected]
    assert [fault.line for fault in faults] == sorted(fault.line or 0 for fault in faults)


def test_a_station_without_its_own_table_still_has_its_other_faults_told(tmp_path: Path) -> None:
    text = YULIN[YULIN.index("[[connection]]") :].replace("address = 13", f"address = 0 {MARK}")
    missing, address = faults_of(write(tmp_path, text))
    assert (missing.key, missing.line) == ("station", 1)
    assert (address.key, address.line) == ("instrument[3].address", marked_line(text))


def test_a_replaced_probe_hands_its_address_and_place_on(tmp_path: Path) -> None:
    text = changed(
        SOIL, SOIL + "until = 2026-04-01\n", second(address="12", position="p1/d10", since="2026-04-01")
    )
    station = load_station(write(tmp_path, text))
    assert [row[0] for row in station.directory.instruments_of(("yulin", "p1", "d10", "soil_water"))] == [
        "THC0001", "THC0002",
    ]  # fmt: skip
    early = changed('serial = "THC0002"', 'serial = "THC0002" ', text).replace(
        "from = 2026-04-01", "from = 2026-03-31"
    )
    assert {fault.key for fault in faults_of(write(tmp_path, early))} == {
        "instrument[5].address", "instrument[5].installation[1].position",
    }  # fmt: skip


def test_a_probe_with_several_depths_places_each_channel(tmp_path: Path) -> None:
    each = "".join(
        f'[[instrument.installation]]\nchannel = "{name}"\nposition = "p1/{place}"\nfrom = 2026-03-01\n'
        for name, place in (("soil_water", "d10"), ("soil_temperature", "d10"), ("bulk_ec", "d30"))
    )
    directory = load_station(write(tmp_path, changed(SOIL, each))).directory
    assert directory.series_at("THC0001", "bulk_ec", 1_800_000_000_000_000) == (
        "yulin",
        "p1",
        "d30",
        "bulk_ec",
    )
    assert directory.series_at("THC0001", "soil_water", 1_800_000_000_000_000) == (
        "yulin", "p1", "d10", "soil_water",
    )  # fmt: skip
