"""Station files with one fault: what models refuse, secrets, wires."""

from __future__ import annotations

from tests.station_config.example import MARK as M
from tests.station_config.example import YULIN, Case, changed

WIRES = [
    # what the models refuse
    Case(
        "unknown key",
        changed('port = "', 'bauds = 9600 #<<\nport = "'),
        "connection[1].bauds",
        "9600",
        "did you mean 'baudrate'?",
    ),
    Case("unknown table", YULIN + "[instruments] #<<\n", "instruments", "{}", "did you mean 'instrument'?"),
    Case(
        "missing key",
        changed("altitude_m = 1150\n", "").replace("[station]", f"[station] {M}"),
        "station.altitude_m",
        "",
        "required",
    ),
    Case(
        "number in quotes",
        changed("latitude = 38.3", f'latitude = "38.3" {M}'),
        "station.latitude",
        '"38.3"',
        "a number is expected, without quotes",
    ),
    Case(
        "truth for a number",
        changed("longitude = 109.7", f"longitude = true {M}"),
        "station.longitude",
        "true",
        "a number is expected",
    ),
    Case(
        "not a number",
        changed("longitude = 109.7", f"longitude = nan {M}"),
        "station.longitude",
        "nan",
        "finite",
    ),
    Case(
        "out of range",
        changed("latitude = 38.3", f"latitude = 138.3 {M}"),
        "station.latitude",
        "138.3",
        "at most 90",
    ),
    Case(
        "no such zone",
        changed('"Asia/Shanghai"', f'"Asia/Yulin" {M}'),
        "station.timezone",
        '"Asia/Yulin"',
        "IANA",
    ),
    Case(
        "name with a space",
        changed('id = "yulin"', f'id = "yu lin" {M}'),
        "station.id",
        '"yu lin"',
        "letters, digits",
    ),
    Case(
        "duration without unit",
        changed('interval = "5min"', f"interval = 300 {M}"),
        "instrument[3].interval",
        "300",
        "duration with its unit",
    ),
    Case(
        "no time at all between readings",
        changed('interval = "5min"', f'interval = "0s" {M}'),
        "instrument[3].interval",
        '"0s"',
        "above 0",
    ),
    Case(
        "time without zone",
        changed("from = 2026-03-01T00:00:00+08:00", f"from = 2026-03-01T00:00:00 {M}"),
        "instrument[1].installation[1].from",
        "2026-03-01T00:00:00",
        "with its zone",
    ),
    Case(
        "time in quotes",
        changed("valid_from = 2026-02-20", f'valid_from = "2026-02-20" {M}'),
        "instrument[1].calibration[1].valid_from",
        '"2026-02-20"',
        "without quotes",
    ),
    Case(
        "gain of zero",
        changed("gain = 1.012", f"gain = 0 {M}"),
        "instrument[1].calibration[1].gain",
        "0",
        "above 0",
    ),
    Case(
        "no such kind",
        changed('kind = "mqtt"', 'kind = "lora"').replace(
            '[[connection]]\nid = "air"', f'[[connection]] {M}\nid = "air"'
        ),
        "connection[2]",
        "a table",
        '"modbus-dtu" or "modbus-rtu" or "modbus-tcp" or "mqtt"',
    ),
    Case(
        "seven bits",
        changed("baudrate = 9600", f"baudrate = 9600\nbytesize = 7 {M}"),
        "connection[1].bytesize",
        "7",
        "expected 8",
    ),
    Case(
        "one bracket too few",
        changed('[[profile]]\nid = "p1"', f'[profile] {M}\nid = "p1"'),
        "profile",
        "a table",
        "[[profile]]",
    ),
    # secrets
    Case(
        "token in the file",
        changed('token = { env = "SOILCO2_INFLUX_TOKEN" }', f'token = "s3cr3t-Token==" {M}'),
        "influxdb.token",
        "(hidden)",
        "never written in the station file",
    ),
    Case(
        "token in place of a variable's name",
        changed('"SOILCO2_INFLUX_TOKEN"', '"s3cr3t-Token=="')
        .replace("token = {", "token = {")
        .replace('"s3cr3t-Token==" }', f'"s3cr3t-Token==" }} {M}'),
        "influxdb.token.env",
        "(hidden)",
        "name of an environment variable",
    ),
    Case(
        "password in the file",
        changed('host = "127.0.0.1"', f'host = "127.0.0.1"\npassword = "s3cr3t" {M}'),
        "mqtt.password",
        "(hidden)",
        "never written",
    ),
    Case(
        "misspelled password",
        changed('host = "127.0.0.1"', f'host = "127.0.0.1"\npasword = "s3cr3t" {M}'),
        "mqtt.pasword",
        "(hidden)",
        "never written",
    ),
    Case(
        "login in a URL",
        changed('http://127.0.0.1:8086"', f'http://me:s3cr3t@127.0.0.1:8086" {M}'),
        "influxdb.url",
        "(hidden)",
        "without user and password",
    ),
    Case(
        "a secret of two sources",
        changed('{ env = "SOILCO2_INFLUX_TOKEN" }', f'{{ env = "A_TOKEN", file = "t" }} {M}'),
        "influxdb.token",
        "(hidden)",
        "exactly one",
    ),
    # wires
    Case(
        "connection twice",
        changed('id = "air"', f'id = "bus1" {M}')
        .replace('connection = "air"', 'connection = "bus1"')
        .replace('"soilco2-node"', '"cwt-soil-thc-s"')
        .replace('channels = ["co2", "soil_temperature", "supply_voltage"]', "address = 30")
        .replace(
            '[[instrument.installation]]\nposition = "site"\nfrom = 2026-03-01\n\n[influxdb]', "[influxdb]"
        ),
        "connection[2].id",
        '"bus1"',
        'used already at line <id = "bus1">',
    ),
    *(
        Case(
            f"{place} as a serial port",
            changed('port = "/dev/serial/by-id/usb-FTDI_FT232R"', f'port = "{place}" {M}'),
            "connection[1].port",
            f'"{place}"',
            "an address in the network is no serial port: Modbus over the network is kind",
        )
        for place in ("socket://10.0.0.5:4001", "rfc2217://10.0.0.5:4001")
    ),
    Case(
        "port twice",
        changed(
            'kind = "mqtt"',
            f'kind = "modbus-rtu"\nbaudrate = 9600\nport = "/dev/serial/by-id/usb-FTDI_FT232R" {M}',
        )
        .replace('"soilco2-node"', '"cwt-soil-thc-s"')
        .replace('channels = ["co2", "soil_temperature", "supply_voltage"]', "address = 30")
        .replace(
            '[[instrument.installation]]\nposition = "site"\nfrom = 2026-03-01\n\n[influxdb]', "[influxdb]"
        ),
        "connection[2].port",
        '"/dev/serial/by-id/usb-FTDI_FT232R"',
        "used already at line <port>",
    ),
    Case(
        "mqtt without a broker",
        changed('[mqtt]\nhost = "127.0.0.1"\n', "").replace('kind = "mqtt"', f'kind = "mqtt" {M}'),
        "connection[2].kind",
        '"mqtt"',
        "add [mqtt]",
    ),
    Case(
        "unknown model",
        changed('model = "vaisala-gmp252"', f'model = "vaisala-gmp-252" {M}'),
        "instrument[1].model",
        '"vaisala-gmp-252"',
        "did you mean 'vaisala-gmp252'?",
    ),
    Case(
        "unknown connection",
        changed('connection = "air"', f'connection = "bus2" {M}'),
        "instrument[4].connection",
        '"bus2"',
        "did you mean 'bus1'?",
    ),
    Case(
        "modbus probe on mqtt",
        changed('serial = "AP77"\nconnection = "bus1"', f'serial = "AP77"\nconnection = "air" {M}'),
        "instrument[3].connection",
        '"air"',
        'needs a connection of kind "modbus-dtu", "modbus-rtu" or "modbus-tcp"',
    ),
    Case(
        "node on a bus",
        changed('connection = "air"', f'connection = "bus1" {M}'),
        "instrument[4].connection",
        '"bus1"',
        'needs a connection of kind "http-json", "mqtt"',
    ),
    Case(
        "no address",
        changed("address = 13\n", "").replace(
            '[[instrument]]\nid = "baro"', f'[[instrument]] {M}\nid = "baro"'
        ),
        "instrument[3].address",
        "",
        "needs its address",
    ),
    Case(
        "address for all",
        changed("address = 13", f"address = 0 {M}"),
        "instrument[3].address",
        "0",
        "from 1 to 247",
    ),
    Case(
        "reserved address",
        changed("address = 13", f"address = 250 {M}"),
        "instrument[3].address",
        "250",
        "from 1 to 247",
    ),
    Case(
        "address of a node",
        changed('connection = "air"\n', f'connection = "air"\naddress = 3 {M}\n'),
        "instrument[4].address",
        "3",
        "have no address",
    ),
    Case(
        "two at one address",
        changed("address = 13", f"address = 12 {M}"),
        "instrument[3].address",
        "12",
        "soil-10 has this address on bus1 already (line <address = 12>)",
    ),
    Case(
        "instrument twice",
        changed('id = "baro"', f'id = "co2-10" {M}'),
        "instrument[3].id",
        '"co2-10"',
        'used already at line <id = "co2-10">',
    ),
    Case(
        "serial number twice",
        changed('serial = "AP77"', f'serial = "R1234567" {M}'),
        "instrument[3].serial",
        '"R1234567"',
        'used already at line <serial = "R1234567">',
    ),
    Case(
        "a speed the probe has not",
        changed("baudrate = 9600", "baudrate = 19200")
        .replace('"linovision-iot-s300ap"', '"vaisala-gmp252"')
        .replace(
            'position = "site"\nfrom = 2026-03-01\n\n[[instrument]]',
            'position = "p1/d30"\nfrom = 2026-03-01\n\n[[instrument]]',
        )
        .replace('["co2", "soil_temperature", "supply_voltage"]', '["soil_temperature", "supply_voltage"]')
        .replace('"cwt-soil-thc-s"', f'"cwt-soil-thc-s" {M}'),
        "instrument[2].model",
        '"cwt-soil-thc-s"',
        "cannot talk at the 19200 baud of bus1, only at 2400, 4800 or 9600; all probes of bus1 can be set to "
        "4800 or 9600",
    ),
    Case(
        "timeout longer than the interval",
        changed('address = 13\ninterval = "5min"', f'address = 13\ninterval = "5s"\ntimeout = "6s" {M}'),
        "instrument[3].timeout",
        '"6s"',
        "1 request of 6 s must fit in the interval of 5 s",
    ),
    Case(
        "two requests longer than the interval",
        changed('address = 11\ninterval = "60s"', f'address = 11\ninterval = "2s" {M}'),
        "instrument[1].interval",
        '"2s"',
        "2 requests of 1 s must fit in the interval of 2 s",
    ),
    Case(
        "compensation of a barometer",
        changed("address = 13\n", f'address = 13\ncompensation = {{ pressure = "none" }} {M}\n'),
        "instrument[3].compensation",
        "",
        "compensation is for CO₂ probes",
    ),
    Case(
        "topic twice",
        changed('kind = "mqtt"', f'kind = "mqtt"\n[[connection]]\nid = "air2" {M}\nkind = "mqtt"').replace(
            f'"air2" {M}\nkind = "mqtt"', f'"air2"\nkind = "mqtt"\ntopic = "soilco2/yulin/data" {M}'
        ),
        "connection[3].topic",
        '"soilco2/yulin/data"',
        "this topic is used already",
    ),
    Case(
        "a broker that is not there",
        changed('kind = "mqtt"', f'kind = "mqtt"\nbroker = "far" {M}').replace(
            "[mqtt]", '[[broker]]\nid = "fare"\n[mqtt]'
        ),
        "connection[2].broker",
        '"far"',
        "no such broker; did you mean 'fare'?",
    ),
    Case(
        "broker twice",
        changed("[mqtt]", f'[[broker]]\nid = "far"\n[[broker]]\nid = "far" {M}\n[mqtt]'),
        "broker[2].id",
        '"far"',
        "this id is used already",
    ),
    Case(
        "topic twice at a broker of its own",
        changed(
            'kind = "mqtt"',
            'kind = "mqtt"\nbroker = "far"\n[[connection]]\nid = "air2"\nkind = "mqtt"\n'
            f'broker = "far"\ntopic = "soilco2/yulin/data" {M}',
        ).replace("[mqtt]", '[[broker]]\nid = "far"\n[mqtt]'),
        "connection[3].topic",
        '"soilco2/yulin/data"',
        "this topic of the broker far is used already",
    ),
    Case(
        "two sessions of one name at a broker",
        changed(
            '[mqtt]\nhost = "127.0.0.1"',
            f'[[broker]]\nid = "far"\nclient_id = "me" {M}\n[mqtt]\nclient_id = "me"',
        ),
        "broker[1].client_id",
        '"me"',
        "this client_id is used already",
    ),
]
