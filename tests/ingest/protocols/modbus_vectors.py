"""Answers of Modbus instruments and what they say, in the unit of the channel.

``maker``: printed in a maker's document, with its value; where only the registers are printed, the frame around them is
ours. ``capture``: published by somebody who has the device. ``made``: of our own in the layout of the cited list.
`start` is the wire address of the first register in the answer.
"""

from __future__ import annotations

from typing import NamedTuple


class Vector(NamedTuple):
    """An answer, and what is right; None where the instrument says that it has no value."""

    model: str
    kind: str
    source: str
    start: int
    frame: str
    values: dict[str, float | None]


VECTORS = [
    Vector(
        "vaisala-gmp252", "maker", "Vaisala M211897EN, A.3",
        0, "F0 03 04 D4 7A 43 E8 33 AB", {"co2": 465.65997},
    ),
    Vector(
        "vaisala-gmp251", "maker", "Vaisala M211799EN, the example for GMP25x",
        0, "F0 03 04 D4 7A 43 E8 33 AB", {"co2": 465.65997},
    ),
    Vector(
        "senseair-k30", "maker", "CO2Meter AN123",
        3, "68 04 02 03 01 24 09", {"co2": 769.0},
    ),
    Vector(
        "senseair-s8", "maker", "Modbus on Senseair S8; the S8 data sheet",
        3, "FE 04 02 01 90 AC D8", {"co2": 400.0},
    ),
    Vector(
        "sensirion-scd30", "maker", "SCD30 Interface Description, read measurement",
        0x28, "61 03 0C 43 DB 8C 2E 41 D9 E7 FF 42 43 3A 1B 50 07",
        {"co2": 439.09, "air_temperature": 27.2, "air_humidity": 48.8},
    ),
    Vector(
        "cwt-soil-thc-s", "maker", "CWT-Soil manual V1.4; its printed checksum is wrong",
        0, "01 03 06 02 92 FF 9B 03 E8 D8 0F", {"soil_water": 65.8, "soil_temperature": -10.1, "bulk_ec": 1000.0},
    ),
    Vector(
        "sensecap-s-temp-vwc-ec-02", "maker", "Seeed 101990667 manual, page 17, where the read is by function 4",
        0, "01 04 06 08 90 0E 93 02 4E D2 57", {"soil_temperature": 21.92, "soil_water": 37.31, "bulk_ec": 590.0},
    ),
    Vector(
        "tdr-5-soil", "maker", "foodjx.com, product 7138522",
        0, "02 03 04 FF DD 01 64 69 66", {"soil_temperature": -3.5, "soil_water": 35.6},
    ),
    Vector(
        "dfrobot-sen0600", "maker", "Renke RS-WS-N01-TR manual, the twin of 4800 Bd",
        0, "01 03 04 02 92 FF 9B 5A 3D", {"soil_water": 65.8, "soil_temperature": -10.1},
    ),
    Vector(
        "renke-rs-npk-n01-tr", "maker", "RS-NPK-N01-TR manual V1.0, pages 9 to 11",
        0x1E, "01 03 02 00 20 B9 9C", {"nitrogen": 32.0},
    ),
    Vector(
        "linovision-iot-s300ap", "maker", "IOT-S300AP manual V1.2, page 4",
        0, "01 03 02 03 ED 78 F9", {"air_pressure": 100.5},
    ),
    Vector(
        "renke-rs-ws-n01", "maker", "store.comwintop.com, temperature and humidity probe: the registers",
        0, "01 03 04 01 E6 FF 9F 1B A0", {"air_humidity": 48.6, "air_temperature": -9.7},
    ),
    Vector(
        "xy-md02", "maker", "leaflet of the XY-MD02",
        1, "01 04 02 01 31 79 74", {"air_temperature": 30.5},
    ),
    Vector(
        "microrobotics-rs485-th", "maker", "github.com/microrobotics/RS485-TH",
        0, "01 03 04 01 11 02 72 2A 8F", {"air_temperature": 27.3, "air_humidity": 62.6},
    ),
    Vector(
        "seeed-orch-s4", "maker", "Seeed 101990661 user guide, 4.3: the registers",
        0, "01 04 08 0A EE 1A B2 00 01 87 D5 00 00",
        {"air_temperature": 27.98, "air_humidity": 68.34, "air_pressure": 100309.0},
    ),
    Vector(
        "seeed-orch-s4", "maker", "Seeed 101990661 user guide, 4.3: the register",
        0, "01 04 02 FF 05 00 00", {"air_temperature": -2.51},
    ),
    Vector(
        "sensecap-one-s1000", "maker", "Seeed 101990787 manual, page 31",
        0, "01 04 04 00 00 6E 8C D6 41", {"air_temperature": 28.3},
    ),
    Vector(
        "dfrobot-sen0482", "maker", "wiki.dfrobot.com/sen0482: the register",
        0, "02 03 02 02 8F 00 00", {"wind_direction": 65.5},
    ),
    Vector(
        "dfrobot-sen0483", "maker", "wiki.dfrobot.com/sen0483",
        0, "02 03 02 00 25 3D 9F", {"wind_speed": 3.7},
    ),
    Vector(
        "peacefair-pzem-017", "capture", "github.com/ptvoinfo/zigbee-configurable-firmware, issue 78",
        0, "01 04 10 04 95 00 00 00 00 00 00 00 02 00 00 00 00 00 00 21 40", {"supply_voltage": 11.73},
    ),
    Vector(
        "senseair-sunrise", "made", "Senseair-AB/Sunrise-Examples---Arduino",
        0, "68 04 08 00 00 00 00 00 00 FF FB 00 00", {"co2": -5.0},
    ),
    Vector(
        "renke-rs-ecthph", "made", "sankhyafarms.com, RS-ECTHPH-N01-TR-1",
        0, "01 03 08 01 02 FF E2 00 57 00 53 00 00",
        {"soil_water": 25.8, "soil_temperature": -3.0, "bulk_ec": 87.0, "soil_ph": 8.3},
    ),
    Vector(
        "cwt-soil-thcph-s", "made", "configuration tool of the CWT-SOIL-THCPH-S",
        0, "01 03 08 01 02 FF E2 00 57 7F FF 00 00",
        {"soil_water": 25.8, "soil_temperature": -3.0, "bulk_ec": 87.0, "soil_ph": None},
    ),
    Vector(
        "cwt-soil-npkphcth-s", "made", "CWT NPK type manual V1.4",
        0, "01 03 0E 01 02 00 D5 00 57 00 48 00 20 00 25 00 30 00 00",
        {
            "soil_water": 25.8, "soil_temperature": 21.3, "bulk_ec": 87.0, "soil_ph": 7.2,
            "nitrogen": 32.0, "phosphorus": 37.0, "potassium": 48.0,
        },
    ),
    Vector(
        "womaster-es107-soil", "made", "womaster.eu, ES107-Soil",
        0, "01 03 0E 01 02 FF 38 00 57 00 48 00 20 00 25 00 30 00 00",
        {"soil_water": 25.8, "soil_temperature": -20.0, "bulk_ec": 87.0},
    ),
    Vector(
        "jxct-jxbs-3001-7in1", "made", "sankhyafarms.com, JXBS-3001-TR (7-in-1)",
        6, "01 03 02 02 AF 00 00", {"soil_ph": 6.87},
    ),
    Vector(
        "jxct-jxbs-3001-7in1", "made", "sankhyafarms.com, JXBS-3001-TR (7-in-1)",
        0x12, "01 03 04 02 92 FF 9B 00 00", {"soil_water": 65.8, "soil_temperature": -10.1},
    ),
    Vector(
        "jxct-jxbs-3001-7in1", "made", "sankhyafarms.com, JXBS-3001-TR (7-in-1)",
        0x1E, "01 03 06 00 20 00 25 FF FF 00 00", {"nitrogen": 32.0, "phosphorus": 37.0, "potassium": None},
    ),
    Vector(
        "linovision-iot-s300smt", "made", "IOT-S300SMT manual V1.0; the scale is assumed",
        0, "01 03 06 01 02 FF E2 00 57 00 00", {"soil_water": 25.8, "soil_temperature": -3.0, "bulk_ec": 87.0},
    ),
    Vector(
        "lambrecht-pro-wind-speed", "made", "Lambrecht PRO-Modbus manual, 10.5",
        30002, "01 04 02 00 25 00 00", {"wind_speed": 3.7},
    ),
    Vector(
        "lambrecht-pro-wind-speed", "made", "Lambrecht PRO-Modbus manual, 10.5: D8F1h is an error",
        30002, "01 04 02 D8 F1 00 00", {"wind_speed": None},
    ),
    Vector(
        "lambrecht-pro-wind-direction", "made", "Lambrecht PRO-Modbus manual, 10.5",
        30201, "02 04 02 0B 54 00 00", {"wind_direction": 290.0},
    ),
    Vector(
        "lambrecht-rain-e", "made", "Lambrecht rain[e]H3 manual, 11.5",
        31103, "03 04 04 00 00 04 B0 00 00", {"rain": 1.2},
    ),
    Vector(
        "lambrecht-rain-e", "made", "Lambrecht rain[e]H3 manual, 11.5: FF676981h is an error",
        31103, "03 04 04 FF 67 69 81 00 00", {"rain": None},
    ),
    Vector(
        "epever-tracer", "made", "softwarecrash/EPEver2MQTT, src/epregister.h",
        0x3104, "01 04 02 05 19 00 00", {"supply_voltage": 13.05},
    ),
    Vector(
        "campbell-metsens300", "made", "help.campbellsci.com, MetSENS300; the order of the words is assumed",
        0, "01 03 0C 44 5A 20 00 42 21 00 00 C0 60 00 00 00 00",
        {"air_pressure": 872.5, "air_humidity": 40.25, "air_temperature": -3.5},
    ),
    Vector(
        "waveshare-analog-input-8ch", "made", "Waveshare wiki; what inputs measure is in tests of the station file",
        0, "01 04 10 0F A0 4E 20 00 00 00 00 00 00 00 00 00 00 00 01 00 00", {},
    ),
]  # fmt: skip
"""A frame that ends in 00 00 gets its checksum in the test."""
