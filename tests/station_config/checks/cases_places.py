"""Station files with one fault: channels, places, times, limits."""

from __future__ import annotations

from tests.station_config.example import MARK as M
from tests.station_config.example import SOIL, YULIN, Case, changed, second

PLACES = [
    # channels
    Case(
        "calibration of an unknown channel",
        changed('channel = "co2"', f'channel = "c02" {M}'),
        "instrument[1].calibration[1].channel",
        '"c02"',
        "did you mean 'co2'?",
    ),
    Case(
        "words for an unknown channel",
        changed("address = 12\n", f'address = 12\nmodelled = {{ ec = "x" }} {M}\n'),
        "instrument[2].modelled.ec",
        '"x"',
        "no such channel",
    ),
    Case(
        "use of an unknown channel",
        changed('"co2", "soil_temperature", "supply_voltage"]', f'"co2", "soil_temp", "supply_voltage"] {M}'),
        "instrument[4].channels[2]",
        '"soil_temp"',
        "did you mean 'soil_temperature'?",
    ),
    Case(
        "unknown setting",
        changed("address = 12\n", f"address = 12\nsettings.ec_coeff = 0.02 {M}\n"),
        "instrument[2].settings.ec_coeff",
        "0.02",
        "did you mean 'ec_coefficient'?",
    ),
    Case(
        "installation of an unknown channel",
        changed(
            SOIL, f'[[instrument.installation]]\nchannel = "ec" {M}\nposition = "p1/d10"\nfrom = 2026-03-01\n'
        ),
        "instrument[2].installation[1].channel",
        '"ec"',
        "cwt-soil-thc-s has no such channel",
    ),
    Case(
        "installation of an unused channel",
        changed(
            '[[instrument.installation]]\nposition = "p1/d30"',
            f'[[instrument.installation]]\nchannel = "rain" {M}\nposition = "p1/d30"',
        ),
        "instrument[4].installation[1].channel",
        '"rain"',
        "does not list this channel",
    ),
    # places
    Case(
        "unknown position",
        changed(SOIL, SOIL.replace('"p1/d10"', f'"p1/d1O" {M}')),
        "instrument[2].installation[1].position",
        '"p1/d1O"',
        "did you mean 'p1/d10'?",
    ),
    Case(
        "profile called site",
        changed('[[profile]]\nid = "p1"', f'[[profile]]\nid = "site" {M}').replace('"p1/', '"site/'),
        "profile[1].id",
        '"site"',
        "kept for variables without depth",
    ),
    Case(
        "position twice",
        changed('id = "d30"', f'id = "d10" {M}')
        .replace('"p1/d30"', '"p1/d10"')
        .replace('"co2", "soil_temperature", "supply_voltage"', '"pore_ec", "supply_voltage"'),
        "profile[1].position[2].id",
        '"d10"',
        'used already at line <id = "d10">',
    ),
    Case(
        "one depth twice",
        changed("depth_m = 0.30", f"depth_m = 0.10 {M}"),
        "profile[1].position[2].depth_m",
        "0.1",
        "position d10 (line <depth_m>)",
    ),
    Case(
        "one depth, one letter",
        changed("depth_m = 0.10", 'depth_m = 0.10\nreplicate = "A"').replace(
            "depth_m = 0.30", f'depth_m = 0.10 {M}\nreplicate = "A"'
        ),
        "profile[1].position[2].depth_m",
        "0.1",
        "letter of their own",
    ),
    Case(
        "soil CO2 at the site",
        changed('channel = "co2"', 'channel = "co2"').replace(
            'position = "p1/d10"\nfrom = 2026-03-01T00:00:00+08:00',
            f'channel = "co2"\nposition = "site" {M}\nfrom = 2026-03-01',
        ),
        "instrument[1].installation[1].position",
        '"site"',
        "needs a position with a depth",
    ),
    Case(
        "pressure at a depth",
        changed(
            'position = "site"\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"',
            f'channel = "air_pressure"\nposition = "p1/d10" {M}\nfrom = 2026-03-01\n\n'
            '[[instrument]]\nid = "node-30"',
        ),
        "instrument[3].installation[1].position",
        '"p1/d10"',
        'write position = "site"',
    ),
    Case(
        "nothing of it belongs there",
        changed(
            'position = "site"\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"',
            f'position = "p1/d10" {M}\nfrom = 2026-03-01\n\n[[instrument]]\nid = "node-30"',
        ),
        "instrument[3].installation[1].position",
        '"p1/d10"',
        'air_pressure belong at "site"',
    ),
    # time
    Case(
        "ends before it begins",
        changed(SOIL, SOIL + f"until = 2026-02-28 {M}\n"),
        "instrument[2].installation[1].until",
        "2026-02-28",
        "after its beginning, 2026-03-01",
    ),
    Case(
        "ends as it begins",
        changed(
            "from = 2026-03-01T00:00:00+08:00", f"from = 2026-03-01T00:00:00+08:00\nuntil = 2026-03-01 {M}"
        ),
        "instrument[1].installation[1].until",
        "2026-03-01",
        "after its beginning",
    ),
    Case(
        "the same channel at two places",
        changed(
            SOIL,
            SOIL
            + '[[instrument.installation]]\nposition = "p1/d30"\n'
            + f'channel = "bulk_ec"\nfrom = 2026-04-01 {M}\n',
        ),
        "instrument[2].installation[2].from",
        "2026-04-01",
        'channel bulk_ec of soil-10 is at p1/d10 at this time already (line <position = "p1/d10"  # soil>)',
    ),
    Case(
        "an installation repeated",
        changed(SOIL, SOIL + SOIL.replace("from = 2026-03-01", f"from = 2026-03-01 {M}")),
        "instrument[2].installation[2].from",
        "2026-03-01",
        'is there at this time already (line <position = "p1/d10"  # soil>)',
    ),
    Case(
        "two instruments, one series",
        second(position='p1/d10" #<<\n#"'),
        "instrument[5].installation[1].position",
        '"p1/d10"',
        "soil-10.soil_water gives the series p1/d10/soil_water at this time already "
        '(line <position = "p1/d10"  # soil>)',
    ),
    Case(
        "two calibrations from one moment",
        changed(
            'certificate = "NIM-2026-0415"',
            'certificate = "a"\n'
            '[[instrument.calibration]]\nchannel = "co2"\n'
            f'valid_from = 2026-02-20T00:00:00+08:00 {M}\ncertificate = "b"',
        ),
        "instrument[1].calibration[2].valid_from",
        "2026-02-20T00:00:00+08:00",
        "another calibration from this moment (line <valid_from>)",
    ),
    Case(
        "a certificate that ends before it begins",
        changed("valid_from = 2026-02-20", f"valid_from = 2026-02-20\nvalid_until = 2026-01-01 {M}"),
        "instrument[1].calibration[1].valid_until",
        "2026-01-01",
        "after its beginning",
    ),
    # limits and soil
    Case(
        "limits of an unknown variable",
        YULIN + f'[[quality.limits]]\nvariable = "c02" {M}\n',
        "quality.limits[1].variable",
        '"c02"',
        "did you mean 'co2'?",
    ),
    Case(
        "limits at an unknown position",
        YULIN + f'[[quality.limits]]\nvariable = "co2"\nposition = "p2/d10" {M}\n',
        "quality.limits[1].position",
        '"p2/d10"',
        "did you mean",
    ),
    Case(
        "limits the wrong way round",
        YULIN + f'[[quality.limits]]\nvariable = "co2"\nlower = 300\nsuspect_upper = 200 {M}\n',
        "quality.limits[1].suspect_upper",
        "200",
        "above lower = 300",
    ),
    Case(
        "limits twice",
        YULIN + f'[[quality.limits]]\nvariable = "co2"\n[[quality.limits]] {M}\nvariable = "co2"\n',
        "quality.limits[2]",
        "",
        "join them",
    ),
    Case(
        "soil of an unknown profile",
        YULIN + f'[[soil.horizon]]\ntop_m = 0\nbottom_m = 1\nporosity = 0.4\nprofile = "p9" {M}\n',
        "soil.horizon[1].profile",
        '"p9"',
        "no such profile",
    ),
    Case(
        "database twice",
        changed("[influxdb]", "[[influxdb]]")
        + f'[[influxdb]] {M}\nurl = "http://127.0.0.1:8087"\norg = "o"\nbucket = "b"\n'
        + 'token = { env = "B" }\n',
        "influxdb[2].id",
        '"influxdb"',
        "each needs one of its own",
    ),
]
