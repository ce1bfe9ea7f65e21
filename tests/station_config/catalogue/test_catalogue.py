"""The catalogue: the built-in files against the manuals, and faults in a file of one's own."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from soilco2.station_config.catalogue import load
from soilco2.station_config.catalogue.load import BUILT_IN, ProbeModel, load_catalogue, read_model
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station
from soilco2.station_config.units import conversion
from soilco2.station_config.variables import VARIABLES, Variables
from tests.station_config.example import MARK, YULIN, faults_of, marked_line, write

MODELS = load_catalogue()


def test_the_built_in_catalogue_has_every_kind_of_instrument_of_a_station() -> None:
    assert {
        "vaisala-gmp252",
        "cwt-soil-thc-s",
        "sensecap-s-temp-vwc-ec-02",
        "linovision-iot-s300ap",
        "soilco2-node",
    } <= set(MODELS)


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.toml")), ids=lambda path: path.stem)
def test_a_built_in_file_is_named_after_its_model_and_says_its_source(path: Path) -> None:
    model = read_model(path)
    assert model.id == path.stem
    assert len(model.source) > 20


def _value(model: str, channel: str, answer: str) -> float:
    """The canonical value of a channel in an answer frame (hex)."""
    spec = MODELS[model].spec(channel)
    assert spec is not None
    data = bytes.fromhex(answer)[3:-2][2 * spec.at.offset :]
    if spec.at.type == "float32":
        words = data[2:4] + data[:2] if spec.at.word_order == "low-first" else data[:4]
        raw = struct.unpack(">f", words)[0]
    else:
        raw = struct.unpack({"int16": ">h", "uint16": ">H"}[spec.at.type], data[:2])[0]
    a, b = conversion(spec.unit, spec.variable)
    return float(a * (raw * spec.scale + spec.shift) + b)


# Frames of the makers' manuals (Vaisala M211897EN, ComWinTop V1.4, Linovision V1.2), with their values.
@pytest.mark.parametrize(
    ("model", "channel", "answer", "value"),
    [
        ("vaisala-gmp252", "co2", "F0 03 04 D4 7A 43 E8 33 AB", 465.66),
        ("cwt-soil-thc-s", "soil_water", "01 03 06 02 92 FF 9B 03 E8 D8 0F", 0.658),
        ("cwt-soil-thc-s", "soil_temperature", "01 03 06 02 92 FF 9B 03 E8 D8 0F", -10.1),
        ("cwt-soil-thc-s", "bulk_ec", "01 03 06 02 92 FF 9B 03 E8 D8 0F", 1.0),
        ("linovision-iot-s300ap", "air_pressure", "01 03 02 03 ED 78 F9", 1005.0),
        # Seeed 101990667 manual, 5.3: 0702h is 17.94 degC, 071Dh is 18.21 % and 1821 µS/cm
        ("sensecap-s-temp-vwc-ec-02", "soil_temperature", "01 03 06 07 02 07 1D 07 1D 00 00", 17.94),
        ("sensecap-s-temp-vwc-ec-02", "soil_water", "01 03 06 07 02 07 1D 07 1D 00 00", 0.1821),
        ("sensecap-s-temp-vwc-ec-02", "bulk_ec", "01 03 06 07 02 07 1D 07 1D 00 00", 1.821),
    ],
)
def test_a_frame_of_the_manual_gives_the_value_it_states(
    model: str, channel: str, answer: str, value: float
) -> None:
    assert _value(model, channel, answer) == pytest.approx(value, rel=1e-5)


def test_the_request_of_the_gmp252_is_that_of_its_manual() -> None:
    # F0 03 00 00 00 02: function 3, from wire address 0, two registers; status at 0800h
    values, status = MODELS["vaisala-gmp252"].block
    assert (values.function, values.start, values.count) == (3, 0, 2)
    assert (status.function, status.start, status.count) == (3, 0x800, 2)
    (word,) = MODELS["vaisala-gmp252"].status
    masks = {bit.name: bit.mask for bit in word.bits}
    assert masks["device-error"] == 2 << 16  # register 2049: device status 2 is an error
    assert masks["device-not-ready"] == 256  # register 2050: CO2 status 256 is not ready


def test_a_node_may_send_every_variable_in_its_canonical_unit() -> None:
    channels = {spec.id: spec.unit for spec in MODELS["soilco2-node"].channel}
    assert channels == {name: row.unit for name, row in VARIABLES.items()}


PROBE = """\
id = "mine"
maker = "me"
name = "mine"
protocol = "modbus-rtu"
source = "the manual of the probe"
[[block]]
id = "values"
function = 3
start = 0
count = 2
[[channel]]
id = "t"
variable = "soil_temperature"
unit = "degC"
block = "values"
type = "float32"
[[status]]
block = "values"
offset = 1
bits = [ { mask = 1, name = "x", flag = 4 } ]
"""


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("count = 2", "count = 2\ncounts = 2", "block[1].counts", "did you mean 'count'?"),
        ('variable = "soil_temperature"', 'variable = "soil_temp"', "channel[1].variable", "unknown"),
        ('unit = "degC"', 'unit = "hPa"', "channel[1].unit", "does not fit soil_temperature"),
        ('type = "float32"', 'type = "double"', "channel[1].type", "'float32'"),
        ('type = "float32"', 'type = "number"', "channel[1].type", "a register needs its type"),
        ('type = "float32"', 'type = "float32"\noffset = 1', "channel[1].offset", "do not fit in it"),
        (
            'unit = "degC"\nblock = "values"',
            'unit = "degC"\nblock = "value"',
            "channel[1].block",
            "did you mean 'values'?",
        ),
        ("offset = 1\nbits", "offset = 2\nbits", "status[1].offset", "do not fit in it"),
        (
            "offset = 1\nbits",
            'offset = 1\nchannels = ["u"]\nbits',
            "status[1].channels[1]",
            "no such channel",
        ),
        ('type = "float32"', 'type = "float32"\nlower = 2\nupper = 1', "channel[1].upper", "above lower = 2"),
        ('type = "float32"', 'type = "float32"\nscale = 0', "channel[1].scale", "other than 0"),
        ("flag = 4", "flag = 1", "status[1].bits[1].flag", "expected 3 or 4"),
    ],
)
def test_a_fault_in_a_file_of_ones_own_names_file_and_line(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    assert PROBE.count(old) == 1
    path = write(tmp_path, PROBE.replace(old, new), "probes/mine.toml")
    (fault,) = faults_of(write(tmp_path, 'catalogue = ["probes"]\n' + YULIN))
    assert (fault.file, fault.key) == (str(path), key)
    assert expected in fault.expected
    row = path.read_text(encoding="utf-8").split("\n")[(fault.line or 0) - 1]
    assert row.startswith(key.rsplit(".", 1)[-1].split("[")[0]) or "flag" in row


def test_a_channel_twice_and_a_modbus_model_without_registers_are_faults(tmp_path: Path) -> None:
    twice = (
        PROBE
        + f'[[channel]]\nid = "t" {MARK}\nvariable = "rain"\nunit = "mm"\nblock = "values"\ntype = "uint16"\n'
    )
    with pytest.raises(StationFileError) as caught:
        read_model(write(tmp_path, twice, "a.toml"))
    assert [fault.line for fault in caught.value.faults] == [marked_line(twice)]
    none = (
        PROBE[: PROBE.index("[[block]]")]
        + '[[channel]]\nid = "t"\nvariable = "rain"\nunit = "mm"\ntype = "uint16"\n'
    )
    with pytest.raises(StationFileError, match="needs \\[\\[block\\]\\] tables"):
        read_model(write(tmp_path, none, "b.toml"))


def test_a_later_folder_replaces_a_model(tmp_path: Path) -> None:
    write(tmp_path, PROBE.replace('"mine"', '"vaisala-gmp252"'), "probes/vaisala-gmp252.toml")
    assert load_catalogue(tmp_path / "probes")["vaisala-gmp252"].maker == "me"
    assert load_catalogue()["vaisala-gmp252"].maker == "Vaisala"


def test_a_station_file_costs_the_models_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def one(name: str, variables: Variables) -> ProbeModel:
        read.append(name)
        return read_model(BUILT_IN / f"{name}.toml", variables)

    monkeypatch.setattr(load, "_built_in", one)
    assert set(load_station(write(tmp_path, YULIN)).models) == set(read)


def test_two_files_with_one_id_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path, PROBE, "probes/a.toml")
    write(tmp_path, PROBE, "probes/b.toml")
    with pytest.raises(StationFileError, match="another file of this folder has this id"):
        load_catalogue(tmp_path / "probes")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, PROBE, "probes/mine.toml")
    assert load_catalogue(tmp_path / "probes")["mine"].maker == "me"
    write(tmp_path, PROBE.replace('"me"', '"you, later"'), "probes/mine.toml")
    assert path.stat().st_mtime_ns
    assert load_catalogue(tmp_path / "probes")["mine"].maker == "you, later"


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of(write(tmp_path, 'catalogue = ["probes"]\n' + YULIN))
    assert fault.file == str(tmp_path / "probes")
    assert "does not exist" in fault.expected
    assert load_station(write(tmp_path, YULIN)).models
