"""Frames of LoRaWAN devices and what they say, in the unit of the channel.

``maker``: a frame and its values as the maker's manual, page or codec example state them. ``capture``: a frame as a
device sent it. ``made``: a frame of our own in the documented layout, its values by hand from the layout; where the
maker's own decoder says something else for it, that stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Frame(NamedTuple):
    """A frame, and what is right."""

    model: str
    port: int
    hex: str
    values: dict[str, float | None]
    kind: str
    source: str
    health: Mapping[str, float] = MappingProxyType({})


TTN = "TheThingsNetwork/lorawan-devices, vendor/"
MILESIGHT = "Milesight-IoT/SensorDecoders, em-series/"

FRAMES = [
    Frame(
        "dragino-lse01",
        2,
        "0CE4010508340910012C00",
        {"soil_water": 21.0, "soil_temperature": 23.2, "bulk_ec": 300.0},
        "made",
        "decoded by dragino/lse01.js alike",
        {"battery_voltage": 3.3},
    ),
    Frame(
        "dragino-lse01",
        2,
        "0CE47FFF0834FC18012C00",
        {"soil_water": 21.0, "soil_temperature": -10.0, "bulk_ec": 300.0},
        "made",
        "lse01.js: -9.99 degC, DS18B20 3276.7",
    ),
    Frame(
        "dragino-lse01",
        2,
        "0CE4FFC10000FFFF000010",
        {"soil_water": 0.0, "soil_temperature": -0.01, "bulk_ec": 0.0},
        "made",
        "lse01.js: 0.00 degC",
    ),
    Frame(
        "dragino-lse01",
        2,
        "0CE401050834FF7E012C00",
        {"soil_water": 21.0, "soil_temperature": -1.30, "bulk_ec": 300.0},
        "made",
        "FF7E is -1.29 in the manual 2.3.3, which takes 0xFFFF from it",
    ),
    Frame(
        "dragino-lse01",
        2,
        "4CE40CCC0834091000C800",
        {"soil_water": 21.0, "soil_temperature": 23.2, "bulk_ec": 200.0},
        "made",
        "00C8 is 200 µS/cm in the manual 2.3.4; top bits of the battery are no voltage",
        {"battery_voltage": 3.3},
    ),
    Frame(
        "dragino-se01-lb",
        2,
        "0F5A0CCC0000079D000010",
        {"soil_water": 0.0, "soil_temperature": 19.49, "bulk_ec": 0.0},
        "capture",
        "the comment in a public decoder of SE01-L",
        {"battery_voltage": 3.93},
    ),
    Frame(
        "dragino-lht65",
        2,
        "CBF60B0D0376010ADD7FFF",
        {"air_temperature": 28.29, "air_humidity": 88.6},
        "maker",
        TTN + "dragino/lht65-codec.yaml",
        {"battery_voltage": 3.062},
    ),
    Frame(
        "milesight-em500-smtc",
        85,
        "0175620367D50004CA8E0B057F3C01",
        {"soil_water": 29.58, "soil_temperature": 21.3, "bulk_ec": 316.0},
        "made",
        "its decoder alike",
        {"battery_percent": 98},
    ),
    Frame("milesight-em500-smtc", 85, "0367CEFF", {"soil_temperature": -5.0}, "made", "its decoder alike"),
    Frame(
        "milesight-em500-smtc",
        85,
        "046873",
        {"soil_water": 57.5},
        "made",
        "its decoder alike: firmware of old",
    ),
    Frame(
        "milesight-em500-smtc",
        85,
        "FF0BFFFF166136B401020304050367D500",
        {"soil_temperature": 21.3},
        "made",
        "device status and serial number come first",
    ),
    Frame(
        "milesight-em500-co2",
        85,
        "01756403671901046873057D670406736827",
        {"air_temperature": 28.1, "air_humidity": 57.5, "co2": 1127.0, "air_pressure": 1008.8},
        "maker",
        MILESIGHT + "em500-co2/README.md",
        {"battery_percent": 100},
    ),
    Frame(
        "milesight-em500-pt100",
        85,
        "01756403671901",
        {"soil_temperature": 28.1},
        "maker",
        MILESIGHT + "em500-pt100/README.md",
    ),
    Frame(
        "milesight-em300-th",
        85,
        "01755C03673401046865",
        {"air_temperature": 30.8, "air_humidity": 50.5},
        "maker",
        MILESIGHT + "em300-th/README.md",
        {"battery_percent": 92},
    ),
    Frame(
        "sensecap-s2105",
        2,
        "01061034530000010710105E0000010C103C0100000000",
        {"soil_temperature": 21.3, "soil_water": 24.08, "bulk_ec": 0.316},
        "made",
        "sensecap-lorawan 1.0.0 alike",
    ),
    Frame(
        "sensecap-s2104",
        2,
        "0106107CFEFFFF010710105E0000FFFF",
        {"soil_temperature": -0.388, "soil_water": 24.08},
        "made",
        "sensecap-lorawan 1.0.0 alike",
    ),
    Frame(
        "sensecap-s2101",
        2,
        "01011098530000010210A87A0000AF51",
        {"air_temperature": 21.4, "air_humidity": 31.4},
        "maker",
        TTN + "sensecap/sensecap210x-codec.yaml",
    ),
    Frame(
        "sensecap-s2103",
        2,
        "010410B0BC040001011098530000010210A87A00000000",
        {"co2": 310.448, "air_temperature": 21.4, "air_humidity": 31.4},
        "made",
        "the maker's example, and id 4100 of its guide",
    ),
    Frame(
        "sensecap-s2105",
        2,
        "00070064003C000000",
        {},
        "maker",
        TTN + "sensecap/sensecap210x-codec.yaml, its second record",
        {"battery_percent": 100},
    ),
    Frame(
        "decentlab-dl-trs12",
        1,
        "0210D3000346BE813D00000C80",
        {"soil_water": 0.0068869, "soil_temperature": 31.7, "bulk_ec": 0.0},
        "maker",
        TTN + "decentlab/dl-trs12-codec.yaml",
        {"battery_voltage": 3.2},
    ),
    Frame(
        "decentlab-dl-trs12",
        1,
        "0210D300020C80",
        {},
        "maker",
        TTN + "decentlab/dl-trs12-codec.yaml",
        {"battery_voltage": 3.2},
    ),
    Frame(
        "decentlab-dl-trs11",
        1,
        "0210D50003463F810B0C79",
        {"soil_water": 0.00196057, "soil_temperature": 26.7},
        "maker",
        TTN + "decentlab/dl-trs11-codec.yaml",
        {"battery_voltage": 3.193},
    ),
    Frame(
        "decentlab-dl-lp8p",
        1,
        "020578000F67BD618D1CEDBD1081D981F4895B0BD80BB50000959895390C25",
        {
            "co2": 473.0,
            "air_temperature": 24.35660461425781,
            "air_humidity": 41.63221740722656,
            "air_pressure": 96800.0,
        },
        "maker",
        TTN + "decentlab/dl-lp8p-codec.yaml",
        {"battery_voltage": 3.109},
    ),
    Frame(
        "decentlab-dl-lp8p",
        1,
        "020578000B67BD618D1CEDBD100C25",
        {"air_temperature": 24.35660461425781, "air_humidity": 41.63221740722656, "air_pressure": 96800.0},
        "maker",
        TTN + "decentlab/dl-lp8p-codec.yaml",
        {"battery_voltage": 3.109},
    ),
    Frame(
        "decentlab-dl-sht35",
        1,
        "02030E000364A079B10C60",
        {"air_temperature": 23.787670710307466, "air_humidity": 47.536430914778364},
        "maker",
        TTN + "decentlab/dl-sht35-codec.yaml",
        {"battery_voltage": 3.168},
    ),
    Frame(
        "decentlab-dl-ds18",
        1,
        "02023D0003815E0C15",
        {"soil_temperature": 21.875},
        "maker",
        TTN + "decentlab/dl-ds18-codec.yaml",
        {"battery_voltage": 3.093},
    ),
    # fault codes: no number, whatever the maker's decoder makes of them
    Frame(
        "milesight-em500-smtc",
        85,
        "04CAFFFF057FFFFF",
        {"soil_water": None, "bulk_ec": None},
        "made",
        "its decoder: collection failed",
    ),
    Frame(
        "milesight-em500-smtc",
        85,
        "04CAFDFF057FFDFF",
        {"soil_water": None, "bulk_ec": None},
        "made",
        "its decoder: out of range",
    ),
    Frame(
        "milesight-em500-co2",
        85,
        "0468FF057DFFFF0673FFFF",
        {"air_humidity": None, "co2": None, "air_pressure": None},
        "made",
        "its decoder: 127.5 %, 65535 ppm, 6553.5 hPa",
    ),
    Frame(
        "sensecap-s2105",
        2,
        "010610009435770000",
        {"soil_temperature": None},
        "made",
        "the maker's decoder: 2000000",
    ),
    Frame(
        "dragino-lse01",
        2,
        "0CE40105FFFF7FFFFFFF00",
        {"soil_water": None, "soil_temperature": None, "bulk_ec": None},
        "made",
        "lse01.js: 655.35 %, 327.67 degC, 65535 µS/cm",
    ),
]
